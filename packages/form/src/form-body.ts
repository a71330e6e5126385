/**
 * The content of the element: the fields of a document, a summary of errors, and the buttons. It holds the stored
 * document; the edit is the difference between that and the fields.
 */
import { createDynamicField } from './dynamic-field.ts';
import {
  createElement,
  type Field,
  type FieldContext,
  type FieldError,
  getFieldName,
  type InputError,
} from './field.ts';
import {
  applyMergePatch,
  createMergePatch,
  isJsonObject,
  type Json,
  type JsonObject,
  parsePointer,
} from './json.ts';
import type { Messages } from './messages.ts';
import { schemaToFields } from './schema-to-fields.ts';

/** All errors in one place, with a link to each field. */
interface ErrorSummary {
  readonly element: HTMLElement;
  /** Shows the errors and takes the focus; hides without errors. */
  show(errors: readonly InputError[]): void;
}

function createErrorSummary(messages: Messages): ErrorSummary {
  const list = createElement('ul', {});
  const element = createElement(
    'div',
    { class: 'summary', part: 'summary', role: 'group', tabindex: '-1', 'aria-labelledby': 'problems' },
    createElement('p', { class: 'heading', id: 'problems' }, messages.problems),
    list,
  );
  element.hidden = true;

  return {
    element,
    show(errors) {
      list.replaceChildren(...errors.map(createErrorItem));
      element.hidden = errors.length === 0;
      if (errors.length > 0) element.focus();
    },
  };
}

function createErrorItem({ field, message }: InputError): HTMLLIElement {
  const name = getFieldName(field);
  const link = createElement('a', { href: '#' }, name === '' ? message : `${name}: ${message}`);
  link.addEventListener('click', (event) => {
    event.preventDefault();
    field.focus();
  });
  return createElement('li', {}, link);
}

export interface FormBody {
  readonly element: HTMLElement;
  stored(): JsonObject;
  value(): JsonObject;
  patch(): JsonObject;
  rebase(stored: JsonObject): void;
  applyPatch(patch: JsonObject): void;
  reset(): void;
  errors(): readonly FieldError[];
  showErrors(errors: readonly FieldError[]): void;
  isBusy(): boolean;
  setBusy(busy: boolean): void;
  setDisabled(disabled: boolean): void;
}

interface FormBodyOptions {
  readonly schema: Json | undefined;
  readonly stored: JsonObject;
  readonly messages: Messages;
}

/** Creates the content of a form. `emit` dispatches the event of a user action. */
export function createFormBody(
  { schema, stored: first, messages }: FormBodyOptions,
  emit: (type: 'user-metadata-submit' | 'user-metadata-change') => void,
): FormBody {
  let stored = first;
  let ids = 0;
  const status = createElement('p', { class: 'status', role: 'status', part: 'status' });
  const context: FieldContext = {
    messages,
    nextId: () => `field-${++ids}`,
    announce: (text) => void (status.textContent = text),
    onChange: () => emit('user-metadata-change'),
    createField: (fieldSpec, initial) => createDynamicField(fieldSpec, initial, context),
  };

  const spec = schemaToFields(schema);
  let root = context.createField(spec, first);
  const summary = createErrorSummary(messages);
  const save = createElement('button', { type: 'submit', part: 'button submit' }, messages.save);
  const undo = createElement(
    'button',
    { type: 'button', class: 'quiet', part: 'button undo' },
    messages.undo,
  );
  const all = createElement(
    'fieldset',
    { class: 'all' },
    summary.element,
    root.element,
    createElement('div', { class: 'actions', part: 'actions' }, save, undo),
  );
  const element = createElement('form', { novalidate: '', part: 'form' }, all, status);

  let errors: readonly FieldError[] = [];
  let marked: readonly Field[] = [];
  let busy = false;

  function value(): JsonObject {
    const now = root.read();
    return isJsonObject(now) ? now : {};
  }

  function showInputErrors(found: readonly InputError[]): void {
    for (const field of marked) field.showErrors([]);
    marked = [...new Set(found.map(({ field }) => field))];
    for (const field of marked) {
      field.showErrors(found.flatMap((error) => (error.field === field ? [error.message] : [])));
    }
    summary.show(found);
  }

  function reset(): void {
    errors = [];
    showInputErrors([]);
    const next = context.createField(spec, stored);
    root.element.replaceWith(next.element);
    root = next;
    emit('user-metadata-change');
  }

  element.addEventListener('submit', (event) => {
    event.preventDefault();
    if (busy || all.disabled) return;
    status.textContent = '';
    errors = [];
    const inputErrors = root.getErrors();
    showInputErrors(inputErrors);
    if (inputErrors.length > 0) return;
    if (Object.keys(createMergePatch(stored, value())).length > 0) emit('user-metadata-submit');
    else status.textContent = messages.nothingToSave;
  });
  element.addEventListener('input', () => {
    status.textContent = '';
    emit('user-metadata-change');
  });
  undo.addEventListener('click', reset);

  return {
    element,
    stored: () => stored,
    value,
    patch: () => createMergePatch(stored, value()),
    rebase(next) {
      stored = next;
      root.rebase(next);
    },
    applyPatch(patch) {
      root.setValue(applyMergePatch(value(), patch));
    },
    reset,
    errors: () => errors,
    showErrors(next) {
      errors = next;
      showInputErrors(
        next.map(({ pointer, detail }) => ({
          field: root.findField(parsePointer(pointer)),
          message: detail,
        })),
      );
    },
    isBusy: () => busy,
    setBusy(next) {
      busy = next;
      element.setAttribute('aria-busy', String(next));
      // A disabled button would lose the focus.
      save.setAttribute('aria-disabled', String(next));
    },
    setDisabled(disabled) {
      all.disabled = disabled;
    },
  };
}
