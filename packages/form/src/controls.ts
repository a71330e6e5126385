/**
 * Native controls that hold one value as text. The form checks the limits of the schema itself: the browser's
 * `maxlength` cuts texts off, and its lengths are not those of JSON Schema.
 */
import { TIME } from './field-for-value.ts';
import { createElement, type FieldContext } from './field.ts';
import { applyMergePatch, createMergePatch, isJsonObject, type Json } from './json.ts';
import type { Messages } from './messages.ts';
import type {
  CheckboxSpec,
  ChoiceSpec,
  JsonSpec,
  LeafSpec,
  NumberSpec,
  TextSpec,
} from './schema-to-fields.ts';
import { checkNumber, checkText, hasDuplicateMembers, hasExactNumbers, isExactNumber } from './validation.ts';

/** The stored value, and the value that the edit began from. They differ after others have changed the document. */
interface EditBase {
  readonly stored: Json | undefined;
  readonly origin: Json | undefined;
}

interface Control {
  readonly element: HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;
  /** Explains the expected text to the user. */
  readonly hint?: string | undefined;
  getText(): string;
  setText(text: string): void;
  /** The text that shows `value`. */
  format(value: Json | undefined): string;
  /** @throws InvalidTextError for a text that is not a value. */
  parse(text: string, base: EditBase): Json | undefined;
  /** The error of an edited value, as a sentence for the user. */
  check?(value: Json | undefined): string | undefined;
}

/** A text that is not a value. The message is a sentence for the user. */
export class InvalidTextError extends Error {
  override readonly name = 'InvalidTextError';
}

/** The largest height of the JSON text area. */
const MAX_ROWS = 12;

/** A text area with JSON, for values that no other control can hold. */
function createJsonControl({ readOnly }: JsonSpec, messages: Messages): Control {
  const element = createElement('textarea', {
    class: 'json',
    part: 'input json',
    spellcheck: 'false',
    autocapitalize: 'off',
  });
  element.readOnly = readOnly;
  return {
    element,
    hint: messages.jsonHint,
    getText: () => element.value,
    setText(text) {
      element.value = text;
      element.rows = Math.min(MAX_ROWS, text.split('\n').length + 1);
    },
    format: (value) => (value === undefined ? '' : JSON.stringify(value, null, 2)),
    parse(text, base) {
      return text.trim() === '' ? undefined : rebaseEdit(parseExactJson(text, messages), base);
    },
  };
}

/** Applies the edit of an object to the stored one, so that keys that others added stay. */
function rebaseEdit(value: Json, { stored, origin }: EditBase): Json {
  if (!isJsonObject(value) || !isJsonObject(stored) || !isJsonObject(origin)) return value;
  return applyMergePatch(stored, createMergePatch(origin, value));
}

function parseExactJson(text: string, messages: Messages): Json {
  const value = parseJson(text);
  if (value === undefined) throw new InvalidTextError(messages.notJson);
  // JSON.parse would change these texts silently.
  if (!hasExactNumbers(text)) throw new InvalidTextError(messages.notExact);
  if (hasDuplicateMembers(text, value)) throw new InvalidTextError(messages.duplicate);
  return value;
}

function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function createControl(spec: LeafSpec, stored: Json | undefined, { messages }: FieldContext): Control {
  switch (spec.kind) {
    case 'text':
      return createTextControl(spec, stored, messages);
    case 'number':
      return createNumberControl(spec, messages);
    case 'checkbox':
      return createCheckboxControl(spec);
    case 'choice':
      return createChoiceControl(spec, stored, messages);
    case 'json':
      return createJsonControl(spec, messages);
  }
}

function createTextControl(spec: TextSpec, stored: Json | undefined, messages: Messages): Control {
  const { input, required, readOnly, minLength, example, autocomplete, fallback } = spec;
  const placeholder = readOnly ? messages.notSet : typeof fallback === 'string' ? fallback : example;
  const needed = required && (minLength ?? 0) > 0;
  const attributes = toAttributes({
    placeholder,
    autocomplete,
    readonly: readOnly ? '' : undefined,
    required: needed ? '' : undefined,
  });
  const element =
    input === 'textarea'
      ? createElement('textarea', { ...attributes, rows: '4', part: 'input' })
      : createElement('input', { ...attributes, type: input, part: 'input' });
  if (input === 'datetime-local' || input === 'time') element.setAttribute('step', 'any');
  const mismatch = input === 'email' ? messages.notEmail : messages.notUrl;
  const plain = {
    element,
    getText: () => element.value,
    setText: (text: string) => void (element.value = text),
    check(value: Json | undefined) {
      if (typeof value !== 'string') return needed ? messages.missing : undefined;
      return element.validity.typeMismatch ? mismatch : checkText(value, spec, messages);
    },
  };

  // An emptied required text stays as an empty text; any other emptied text is removed.
  const emptied = required && stored !== undefined && !needed ? '' : undefined;
  if (input === 'datetime-local') {
    return {
      ...plain,
      hint: messages.localTime,
      format: (value) => (typeof value === 'string' ? toLocalTime(value) : ''),
      parse: (text) => (text === '' ? emptied : new Date(text).toISOString()),
    };
  }
  if (input === 'time') {
    const offset = (typeof stored === 'string' ? TIME.exec(stored)?.[2] : undefined) ?? 'Z';
    return {
      ...plain,
      hint: offset === 'Z' || offset === 'z' ? 'UTC' : `UTC${offset}`,
      format: (value) => normalize('time', typeof value === 'string' ? (TIME.exec(value)?.[1] ?? '') : ''),
      parse: (text) => (text === '' ? emptied : `${text.length === 5 ? `${text}:00` : text}${offset}`),
    };
  }
  return {
    ...plain,
    // A text area turns all line breaks into LF.
    format: (value) => (typeof value === 'string' ? value.replaceAll(/\r\n?/g, '\n') : ''),
    parse: (text, { origin }) => (text === '' ? emptied : keepLineEnds(origin, text)),
  };
}

/** Keeps the line breaks of a stored text that uses only CR LF. */
function keepLineEnds(origin: Json | undefined, text: string): string {
  const isCrLf = typeof origin === 'string' && /\r\n/.test(origin) && !/\r(?!\n)|(?<!\r)\n/.test(origin);
  return isCrLf ? text.replaceAll('\n', '\r\n') : text;
}

function createNumberControl(spec: NumberSpec, messages: Messages): Control {
  const { min, max, step, readOnly, required, fallback } = spec;
  const element = createElement('input', {
    type: 'number',
    part: 'input',
    step: String(step ?? 'any'),
    ...toAttributes({ min, max, readonly: readOnly ? '' : undefined, required: required ? '' : undefined }),
    ...(typeof fallback === 'number' ? { placeholder: String(fallback) } : {}),
  });
  return {
    element,
    getText: () => element.value,
    setText: (text) => void (element.value = text),
    format: (value) => (typeof value === 'number' ? String(value) : ''),
    parse(text) {
      if (text === '') return undefined;
      if (!isExactNumber(text)) throw new InvalidTextError(messages.notExact);
      return Number(text);
    },
    check(value) {
      if (typeof value !== 'number') return required ? messages.missing : undefined;
      return checkNumber(value, spec, messages);
    },
  };
}

function createCheckboxControl({ readOnly, fallback }: CheckboxSpec): Control {
  const element = createElement('input', { type: 'checkbox', part: 'checkbox' });
  element.disabled = readOnly;
  return {
    element,
    getText: () => String(element.checked),
    setText: (text) => void (element.checked = text === 'true'),
    format: (value) => String((value ?? fallback) === true),
    parse: (text) => text === 'true',
  };
}

function createChoiceControl(spec: ChoiceSpec, stored: Json | undefined, messages: Messages): Control {
  const { options, readOnly, required, fallback } = spec;
  const getLabel = (value: Json) => {
    const label = options.find((option) => isSameValue(option.value, value))?.label;
    if (label !== undefined) return label;
    if (typeof value === 'boolean') return value ? messages.yes : messages.no;
    return typeof value === 'string' ? value : JSON.stringify(value);
  };
  const unset = fallback === undefined ? messages.notSet : `${messages.notSet} (${getLabel(fallback)})`;
  const element = createElement('select', { part: 'input', ...(required ? { required: '' } : {}) });
  element.disabled = readOnly;
  const offer = (text: string, label: string) =>
    element.append(createElement('option', { value: text }, label));
  if (!required || stored === undefined) offer('', unset);
  for (const { value } of options) offer(JSON.stringify(value), getLabel(value));
  return {
    element,
    getText: () => element.value,
    setText(text) {
      // A stored value that is no longer offered stays until another is chosen.
      const known = [...element.options].some((option) => option.value === text);
      if (!known) offer(text, text === '' ? unset : getLabel(JSON.parse(text)));
      element.value = text;
    },
    format: (value) => (value === undefined ? '' : JSON.stringify(value)),
    parse: (text) => (text === '' ? undefined : JSON.parse(text)),
    check: (value) => (required && value === undefined ? messages.missing : undefined),
  };
}

const isSameValue = (a: Json, b: Json): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The text as an input of this type writes it. */
function normalize(type: string, text: string): string {
  const input = createElement('input', { type });
  input.value = text;
  return input.value;
}

function toLocalTime(instant: string): string {
  const time = new Date(instant);
  const local = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  return Number.isNaN(local.getTime()) ? '' : normalize('datetime-local', local.toISOString().slice(0, -1));
}

function toAttributes(
  attributes: Readonly<Record<string, string | number | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(attributes).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)]],
    ),
  );
}
