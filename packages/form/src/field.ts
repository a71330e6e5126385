/** The interface of all fields, and the elements that they share. A field shows a value and returns its edited form. */
import type { Json } from './json.ts';
import { describeError, type Messages } from './messages.ts';
import type { CommonSpec, FieldSpec } from './schema-to-fields.ts';
import type { BrokenRule } from './validation.ts';

/** An error at one place of the document, as in `errors[]` of a problem document. */
export interface FieldError {
  /** JSON Pointer (RFC 6901). */
  readonly pointer: string;
  /** Shown where the form has no sentence of its own for `code`. */
  readonly detail: string;
  /** The rule, and its parameters. */
  readonly code?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

/** An error of the form or of the service, at a field. */
export interface InputError extends BrokenRule {
  readonly field: Field;
  readonly detail?: string;
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
  showErrors(errors: readonly InputError[]): void;
  focus(): void;
}

export interface FieldContext {
  readonly messages: Messages;
  /** A new id for a label or description. */
  readonly nextId: () => string;
  /** Tells screen readers what has moved. */
  readonly announce: (text: string) => void;
  readonly createField: (spec: FieldSpec, stored: Json | undefined) => Field;
}

/**
 * Creates an element. `part` is also its class. Strings become text, never markup; attributes and children that are
 * undefined are left out.
 */
export function createElement<N extends keyof HTMLElementTagNameMap>(
  name: N,
  part: string,
  attributes: Readonly<Record<string, string | number | undefined>> = {},
  ...children: ReadonlyArray<Node | string | undefined>
): HTMLElementTagNameMap[N] {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries({ ...attributes, part, class: part })) {
    if (value !== undefined && value !== '') element.setAttribute(attribute, value);
  }
  appendAll(element, ...children);
  return element;
}

/** Appends the nodes that there are. */
export function appendAll(element: Element, ...nodes: ReadonlyArray<Node | string | undefined>): void {
  element.append(...nodes.filter((node) => node !== undefined));
}

/** A button that acts without submitting. */
export function createButton(text: string, part: string, act: () => void): HTMLButtonElement {
  const button = createElement('button', `button ${part}`, { type: 'button' }, text);
  button.addEventListener('click', act);
  return button;
}

/** Tells the form about a change that a button made. */
export function emitInput(element: Element): void {
  element.dispatchEvent(new Event('input', { bubbles: true }));
}

/** The text of the label of a field, for messages about it. */
export const getTitle = ({ element }: Field): Element | null => element.querySelector('.title');

/** The frame of a field: title, hint, lock and error, linked to the control for assistive technology. */
export interface FieldFrame {
  /** The text of the label, with a mark for a required field. */
  readonly title: readonly HTMLElement[];
  readonly hint: HTMLElement | undefined;
  readonly lock: HTMLElement | undefined;
  readonly error: HTMLElement;
  readonly showErrors: Field['showErrors'];
}

/** Creates the parts of a frame. `described` is the control, and `element` the field, whose parts name its state. */
export function createFrame(
  { label, description, lock, isStepUp, isRequired }: CommonSpec,
  more: string,
  described: HTMLElement,
  element: HTMLElement,
  { messages, nextId }: FieldContext,
): FieldFrame {
  const createNote = (part: string, text: string) =>
    text.trim() === '' ? undefined : createElement('p', part, { id: nextId() }, text.trim());
  const hint = createNote('hint', `${description} ${more} ${isStepUp && !lock ? messages.stepUp : ''}`);
  const locked = createNote('lock', lock && (messages.locks[lock] ?? String(messages.locks['schema'])));
  const error = createElement('p', 'error', { id: nextId() });
  const frame: FieldFrame = {
    title: [createElement('span', 'title', {}, label)],
    hint,
    lock: locked,
    error,
    showErrors(errors) {
      const isWrong = errors.length > 0;
      error.textContent = errors.map((one) => describeError(messages, one)).join(' ');
      error.hidden = !isWrong;
      described.ariaInvalid = isWrong ? 'true' : null;
      element.part.toggle('invalid', isWrong);
      const ids = [hint, locked, isWrong ? error : undefined].flatMap((note) => note?.id ?? []);
      described.setAttribute('aria-describedby', ids.join(' '));
    },
  };
  frame.showErrors([]);
  element.part.toggle('locked', lock !== '');
  element.part.toggle('required', isRequired);
  if (!isRequired || lock) return frame;
  return { ...frame, title: [...frame.title, createElement('span', 'mark', {}, ` (${messages.required})`)] };
}

/** The frame of several fields, around `nodes`. */
export function createGroupFrame(
  spec: CommonSpec,
  kind: string,
  context: FieldContext,
  ...nodes: readonly HTMLElement[]
) {
  const element = createElement('fieldset', `framed ${kind} field-${spec.part}`);
  const { title, hint, lock, error, showErrors } = createFrame(spec, '', element, element, context);
  const legend = createElement('legend', 'legend', { tabindex: -1 }, ...title);
  appendAll(element, legend, hint, lock, ...nodes, error);
  return { element, showErrors, focus: () => legend.focus() };
}
