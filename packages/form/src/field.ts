/** The interface of all fields, and the elements that they share. A field shows a value and returns its edited form. */
import type { Json } from './json.ts';
import type { CommonSpec, FieldSpec } from './schema-to-fields.ts';
import type { Messages } from './messages.ts';

/** An error at one place of the document, as in `errors[]` of a problem document. */
export interface FieldError {
  /** JSON Pointer (RFC 6901). */
  readonly pointer: string;
  /** The sentence that the form shows. */
  readonly detail: string;
  /** The rule and its parameters, for apps that make their own sentences. The form ignores them. */
  readonly code?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

/** An error that keeps the form from being submitted. */
export interface InputError {
  readonly field: Field;
  readonly message: string;
}

export interface Field {
  readonly element: HTMLElement;
  /** The current value; undefined if there is none. An invalid text counts as the stored value. */
  read(): Json | undefined;
  /** Takes a new stored value. Edits stay; unedited parts show the new value. */
  rebase(stored: Json | undefined): void;
  /** Shows `value` as if the user had typed it. */
  setValue(value: Json | undefined): void;
  /** The errors of edited parts. */
  getErrors(): readonly InputError[];
  /** The innermost field on the path. */
  findField(steps: readonly string[]): Field;
  /** Shows these errors at the field; an empty list hides them. */
  showErrors(texts: readonly string[]): void;
  focus(): void;
}

export interface FieldContext {
  readonly messages: Messages;
  /** A new id for a label or description. */
  readonly nextId: () => string;
  /** Tells screen readers what has moved. */
  readonly announce: (text: string) => void;
  /** Tells the form about a change without an input event. */
  readonly onChange: () => void;
  readonly createField: (spec: FieldSpec, stored: Json | undefined) => Field;
}

/** Creates an element. Strings become text, never markup. */
export function createElement<N extends keyof HTMLElementTagNameMap>(
  name: N,
  attributes: Readonly<Record<string, string>>,
  ...children: ReadonlyArray<Node | string>
): HTMLElementTagNameMap[N] {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...children);
  return element;
}

export const createTitle = (label: string): HTMLElement => createElement('span', { class: 'title' }, label);

/** The label of a field, for messages about it. */
export function getFieldName({ element }: Field): string {
  return getTitleElement(element)?.textContent ?? '';
}

export function setFieldName({ element }: Field, name: string): void {
  const title = getTitleElement(element);
  if (title) title.textContent = name;
}

const getTitleElement = (element: HTMLElement): Element | null => element.querySelector('.title');

/** Hint, error and mark of a field, linked to its control for assistive technology. */
export interface Notes {
  readonly hint: HTMLElement | undefined;
  readonly error: HTMLElement;
  /** Beside the label: read-only, or required. */
  readonly mark: HTMLElement | undefined;
  readonly showErrors: (texts: readonly string[]) => void;
}

/** Creates hint and error, and links them to `described`. */
export function createNotes(
  { description, readOnly, required }: Pick<CommonSpec, 'description' | 'readOnly' | 'required'>,
  more: string | undefined,
  described: HTMLElement,
  { messages, nextId }: Pick<FieldContext, 'messages' | 'nextId'>,
): Notes {
  const hintText = [description, more].filter((text) => text !== undefined).join(' ');
  const hint =
    hintText === '' ? undefined : createElement('p', { id: nextId(), class: 'hint', part: 'hint' }, hintText);
  const error = createElement('p', { id: nextId(), class: 'error', part: 'error', hidden: '' });
  const marked = readOnly ? messages.readOnly : required ? messages.required : undefined;
  const describe = (ids: ReadonlyArray<string | undefined>) => {
    const found = ids.filter((id) => id !== undefined);
    if (found.length > 0) described.setAttribute('aria-describedby', found.join(' '));
    else described.removeAttribute('aria-describedby');
  };
  describe([hint?.id]);
  return {
    hint,
    error,
    mark:
      marked === undefined
        ? undefined
        : createElement('span', { class: 'mark', part: 'mark' }, ` (${marked})`),
    showErrors(texts) {
      const wrong = texts.length > 0;
      error.textContent = texts.join(' ');
      error.hidden = !wrong;
      if (wrong) described.setAttribute('aria-invalid', 'true');
      else described.removeAttribute('aria-invalid');
      describe([hint?.id, wrong ? error.id : undefined]);
    },
  };
}

export const compact = (nodes: ReadonlyArray<Node | undefined>): Node[] =>
  nodes.filter((node) => node !== undefined);
