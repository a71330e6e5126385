/**
 * The content of the element: the fields of a document, a summary of errors, and the buttons. It holds the stored
 * document; the edit is the difference between that and the fields.
 */
import { createDynamicField } from './dynamic-field.ts';
import {
  createButton,
  createElement,
  type FieldContext,
  type FieldError,
  getTitle,
  type InputError,
} from './field.ts';
import {
  applyMergePatch,
  createMergePatch,
  asObject,
  type Json,
  type JsonObject,
  parsePointer,
} from './json.ts';
import { describeError, type Messages } from './messages.ts';
import { schemaToFields } from './schema-to-fields.ts';

export interface FormBody {
  readonly element: HTMLFormElement;
  stored(): JsonObject;
  value(): JsonObject;
  patch(): JsonObject;
  /** Whether there is an edit, half-typed ones included. */
  isDirty(): boolean;
  /** The errors of edited parts, shown or not. */
  getErrors(): readonly InputError[];
  rebase(stored: JsonObject): void;
  applyPatch(patch: JsonObject): void;
  reset(): void;
  /** Shows the errors of edited parts, and goes to the summary. Returns whether there are none. */
  report(): boolean;
  showErrors(errors: readonly FieldError[]): void;
  announce(text: string): void;
  setBusy(busy: boolean): void;
  setDisabled(disabled: boolean): void;
}

interface FormBodyOptions {
  readonly schema: Json | undefined;
  readonly policy: JsonObject | undefined;
  readonly stored: JsonObject;
  readonly messages: Messages;
  /** Called after each edit. */
  readonly onChange: () => void;
  /** Called when the user saves. */
  readonly onSubmit: () => void;
}

export function createFormBody(options: FormBodyOptions): FormBody {
  const { schema, policy, messages, onChange, onSubmit } = options;
  let { stored } = options;
  let ids = 0;
  const status = createElement('p', 'status', { role: 'status' });
  const context: FieldContext = {
    messages,
    nextId: () => `field-${++ids}`,
    announce: (text) => void (status.textContent = text),
    createField: (fieldSpec, initial) => createDynamicField(fieldSpec, initial, context),
  };

  const spec = schemaToFields(schema, policy);
  let root = context.createField(spec, stored);
  const list = createElement('ul', '');
  const attributes = { role: 'group', tabindex: -1, 'aria-label': messages.problems };
  const heading = createElement('p', 'heading', {}, messages.problems);
  const summary = createElement('div', 'summary', attributes, heading, list);
  summary.hidden = true;
  const save = createElement('button', 'button submit', { type: 'submit' }, messages.save);
  const actions = createElement('div', 'actions', {}, save, createButton(messages.undo, 'quiet undo', reset));
  const all = createElement('fieldset', 'all', {}, summary, root.element, actions);
  const element = createElement('form', 'form', { novalidate: 'true' }, all, status);

  /** The errors in the summary. */
  let shown: readonly InputError[] = [];

  const value = (): JsonObject => asObject(root.read());

  function createItem(error: InputError): HTMLLIElement {
    const { field } = error;
    const message = describeError(messages, error);
    // What is wrong with the document as a whole leads nowhere.
    if (field === root.findField([])) return createElement('li', '', {}, message);
    const name = getTitle(field)?.textContent;
    const link = createElement('a', 'link', { href: '#' }, name ? `${name}: ${message}` : message);
    link.addEventListener('click', (event) => {
      event.preventDefault();
      field.focus();
    });
    return createElement('li', '', {}, link);
  }

  function show(errors: readonly InputError[]): void {
    const whole = root.findField([]);
    for (const { field } of shown) field.showErrors([]);
    shown = errors.toSorted((a, b) => Number(b.field === whole) - Number(a.field === whole));
    for (const field of new Set(shown.map((error) => error.field))) {
      field.showErrors(shown.filter((error) => error.field === field));
    }
    list.replaceChildren(...shown.map(createItem));
    summary.hidden = shown.length === 0;
  }

  function report(errors: readonly InputError[]): boolean {
    show(errors);
    if (errors.length > 0) summary.focus();
    return errors.length === 0;
  }

  /** Takes errors away that an edit at `target` has mended, and those that only the service can judge again. */
  function updateErrors(target: Node): void {
    if (shown.length === 0) return;
    const left = root.getErrors();
    const next = shown.flatMap((error) => {
      if (!error.field.element.contains(target)) return [error];
      return left.filter(({ field }) => field === error.field).slice(0, 1);
    });
    show(next);
  }

  function reset(): void {
    show([]);
    const next = context.createField(spec, stored);
    root.element.replaceWith(next.element);
    root = next;
    onChange();
  }

  element.addEventListener('submit', (event) => {
    event.preventDefault();
    onSubmit();
  });
  element.addEventListener('input', ({ target }) => {
    status.textContent = '';
    if (target instanceof Node) updateErrors(target);
    onChange();
  });

  return {
    element,
    stored: () => stored,
    value,
    patch: () => createMergePatch(stored, value()),
    isDirty: () => root.getErrors().length > 0 || Object.keys(createMergePatch(stored, value())).length > 0,
    getErrors: () => root.getErrors(),
    rebase(next) {
      stored = next;
      root.rebase(next);
    },
    applyPatch(patch) {
      root.setValue(applyMergePatch(value(), patch));
    },
    reset,
    report: () => report(root.getErrors()),
    showErrors(errors) {
      report(
        errors.map(({ pointer, ...error }) => ({
          code: '',
          ...error,
          field: root.findField(parsePointer(pointer)),
        })),
      );
    },
    announce: context.announce,
    setBusy(busy) {
      element.setAttribute('aria-busy', String(busy));
      // A disabled button would lose the focus.
      save.setAttribute('aria-disabled', String(busy));
    },
    setDisabled(disabled) {
      all.disabled = disabled;
    },
  };
}
