/** A field with one control: label, hint, control, error. Its value counts as edited when its text has changed. */
import { createControl } from './controls.ts';
import { appendAll, createElement, createFrame, type Field, type FieldContext } from './field.ts';
import { isSameJson, type Json } from './json.ts';
import type { LeafSpec } from './schema-to-fields.ts';
import { type BrokenRule, findBrokenRule } from './validation.ts';

export function createLeafField(spec: LeafSpec, first: Json | undefined, context: FieldContext): Field {
  const control = createControl(spec, context);
  const { element: input, frame = input, hint = '' } = control;
  const element = createElement('div', `field ${spec.kind} field-${spec.part}`);
  const { showErrors, ...notes } = createFrame(spec, hint, input, element, context);
  input.id ||= context.nextId();
  const isGroup = input.role === 'group' || input.role === 'radiogroup';
  const id = context.nextId();
  const label = createElement(isGroup ? 'span' : 'label', 'label', { id, for: input.id }, ...notes.title);
  if (isGroup) input.setAttribute('aria-labelledby', id);
  if (spec.kind === 'checkbox' && !spec.lock) {
    appendAll(element, createElement('div', 'line', {}, input, label), notes.hint, notes.lock, notes.error);
  } else appendAll(element, label, notes.hint, frame, notes.lock, notes.error);

  let stored = first;
  let editOrigin = first;
  const getOriginText = () => control.format(editOrigin);
  control.setText(getOriginText());
  const hasBadInput = () => input instanceof HTMLInputElement && input.validity.badInput;
  const isEdited = () => hasBadInput() || control.getText() !== getOriginText();
  const markEdited = () => element.part.toggle('edited', isEdited());
  // Errors go as soon as they are mended. One that came when the field is left would move the button being pressed.
  element.addEventListener('input', () => {
    markEdited();
    if (!notes.error.hidden) showErrors(field.getErrors());
  });

  function findFault(): string | undefined {
    if (hasBadInput()) return spec.kind === 'number' ? 'number' : 'incomplete';
    return control.findFault?.(control.getText());
  }

  const field: Field = {
    element,
    read() {
      if (!isEdited() || findFault() !== undefined) return stored;
      return control.parse(control.getText(), { stored, origin: editOrigin });
    },
    rebase(next) {
      const untouched = !isEdited();
      stored = next;
      if (untouched || (findFault() === undefined && isSameJson(field.read(), next))) {
        editOrigin = next;
        // Setting the same text would move the cursor of a user who is typing.
        const isFocused = input.matches(':focus-within');
        if (!isFocused || control.getText() !== getOriginText()) control.setText(getOriginText());
      } else if (spec.kind !== 'json') {
        // Only an edit of JSON is a change of its origin; any other text means the same on any stored value.
        editOrigin = next;
      }
      markEdited();
    },
    setValue(value) {
      control.setText(control.format(value));
      markEdited();
    },
    getErrors() {
      const rule = getBrokenRule();
      return rule === undefined ? [] : [{ ...rule, field }];
    },
    findField: () => field,
    showErrors,
    focus: () => (control.getFocused?.() ?? input).focus(),
  };

  function getBrokenRule(): BrokenRule | undefined {
    // A stored value may break the rules. That must not keep the user from changing something else.
    if (!isEdited()) return undefined;
    const code = findFault();
    if (code !== undefined) return { code };
    const value = field.read();
    if (value === undefined) return spec.isRequired ? { code: 'required' } : undefined;
    return control.check?.(value) ?? findBrokenRule(value, spec.schema);
  }
  return field;
}
