/**
 * The control of each kind of leaf. Limits of the schema are checked here and not by the browser, whose `maxlength` cuts
 * texts off and whose lengths are not those of JSON Schema.
 */
import { checkNumber, checkText } from './checks.ts';
import { type Control, TextError } from './control.ts';
import { isExactNumber } from './exact-json.ts';
import { type FieldContext, make } from './field.ts';
import { TIME } from './fitting.ts';
import type { Json } from './json.ts';
import { createJsonControl } from './json-control.ts';
import type { CheckboxPlan, ChoicePlan, LeafPlan, NumberPlan, TextPlan } from './plan.ts';
import type { Messages } from './messages.ts';

export function createControl(plan: LeafPlan, stored: Json | undefined, { messages }: FieldContext): Control {
  switch (plan.kind) {
    case 'text':
      return textControl(plan, stored, messages);
    case 'number':
      return numberControl(plan, messages);
    case 'checkbox':
      return checkboxControl(plan);
    case 'choice':
      return choiceControl(plan, stored, messages);
    case 'json':
      return createJsonControl(plan, messages);
  }
}

function textControl(plan: TextPlan, stored: Json | undefined, messages: Messages): Control {
  const { input, required, readOnly, minLength, example, autocomplete, fallback } = plan;
  const placeholder = readOnly ? messages.notSet : typeof fallback === 'string' ? fallback : example;
  const needed = required && (minLength ?? 0) > 0;
  const attributes = present({
    placeholder,
    autocomplete,
    readonly: readOnly ? '' : undefined,
    required: needed ? '' : undefined,
  });
  const element =
    input === 'textarea'
      ? make('textarea', { ...attributes, rows: '4', part: 'input' })
      : make('input', { ...attributes, type: input, part: 'input' });
  if (input === 'datetime-local' || input === 'time') element.setAttribute('step', 'any');
  const mismatch = input === 'email' ? messages.notEmail : messages.notUrl;
  const plain = {
    element,
    text: () => element.value,
    write: (text: string) => void (element.value = text),
    check(value: Json | undefined) {
      if (typeof value !== 'string') return needed ? messages.missing : undefined;
      return element.validity.typeMismatch ? mismatch : checkText(value, plan, messages);
    },
  };

  // A text that must be there can be empty; any other that is emptied is taken away.
  const emptied = required && stored !== undefined && !needed ? '' : undefined;
  if (input === 'datetime-local') {
    return {
      ...plain,
      hint: messages.localTime,
      format: (value) => (typeof value === 'string' ? localTimeOf(value) : ''),
      parse: (text) => (text === '' ? emptied : new Date(text).toISOString()),
    };
  }
  if (input === 'time') {
    const offset = (typeof stored === 'string' ? TIME.exec(stored)?.[2] : undefined) ?? 'Z';
    return {
      ...plain,
      hint: offset === 'Z' || offset === 'z' ? 'UTC' : `UTC${offset}`,
      format: (value) => normalised('time', typeof value === 'string' ? (TIME.exec(value)?.[1] ?? '') : ''),
      parse: (text) => (text === '' ? emptied : `${text.length === 5 ? `${text}:00` : text}${offset}`),
    };
  }
  return {
    ...plain,
    // A text area turns every kind of line end into one.
    format: (value) => (typeof value === 'string' ? value.replaceAll(/\r\n?/g, '\n') : ''),
    parse: (text, { origin }) => (text === '' ? emptied : withLineEndsOf(origin, text)),
  };
}

/** A stored text whose lines all end with CR and LF keeps that in the lines that are not edited. */
function withLineEndsOf(origin: Json | undefined, text: string): string {
  const isCrLf = typeof origin === 'string' && /\r\n/.test(origin) && !/\r(?!\n)|(?<!\r)\n/.test(origin);
  return isCrLf ? text.replaceAll('\n', '\r\n') : text;
}

function numberControl(plan: NumberPlan, messages: Messages): Control {
  const { min, max, step, readOnly, required, fallback } = plan;
  const element = make('input', {
    type: 'number',
    part: 'input',
    step: String(step ?? 'any'),
    ...present({ min, max, readonly: readOnly ? '' : undefined, required: required ? '' : undefined }),
    ...(typeof fallback === 'number' ? { placeholder: String(fallback) } : {}),
  });
  return {
    element,
    text: () => element.value,
    write: (text) => void (element.value = text),
    format: (value) => (typeof value === 'number' ? String(value) : ''),
    parse(text) {
      if (text === '') return undefined;
      if (!isExactNumber(text)) throw new TextError(messages.notExact);
      return Number(text);
    },
    check(value) {
      if (typeof value !== 'number') return required ? messages.missing : undefined;
      return checkNumber(value, plan, messages);
    },
  };
}

function checkboxControl({ readOnly, fallback }: CheckboxPlan): Control {
  const element = make('input', { type: 'checkbox', part: 'checkbox' });
  element.disabled = readOnly;
  return {
    element,
    text: () => String(element.checked),
    write: (text) => void (element.checked = text === 'true'),
    format: (value) => String((value ?? fallback) === true),
    parse: (text) => text === 'true',
  };
}

function choiceControl(plan: ChoicePlan, stored: Json | undefined, messages: Messages): Control {
  const { options, readOnly, required, fallback } = plan;
  const nameOf = (value: Json) => {
    const label = options.find((option) => same(option.value, value))?.label;
    if (label !== undefined) return label;
    if (typeof value === 'boolean') return value ? messages.yes : messages.no;
    return typeof value === 'string' ? value : JSON.stringify(value);
  };
  const unset = fallback === undefined ? messages.notSet : `${messages.notSet} (${nameOf(fallback)})`;
  const element = make('select', { part: 'input', ...(required ? { required: '' } : {}) });
  element.disabled = readOnly;
  const offer = (text: string, label: string) => element.append(make('option', { value: text }, label));
  if (!required || stored === undefined) offer('', unset);
  for (const { value } of options) offer(JSON.stringify(value), nameOf(value));
  return {
    element,
    text: () => element.value,
    write(text) {
      // A stored value that is no longer offered stays until another is chosen.
      const known = [...element.options].some((option) => option.value === text);
      if (!known) offer(text, text === '' ? unset : nameOf(JSON.parse(text)));
      element.value = text;
    },
    format: (value) => (value === undefined ? '' : JSON.stringify(value)),
    parse: (text) => (text === '' ? undefined : JSON.parse(text)),
    check: (value) => (required && value === undefined ? messages.missing : undefined),
  };
}

const same = (a: Json, b: Json): boolean => JSON.stringify(a) === JSON.stringify(b);

/** As an input of this type would write it. */
function normalised(type: string, text: string): string {
  const input = make('input', { type });
  input.value = text;
  return input.value;
}

function localTimeOf(instant: string): string {
  const time = new Date(instant);
  const local = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  return Number.isNaN(local.getTime()) ? '' : normalised('datetime-local', local.toISOString().slice(0, -1));
}

function present(attributes: Readonly<Record<string, string | number | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(attributes).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)]],
    ),
  );
}
