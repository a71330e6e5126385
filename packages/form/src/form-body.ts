/**
 * What is inside the element: the fields of a document, a summary of what is wrong, and the buttons. It holds the
 * stored document; what the fields make of it is the edit.
 */
import { createErrorSummary } from './error-summary.ts';
import { type Fault, type Field, type FieldContext, type FieldError, make } from './field.ts';
import { isJsonObject, type Json, type JsonObject, stepsOf } from './json.ts';
import { applyMergePatch, mergePatchOf } from './merge-patch.ts';
import { planDocument } from './planner.ts';
import { createSlot } from './slot.ts';
import type { Messages } from './messages.ts';

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

/** `tell` passes on what the person did. */
export function createFormBody(
  { schema, stored: first, messages }: FormBodyOptions,
  tell: (type: 'user-metadata-submit' | 'user-metadata-change') => void,
): FormBody {
  let stored = first;
  let ids = 0;
  const status = make('p', { class: 'status', role: 'status', part: 'status' });
  const context: FieldContext = {
    messages,
    nextId: () => `field-${++ids}`,
    announce: (text) => void (status.textContent = text),
    changed: () => tell('user-metadata-change'),
    create: (plan, held) => createSlot(plan, held, context),
  };

  const plan = planDocument(schema);
  let root = context.create(plan, first);
  const summary = createErrorSummary(messages);
  const save = make('button', { type: 'submit', part: 'button submit' }, messages.save);
  const undo = make('button', { type: 'button', class: 'quiet', part: 'button undo' }, messages.undo);
  const all = make(
    'fieldset',
    { class: 'all' },
    summary.element,
    root.element,
    make('div', { class: 'actions', part: 'actions' }, save, undo),
  );
  const element = make('form', { novalidate: '', part: 'form' }, all, status);

  let errors: readonly FieldError[] = [];
  let marked: readonly Field[] = [];
  let busy = false;

  function value(): JsonObject {
    const now = root.read();
    return isJsonObject(now) ? now : {};
  }

  function mark(found: readonly Fault[]): void {
    for (const field of marked) field.show([]);
    marked = [...new Set(found.map(({ field }) => field))];
    for (const field of marked) {
      field.show(found.flatMap((fault) => (fault.field === field ? [fault.message] : [])));
    }
    summary.show(found);
  }

  function reset(): void {
    errors = [];
    mark([]);
    const fresh = context.create(plan, stored);
    root.element.replaceWith(fresh.element);
    root = fresh;
    tell('user-metadata-change');
  }

  element.addEventListener('submit', (event) => {
    event.preventDefault();
    if (busy || all.disabled) return;
    status.textContent = '';
    errors = [];
    const faults = root.faults();
    mark(faults);
    if (faults.length > 0) return;
    if (Object.keys(mergePatchOf(stored, value())).length > 0) tell('user-metadata-submit');
    else status.textContent = messages.nothingToSave;
  });
  element.addEventListener('input', () => {
    status.textContent = '';
    tell('user-metadata-change');
  });
  undo.addEventListener('click', reset);

  return {
    element,
    stored: () => stored,
    value,
    patch: () => mergePatchOf(stored, value()),
    rebase(next) {
      stored = next;
      root.rebase(next);
    },
    applyPatch(patch) {
      root.put(applyMergePatch(value(), patch));
    },
    reset,
    errors: () => errors,
    showErrors(next) {
      errors = next;
      mark(next.map(({ pointer, detail }) => ({ field: root.find(stepsOf(pointer)), message: detail })));
    },
    isBusy: () => busy,
    setBusy(next) {
      busy = next;
      element.setAttribute('aria-busy', String(next));
      // It keeps the focus, which a disabled button would lose.
      save.setAttribute('aria-disabled', String(next));
    },
    setDisabled(disabled) {
      all.disabled = disabled;
    },
  };
}
