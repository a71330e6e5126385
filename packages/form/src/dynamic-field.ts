/** A field that is replaced by another one when it cannot show a value, or when a value locks it. */
import { createElement, type Field, type FieldContext } from './field.ts';
import { getFieldForValue } from './field-for-value.ts';
import { createGroupField } from './group-field.ts';
import { isSameJson, type Json } from './json.ts';
import { createLeafField } from './leaf-field.ts';
import { createListField } from './list-field.ts';
import type { FieldSpec } from './schema-to-fields.ts';
import { createVariantField } from './variant-field.ts';

function createStaticField(spec: FieldSpec, stored: Json | undefined, context: FieldContext): Field {
  switch (spec.kind) {
    case 'group':
    case 'whole':
    case 'tuple':
      return createGroupField(spec, stored, context);
    case 'variant':
      return createVariantField(spec, stored, context);
    case 'list':
    case 'entries':
      return createListField(spec, stored, context);
    case 'text':
    case 'number':
    case 'checkbox':
    case 'choice':
    case 'multi':
    case 'tags':
    case 'json':
      return createLeafField(spec, stored, context);
  }
}

const getKind = (spec: FieldSpec): string => `${spec.kind} ${spec.widget} ${spec.lock}`;

export function createDynamicField(spec: FieldSpec, first: Json | undefined, context: FieldContext): Field {
  let stored = first;
  const getSpec = (value: Json | undefined): FieldSpec => {
    const isLocked = spec.schema['x-write-once'] === true && !spec.lock && stored !== undefined;
    return getFieldForValue(isLocked ? { ...spec, lock: 'write_once' } : spec, value);
  };
  let shown = getSpec(first);
  let inner = createStaticField(shown, first, context);
  const element = createElement('div', 'slot', {}, inner.element);

  /** Replaces the field if it cannot show `value`. */
  function showFieldFor(value: Json | undefined): void {
    const next = getSpec(value);
    if (getKind(next) === getKind(shown)) return;
    const hadFocus = element.matches(':focus-within');
    shown = next;
    inner = createStaticField(shown, stored, context);
    element.replaceChildren(inner.element);
    if (hadFocus) inner.focus();
  }

  return {
    element,
    read: () => inner.read(),
    rebase(next) {
      // What the user edited stays in the field in which it was edited, until it is stored.
      const isUnedited = (value: Json | undefined) =>
        isSameJson(inner.read(), value) && inner.getErrors().length === 0;
      const wasUnedited = isUnedited(stored);
      stored = next;
      if (wasUnedited) showFieldFor(next);
      inner.rebase(next);
      if (isUnedited(next)) showFieldFor(next);
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
