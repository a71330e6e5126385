/** Controls of a few options, and of a list of short texts. Their text is the value as JSON. */
import type { Control } from './controls.ts';
import { createButton, createElement, emitInput, type FieldContext } from './field.ts';
import { asList, isSameJson, type Json } from './json.ts';
import { formatMessage, formatValue, type Messages } from './messages.ts';
import type { LeafSpec, Option } from './schema-to-fields.ts';
import { findBrokenRule } from './validation.ts';

export function getOptionLabel(options: readonly Option[], value: Json, { lang, yes, no }: Messages): string {
  const label = options.find((option) => isSameJson(option.value, value))?.label;
  return label ?? (value === true ? yes : value === false ? no : formatValue(value, lang));
}

export const formatJson = (value: Json | undefined): string =>
  value === undefined || value === null ? '' : JSON.stringify(value);
export const parseText = (text: string): Json | undefined => (text === '' ? undefined : JSON.parse(text));

/** The list of a text; an empty list is not stored where there was none. */
const parseList: Control['parse'] = (text, { stored }) =>
  text === '' && stored !== undefined ? [] : parseText(text);
const formatList = (values: readonly Json[]): string => (values.length > 0 ? JSON.stringify(values) : '');

/** A select, or radio buttons; check boxes for several options, which can look like chips. */
export function createChoiceControl(spec: LeafSpec, { messages, nextId }: FieldContext): Control {
  const { kind, options, isRequired, schema, widget } = spec;
  const isMulti = kind === 'multi';
  const type = isMulti ? 'checkbox' : 'radio';
  const fallback = schema['default'];
  const getLabel = (value: Json) => getOptionLabel(options, value, messages);
  const select = createElement('select', 'input');
  const role = isMulti ? 'group' : 'radiogroup';
  const group = createElement('div', `options ${widget}`, { role });
  const element = isMulti || widget === 'radio' ? group : select;
  const name = nextId();
  const offered = new Set<string>();
  function offer(text: string): void {
    if (offered.has(text)) return;
    offered.add(text);
    const label =
      text === ''
        ? messages.notSet + (fallback === undefined ? '' : ` (${getLabel(fallback)})`)
        : getLabel(JSON.parse(text));
    if (element === select) {
      select.append(new Option(label, text));
      return;
    }
    const input = createElement('input', type, { type, name });
    input.value = text;
    group.append(createElement('label', 'line option', {}, input, createElement('span', '', {}, label)));
  }
  if (!isMulti && !isRequired) offer('');
  for (const { value } of options) offer(JSON.stringify(value));
  const getInputs = () => [...group.querySelectorAll('input')];
  const getChosen = () => getInputs().filter(({ checked }) => checked);
  return {
    element,
    getText() {
      const texts = getChosen().map(({ value }) => value);
      if (element === select) return select.value;
      return isMulti && texts.length > 0 ? `[${texts.join()}]` : (texts[0] ?? '');
    },
    setText(text) {
      const texts = isMulti ? asList(parseText(text)).map((value) => JSON.stringify(value)) : [text];
      // A stored value that is no longer offered stays until another is chosen.
      for (const one of texts) if (one !== '' || element === select) offer(one);
      select.value = text;
      for (const input of getInputs()) input.checked = texts.includes(input.value);
    },
    format(value) {
      if (!isMulti) return formatJson(value);
      const list = asList(value);
      // In the order of the options.
      return formatList(
        options.map((option) => option.value).filter((one) => list.some((other) => isSameJson(one, other))),
      );
    },
    parse: isMulti ? parseList : parseText,
    getFocused: () => getChosen()[0] ?? getInputs()[0] ?? select,
  };
}

/** Short texts, each with a button that removes it, and an input for the next one. */
export function createTagsControl(spec: LeafSpec, { messages, announce }: FieldContext): Control {
  const { item = spec, placeholder } = spec;
  const list = createElement('ul', 'items');
  const input = createElement('input', 'input', {
    type: item.widget,
    placeholder: placeholder || item.placeholder,
    autocomplete: 'off',
    dir: 'auto',
    'aria-label': messages.add,
  });
  const element = createElement('div', 'tags', { role: 'group' }, list, input);
  let tags: readonly string[] = [];
  const getButtons = () => [...list.querySelectorAll('button')];
  const getAll = () => [...tags, input.value.trim()].filter((tag) => tag !== '');

  function show(next: readonly string[]): void {
    tags = next;
    list.hidden = tags.length === 0;
    list.replaceChildren(
      ...tags.map((tag, index) => {
        const remove = createButton('×', 'remove', () => {
          show(tags.toSpliced(index, 1));
          emitInput(element);
          announce(formatMessage(messages.removed, { label: tag }, messages.lang));
          (getButtons()[Math.min(index, tags.length - 1)] ?? input).focus();
        });
        remove.ariaLabel = `${messages.remove}: ${tag}`;
        return createElement('li', 'tag', {}, createElement('bdi', '', {}, tag), remove);
      }),
    );
  }

  function commit(): void {
    const next = getAll();
    if (next.length === tags.length) return;
    input.value = '';
    show(next);
    emitInput(element);
  }
  input.addEventListener('keydown', (event) => {
    // Enter also ends the composition of a word.
    if (event.key === 'Enter' && !event.isComposing && input.value.trim() !== '') {
      event.preventDefault();
      commit();
    }
  });

  return {
    element,
    hint: messages.tagsHint,
    getText: () => formatList(getAll()),
    setText(text) {
      input.value = '';
      show(asList(parseText(text)).map(String));
    },
    format: (value) => formatList(asList(value)),
    parse: parseList,
    check: (value) =>
      asList(value)
        .map((tag) => findBrokenRule(tag, item.schema))
        .find((rule) => rule !== undefined),
    getFocused: () => input,
  };
}
