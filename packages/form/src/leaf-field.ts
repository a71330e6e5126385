/** A field with one control: label, hint, control, error. Its value counts as edited when its text has changed. */
import { createControl, InvalidTextError } from './controls.ts';
import { createNotes, createTitle, type Field, type FieldContext, createElement, compact } from './field.ts';
import { isSameJson, type Json } from './json.ts';
import type { LeafSpec } from './schema-to-fields.ts';

export function createLeafField(spec: LeafSpec, first: Json | undefined, context: FieldContext): Field {
  const { messages } = context;
  const control = createControl(spec, first, context);
  const { element: input } = control;
  const notes = createNotes(spec, control.hint, input, context);
  input.id = context.nextId();
  const label = createElement(
    'label',
    { for: input.id, part: 'label' },
    createTitle(spec.label),
    ...compact([notes.mark]),
  );
  const parts =
    spec.kind === 'checkbox'
      ? [createElement('div', { class: 'line' }, input, label), notes.hint, notes.error]
      : [label, notes.hint, input, notes.error];
  const element = createElement('div', { class: 'field', part: 'field' }, ...compact(parts));

  let stored = first;
  let editOrigin = first;
  const getOriginText = () => control.format(editOrigin);
  control.setText(getOriginText());
  const isEdited = () => input.validity.badInput || control.getText() !== getOriginText();
  input.addEventListener('input', () => notes.showErrors([]));

  /** @throws InvalidTextError for a text that is not a value. */
  function parseInput(): Json | undefined {
    if (!isEdited()) return stored;
    if (input.validity.badInput)
      throw new InvalidTextError(spec.kind === 'number' ? messages.notNumber : messages.incomplete);
    return control.parse(control.getText(), { stored, origin: editOrigin });
  }

  function hasValue(value: Json | undefined): boolean {
    try {
      return isSameJson(parseInput(), value);
    } catch {
      return false;
    }
  }

  const field: Field = {
    element,
    read() {
      try {
        return parseInput();
      } catch {
        return stored;
      }
    },
    rebase(next) {
      const untouched = !isEdited();
      stored = next;
      if (untouched || hasValue(next)) {
        editOrigin = next;
        // Setting the same text would move the cursor of a user who is typing.
        if (control.getText() !== getOriginText()) control.setText(getOriginText());
      } else if (spec.kind !== 'json') {
        // Only an edit of JSON is a change of its origin; any other text means the same on any stored value.
        editOrigin = next;
      }
    },
    setValue(value) {
      control.setText(control.format(value));
    },
    getErrors() {
      const message = getError();
      return message === undefined ? [] : [{ field, message }];
    },
    findField: () => field,
    showErrors: notes.showErrors,
    focus: () => input.focus(),
  };

  function getError(): string | undefined {
    // A stored value may break the rules. That must not keep the user from changing something else.
    if (!isEdited()) return undefined;
    try {
      const value = parseInput();
      return control.check?.(value);
    } catch (error) {
      if (error instanceof InvalidTextError) return error.message;
      throw error;
    }
  }
  return field;
}
