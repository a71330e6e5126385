/** The place of a field, where another takes over when a value comes that the present one cannot show. */
import { type Field, type FieldContext, make } from './field.ts';
import { planFor } from './fitting.ts';
import { createGroupField } from './group-field.ts';
import { isSameJson, type Json } from './json.ts';
import { createLeafField } from './leaf-field.ts';
import { createListField } from './list-field.ts';
import type { Plan } from './plan.ts';

function createBareField(plan: Plan, stored: Json | undefined, context: FieldContext): Field {
  if (plan.kind === 'group') return createGroupField(plan, stored, context);
  return plan.kind === 'list'
    ? createListField(plan, stored, context)
    : createLeafField(plan, stored, context);
}

const looksOf = (plan: Plan): string => (plan.kind === 'text' ? plan.input : plan.kind);

export function createSlot(plan: Plan, first: Json | undefined, context: FieldContext): Field {
  let stored = first;
  let shown = planFor(plan, first);
  let inner = createBareField(shown, first, context);
  const element = make('div', { class: 'slot' }, inner.element);

  /** Makes sure that `value` can be shown, by a field that knows `stored`. */
  function prepare(value: Json | undefined): void {
    const next = planFor(plan, value);
    if (looksOf(next) === looksOf(shown)) return;
    shown = next;
    inner = createBareField(shown, stored, context);
    element.replaceChildren(inner.element);
  }

  return {
    element,
    read: () => inner.read(),
    rebase(next) {
      const edited = !isSameJson(inner.read(), stored) || inner.faults().length > 0;
      stored = next;
      if (!edited) prepare(next);
      inner.rebase(next);
    },
    put(value) {
      prepare(value);
      inner.put(value);
    },
    faults: () => inner.faults(),
    find: (steps) => inner.find(steps),
    show: (texts) => inner.show(texts),
    focus: () => inner.focus(),
  };
}
