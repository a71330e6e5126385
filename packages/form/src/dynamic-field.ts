/** A field that is replaced by another one when it cannot show a value. */
import { type Field, type FieldContext, createElement } from './field.ts';
import { getFieldForValue } from './field-for-value.ts';
import { createGroupField } from './group-field.ts';
import { isSameJson, type Json } from './json.ts';
import { createLeafField } from './leaf-field.ts';
import { createListField } from './list-field.ts';
import type { FieldSpec } from './schema-to-fields.ts';

function createStaticField(spec: FieldSpec, stored: Json | undefined, context: FieldContext): Field {
  if (spec.kind === 'group') return createGroupField(spec, stored, context);
  return spec.kind === 'list'
    ? createListField(spec, stored, context)
    : createLeafField(spec, stored, context);
}

const getKind = (spec: FieldSpec): string => (spec.kind === 'text' ? spec.input : spec.kind);

export function createDynamicField(spec: FieldSpec, first: Json | undefined, context: FieldContext): Field {
  let stored = first;
  let shown = getFieldForValue(spec, first);
  let inner = createStaticField(shown, first, context);
  const element = createElement('div', { class: 'slot' }, inner.element);

  /** Replaces the field if it cannot show `value`. */
  function showFieldFor(value: Json | undefined): void {
    const next = getFieldForValue(spec, value);
    if (getKind(next) === getKind(shown)) return;
    shown = next;
    inner = createStaticField(shown, stored, context);
    element.replaceChildren(inner.element);
  }

  return {
    element,
    read: () => inner.read(),
    rebase(next) {
      const edited = !isSameJson(inner.read(), stored) || inner.getErrors().length > 0;
      stored = next;
      if (!edited) showFieldFor(next);
      inner.rebase(next);
    },
    setValue(value) {
      showFieldFor(value);
      inner.setValue(value);
    },
    getErrors: () => inner.getErrors(),
    findField: (steps) => inner.findField(steps),
    showErrors: (texts) => inner.showErrors(texts),
    focus: () => inner.focus(),
  };
}
