/**
 * Controls that hold one value as text. The form checks the limits of the schema itself: the browser's `maxlength` cuts
 * texts off, and its lengths are not those of JSON Schema.
 */
import {
  createChoiceControl,
  createTagsControl,
  formatJson,
  getOptionLabel,
  parseText,
} from './choice-controls.ts';
import { normalize, TIME } from './field-for-value.ts';
import { createButton, createElement, emitInput, type FieldContext } from './field.ts';
import { applyMergePatch, asText, createMergePatch, isJsonObject, type Json, toText } from './json.ts';
import { formatValue, type Messages } from './messages.ts';
import type { LeafSpec } from './schema-to-fields.ts';
import { type BrokenRule, hasDuplicateMembers, hasExactNumbers, isExactNumber } from './validation.ts';

/** The stored value, and the value that the edit began from. They differ after others have changed the document. */
export interface EditBase {
  readonly stored: Json | undefined;
  readonly origin: Json | undefined;
}

export interface Control {
  /** What is labelled and described: an input, or a group of inputs. */
  readonly element: HTMLElement;
  /** What is put into the field, if it is more than `element`. */
  readonly frame?: HTMLElement;
  /** Explains the expected text to the user. */
  readonly hint?: string;
  getText(): string;
  setText(text: string): void;
  /** The text that shows `value`. */
  format(value: Json | undefined): string;
  /** The value of a text without a fault. */
  parse(text: string, base: EditBase): Json | undefined;
  /** The code of the error of a text that is not a value. */
  findFault?(text: string): string | undefined;
  /** The rule that an edited value breaks, beside those of its schema. */
  check?(value: Json): BrokenRule | undefined;
  /** What takes the focus, if it is not `element`. */
  getFocused?(): HTMLElement;
}

export function createControl(spec: LeafSpec, context: FieldContext): Control {
  const { messages } = context;
  if (spec.lock) return createLockedControl(spec, messages);
  const { minimum, maximum } = spec.schema;
  switch (spec.kind) {
    case 'text':
      return spec.widget === 'color'
        ? createPickedControl(spec, { type: 'color' }, messages)
        : createTextControl(spec, messages);
    case 'number':
      return spec.widget === 'slider' && typeof minimum === 'number' && typeof maximum === 'number'
        ? createPickedControl(
            spec,
            { type: 'range', min: minimum, max: maximum, step: getStep(spec) },
            messages,
          )
        : createNumberControl(spec);
    case 'checkbox':
      return createCheckboxControl(spec);
    case 'choice':
    case 'multi':
      return createChoiceControl(spec, context);
    case 'tags':
      return createTagsControl(spec, context);
    case 'json':
      return createJsonControl(spec, messages);
  }
}

/** Shows a value as a person reads it. Its text is the value as JSON. */
function createLockedControl(spec: LeafSpec, messages: Messages): Control {
  const element = createElement('output', 'value');
  let shown = '';
  return {
    element,
    getText: () => shown,
    setText(text) {
      shown = text;
      element.textContent = display(spec, parseText(text) ?? null, messages);
    },
    format: formatJson,
    parse: parseText,
  };
}

function display(spec: LeafSpec, value: Json, messages: Messages): string {
  const { lang, notSet } = messages;
  const { options } = spec;
  if (value === null || (Array.isArray(value) && value.length === 0)) return notSet;
  if (Array.isArray(value)) {
    return formatValue(
      value.map((item: Json) => getOptionLabel(options, item, messages)),
      lang,
    );
  }
  const isDay = spec.widget === 'date';
  if (isDay || spec.widget === 'datetime-local') {
    const style = isDay ? { timeZone: 'UTC' } : ({ timeStyle: 'short' } as const);
    return new Intl.DateTimeFormat(lang, { dateStyle: 'long', ...style }).format(new Date(asText(value)));
  }
  return getOptionLabel(options, value, messages);
}

/** A text area with JSON, for values that no other control can hold. */
function createJsonControl({ placeholder }: LeafSpec, messages: Messages): Control {
  const element = createElement('textarea', 'input json', { spellcheck: 'false', dir: 'ltr', placeholder });
  return {
    element,
    hint: messages.jsonHint,
    getText: () => element.value,
    setText: (text) => void (element.value = text),
    format: (value) => (value === undefined ? '' : JSON.stringify(value, null, 2)),
    parse: (text, base) => (text.trim() === '' ? undefined : rebaseEdit(JSON.parse(text), base)),
    findFault: (text) => (text.trim() === '' ? undefined : findJsonFault(text)),
  };
}

/** Applies the edit of an object to the stored one, so that keys that others added stay. */
function rebaseEdit(value: Json, { stored, origin }: EditBase): Json {
  if (!isJsonObject(value) || !isJsonObject(stored) || !isJsonObject(origin)) return value;
  return applyMergePatch(stored, createMergePatch(origin, value));
}

/** What is wrong with a text that should be JSON. JSON.parse would change some texts silently. */
function findJsonFault(text: string): string | undefined {
  try {
    const value: Json = JSON.parse(text);
    if (!hasExactNumbers(text)) return 'inexact';
    return hasDuplicateMembers(text, value) ? 'duplicate' : undefined;
  } catch {
    return 'json';
  }
}

function createTextControl(spec: LeafSpec, messages: Messages): Control {
  const { widget: input, isRequired, schema, placeholder } = spec;
  const needed = isRequired && Number(schema['minLength'] ?? 0) > 0;
  const isLocal = input === 'datetime-local';
  const isTime = input === 'time';
  const attributes = {
    placeholder: placeholder || asText(schema['default']),
    autocomplete: asText(schema['x-autocomplete']) || (input === 'tel' ? input : ''),
    dir: 'auto',
  };
  const element =
    input === 'textarea'
      ? createElement('textarea', 'input', attributes)
      : createElement('input', 'input', { ...attributes, type: input, step: 'any' });
  return {
    element,
    hint: isLocal ? messages.localTime : isTime ? 'UTC' : '',
    getText: () => element.value,
    setText: (text) => void (element.value = text),
    format(value) {
      const text = asText(value);
      if (isLocal) return toLocalTime(text);
      if (isTime) return normalize('time', TIME.exec(text)?.[1] ?? '');
      // A text area turns all line breaks into LF.
      return text.replaceAll(/\r\n?/g, '\n');
    },
    parse(text, { stored, origin }) {
      // An emptied required text stays as an empty text; any other emptied text is removed.
      if (text === '') return isRequired && stored !== undefined && !needed ? '' : undefined;
      if (isLocal) return new Date(text).toISOString();
      if (!isTime) return keepLineEnds(origin, text);
      const [, , offset = 'Z'] = TIME.exec(asText(origin)) ?? [];
      return (text.length === 5 ? `${text}:00` : text) + offset;
    },
    check: () =>
      element.validity.typeMismatch ? { code: `format-${input === 'url' ? 'uri' : input}` } : undefined,
  };
}

/** Keeps the line breaks of a stored text that uses only CR LF. */
function keepLineEnds(origin: Json | undefined, text: string): string {
  const isCrLf = typeof origin === 'string' && /\r\n/.test(origin) && !/\r(?!\n)|(?<!\r)\n/.test(origin);
  return isCrLf ? text.replaceAll('\n', '\r\n') : text;
}

const formatNumber = (value: Json | undefined): string => (typeof value === 'number' ? String(value) : '');

/** The step of the arrows of an input, which counts its steps from the minimum. JSON Schema counts from zero. */
function getStep({ schema: { multipleOf, type, minimum } }: LeafSpec): number | 'any' {
  const step = typeof multipleOf === 'number' ? multipleOf : type === 'integer' ? 1 : undefined;
  return step !== undefined && Number.isInteger(Number(minimum ?? 0) / step) ? step : 'any';
}

function createNumberControl(spec: LeafSpec): Control {
  const { schema, placeholder } = spec;
  const { minimum, maximum, default: fallback } = schema;
  const element = createElement('input', 'input', {
    type: 'number',
    step: getStep(spec),
    min: formatNumber(minimum),
    max: formatNumber(maximum),
    placeholder: placeholder || formatNumber(fallback),
  });
  return {
    element,
    getText: () => element.value,
    setText: (text) => void (element.value = text),
    format: formatNumber,
    parse: (text) => (text === '' ? undefined : Number(text)),
    findFault: (text) => (isExactNumber(text) ? undefined : 'inexact'),
  };
}

/** A slider or a colour, which always have a value: whether it is set stands beside, with a button that clears it. */
function createPickedControl(
  { kind, isRequired, schema }: LeafSpec,
  attributes: Readonly<Record<string, string | number>>,
  { notSet, clear: clearText, lang }: Messages,
): Control {
  const isNumber = kind === 'number';
  const { default: fallback = isNumber ? '' : '#000000' } = schema;
  const element = createElement('input', 'picker', attributes);
  const shown = createElement('output', 'value');
  const clear = createButton(clearText, 'quiet', () => {
    setText('');
    emitInput(shown);
    element.focus();
  });
  let text = '';
  function setText(next: string): void {
    text = next;
    element.value = next || toText(fallback);
    shown.textContent = next === '' ? notSet : formatValue(isNumber ? Number(next) : next, lang);
    clear.hidden = next === '' || isRequired;
  }
  element.addEventListener('input', () => setText(element.value));
  return {
    element,
    frame: createElement('div', 'picked', {}, element, shown, clear),
    getText: () => text,
    setText,
    format: toText,
    parse: (next) => (next === '' ? undefined : isNumber ? Number(next) : next),
  };
}

function createCheckboxControl({ schema, widget }: LeafSpec): Control {
  const isSwitch = widget === 'switch';
  const element = createElement('input', isSwitch ? 'switch' : 'checkbox', {
    type: 'checkbox',
    role: isSwitch ? 'switch' : '',
  });
  return {
    element,
    getText: () => String(element.checked),
    setText: (text) => void (element.checked = text === 'true'),
    format: (value) => String((value ?? schema['default']) === true),
    parse: (text) => text === 'true',
  };
}

function toLocalTime(instant: string): string {
  const time = new Date(instant);
  const local = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  return Number.isNaN(local.getTime()) ? '' : normalize('datetime-local', local.toISOString().slice(0, -1));
}
