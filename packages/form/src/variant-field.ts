/** An object of one of several forms: a choice of the form, and the fields of the chosen one. */
import { createElement, createGroupFrame, type Field, type FieldContext } from './field.ts';
import { asObject, isSameJson, type Json, type JsonObject } from './json.ts';
import type { VariantSpec } from './schema-to-fields.ts';

export function createVariantField(spec: VariantSpec, first: Json | undefined, context: FieldContext): Field {
  const { discriminator, groups } = spec;
  const getTag = (value: Json | undefined) => asObject(value)[discriminator];
  const getOthers = (value: Json | undefined): JsonObject => {
    const { [discriminator]: _, ...others } = asObject(value);
    return others;
  };
  let stored = first;
  const choice = context.createField(spec.choice, getTag(first));
  const place = createElement('div', '');
  const frame = createGroupFrame(spec, 'variant', context, choice.element, place);

  const getStored = (tag: string) => (JSON.stringify(getTag(stored)) === tag ? getOthers(stored) : undefined);
  // The fields of each form keep what was typed when another form is chosen and this one again.
  const fields = new Map<string, Field>();
  for (const [tag, group] of groups) {
    const one = context.createField(group, getStored(tag));
    fields.set(tag, one);
    place.append(one.element);
  }
  function showGroup(): Field | undefined {
    const chosen = fields.get(JSON.stringify(choice.read()));
    for (const one of fields.values()) one.element.hidden = one !== chosen;
    return chosen;
  }
  showGroup();
  choice.element.addEventListener('input', showGroup);

  const field: Field = {
    ...frame,
    read() {
      const tag = choice.read();
      if (tag === undefined) return undefined;
      return { [discriminator]: tag, ...getOthers(showGroup()?.read()) };
    },
    rebase(next) {
      stored = next;
      choice.rebase(getTag(next));
      for (const [tag, group] of fields) group.rebase(getStored(tag));
      showGroup();
    },
    setValue(value) {
      if (!isSameJson(choice.read(), getTag(value))) choice.setValue(getTag(value));
      showGroup()?.setValue(getOthers(value));
    },
    getErrors: () => [...choice.getErrors(), ...(showGroup()?.getErrors() ?? [])],
    findField([step, ...steps]) {
      if (step === undefined) return field;
      if (step === discriminator) return choice.findField([]);
      const found = showGroup();
      const inner = found?.findField([step, ...steps]);
      return inner === undefined || inner === found?.findField([]) ? field : inner;
    },
  };
  return field;
}
