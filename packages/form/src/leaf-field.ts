/** A field with one control: label, hint, control, message. Its value is edited once its text is another than it was. */
import { TextError } from './control.ts';
import { createControl } from './controls.ts';
import { createNotes, createTitle, type Field, type FieldContext, make, present } from './field.ts';
import { isSameJson, type Json } from './json.ts';
import type { LeafPlan } from './plan.ts';

export function createLeafField(plan: LeafPlan, first: Json | undefined, context: FieldContext): Field {
  const { messages } = context;
  const control = createControl(plan, first, context);
  const { element: input } = control;
  const notes = createNotes(plan, control.hint, input, context);
  input.id = context.nextId();
  const label = make(
    'label',
    { for: input.id, part: 'label' },
    createTitle(plan.label),
    ...present([notes.mark]),
  );
  const parts =
    plan.kind === 'checkbox'
      ? [make('div', { class: 'line' }, input, label), notes.hint, notes.error]
      : [label, notes.hint, input, notes.error];
  const element = make('div', { class: 'field', part: 'field' }, ...present(parts));

  let stored = first;
  let origin = first;
  const originText = () => control.format(origin);
  control.write(originText());
  const edited = () => input.validity.badInput || control.text() !== originText();
  input.addEventListener('input', () => notes.show([]));

  /** @throws TextError for a text that is no value. */
  function entered(): Json | undefined {
    if (!edited()) return stored;
    if (input.validity.badInput)
      throw new TextError(plan.kind === 'number' ? messages.notNumber : messages.incomplete);
    return control.parse(control.text(), { stored, origin });
  }

  function isNow(value: Json | undefined): boolean {
    try {
      return isSameJson(entered(), value);
    } catch {
      return false;
    }
  }

  const field: Field = {
    element,
    read() {
      try {
        return entered();
      } catch {
        return stored;
      }
    },
    rebase(next) {
      const untouched = !edited();
      stored = next;
      if (untouched || isNow(next)) {
        origin = next;
        // Whoever is typing keeps the cursor where it is.
        if (control.text() !== originText()) control.write(originText());
      } else if (plan.kind !== 'json') {
        // Only JSON is understood by what it began from; elsewhere a text means the same whatever is stored.
        origin = next;
      }
    },
    put(value) {
      control.write(control.format(value));
    },
    faults() {
      const message = faultOf();
      return message === undefined ? [] : [{ field, message }];
    },
    find: () => field,
    show: notes.show,
    focus: () => input.focus(),
  };

  function faultOf(): string | undefined {
    // What was stored may break today's rules; that is not held against whoever changes something else.
    if (!edited()) return undefined;
    try {
      const value = entered();
      return control.check?.(value);
    } catch (error) {
      if (error instanceof TextError) return error.message;
      throw error;
    }
  }
  return field;
}
