/** What all fields have in common, and what they are given. A field shows a value and says what it has become. */
import type { Json } from './json.ts';
import type { Common, Plan } from './plan.ts';
import type { Messages } from './messages.ts';

/** A problem with one place of the document, as `errors[]` of a problem document holds it. */
export interface FieldError {
  /** RFC 6901. */
  readonly pointer: string;
  /** The sentence that is shown. */
  readonly detail: string;
  /** Which rule, and its limits: for an app that makes sentences of its own. The form does not look at them. */
  readonly code?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

/** What keeps the form from being submitted. */
export interface Fault {
  readonly field: Field;
  readonly message: string;
}

export interface Field {
  readonly element: HTMLElement;
  /** The value as it is now; undefined where there is none. What cannot be read counts as what is stored. */
  read(): Json | undefined;
  /** Another value is stored now. Edits stay; what was not edited shows the new one. */
  rebase(stored: Json | undefined): void;
  /** Shows `value` as though it had been typed in. */
  put(value: Json | undefined): void;
  /** What is wrong with what was edited. */
  faults(): readonly Fault[];
  /** The innermost field on the way to this place. */
  find(steps: readonly string[]): Field;
  /** Shows what is wrong with this field; nothing, where there are no `texts`. */
  show(texts: readonly string[]): void;
  focus(): void;
}

export interface FieldContext {
  readonly messages: Messages;
  /** Another id each time, for labels and descriptions. */
  readonly nextId: () => string;
  /** For those who cannot see what has moved. */
  readonly announce: (text: string) => void;
  /** Tells the form that a value changed other than by an input. */
  readonly changed: () => void;
  readonly create: (plan: Plan, stored: Json | undefined) => Field;
}

/** A new element. Strings become text, never markup. */
export function make<N extends keyof HTMLElementTagNameMap>(
  name: N,
  attributes: Readonly<Record<string, string>>,
  ...children: ReadonlyArray<Node | string>
): HTMLElementTagNameMap[N] {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...children);
  return element;
}

export const createTitle = (label: string): HTMLElement => make('span', { class: 'title' }, label);

/** What the field is called, for where it is spoken of elsewhere. */
export function nameOf({ element }: Field): string {
  return titleOf(element)?.textContent ?? '';
}

export function rename({ element }: Field, name: string): void {
  const title = titleOf(element);
  if (title) title.textContent = name;
}

const titleOf = (element: HTMLElement): Element | null => element.querySelector('.title');

/** What stands around the control of a field, and tells assistive technology of it. */
export interface Notes {
  readonly hint: HTMLElement | undefined;
  readonly error: HTMLElement;
  /** What is to be said beside the label: that it is read-only, or required. */
  readonly mark: HTMLElement | undefined;
  readonly show: (texts: readonly string[]) => void;
}

/** Ties hint and messages to `described`. */
export function createNotes(
  { description, readOnly, required }: Pick<Common, 'description' | 'readOnly' | 'required'>,
  more: string | undefined,
  described: HTMLElement,
  { messages, nextId }: Pick<FieldContext, 'messages' | 'nextId'>,
): Notes {
  const hintText = [description, more].filter((text) => text !== undefined).join(' ');
  const hint =
    hintText === '' ? undefined : make('p', { id: nextId(), class: 'hint', part: 'hint' }, hintText);
  const error = make('p', { id: nextId(), class: 'error', part: 'error', hidden: '' });
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
    mark: marked === undefined ? undefined : make('span', { class: 'mark', part: 'mark' }, ` (${marked})`),
    show(texts) {
      const wrong = texts.length > 0;
      error.textContent = texts.join(' ');
      error.hidden = !wrong;
      if (wrong) described.setAttribute('aria-invalid', 'true');
      else described.removeAttribute('aria-invalid');
      describe([hint?.id, wrong ? error.id : undefined]);
    },
  };
}

export const present = (nodes: ReadonlyArray<Node | undefined>): Node[] =>
  nodes.filter((node) => node !== undefined);
