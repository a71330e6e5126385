/** An object as a group of fields. Keys that have no field stay in it, and are shown as JSON below the others. */
import { createNotes, createTitle, type Field, type FieldContext, make, present } from './field.ts';
import { isJsonObject, isSameJson, type Json, type JsonObject, memberOf } from './json.ts';
import type { GroupPlan, JsonPlan } from './plan.ts';

export function createGroupField(plan: GroupPlan, first: Json | undefined, context: FieldContext): Field {
  const { isWhole } = plan;
  const element = make('fieldset', { class: isWhole ? 'whole' : 'group', part: 'group' });
  const notes = createNotes(plan, undefined, element, context);
  const legend = make(
    'legend',
    { part: 'legend', tabindex: '-1' },
    createTitle(plan.label),
    ...present([notes.mark]),
  );
  element.append(...present([isWhole ? undefined : legend, notes.hint, notes.error]));

  let stored = first;
  const members = new Map<string, Field>();
  for (const [key, member] of plan.members) {
    members.set(key, context.create(member, memberOf(objectOf(first), key)));
  }
  element.append(...[...members.values()].map((member) => member.element));
  const rest = createRest(plan, first, context);
  element.append(rest.element);

  const field: Field = {
    element,
    read() {
      const known = [...members].flatMap(([key, member]): Array<[string, Json]> => {
        const value = member.read();
        return value === undefined ? [] : [[key, value]];
      });
      const others = Object.entries(objectOf(rest.read())).filter(([key]) => !members.has(key));
      const value = Object.fromEntries([...known, ...others]);
      // A group that nobody began stays away.
      return Object.keys(value).length === 0 && !isJsonObject(stored) ? stored : value;
    },
    rebase(next) {
      stored = next;
      for (const [key, member] of members) member.rebase(memberOf(objectOf(next), key));
      rest.rebase(next);
    },
    put(value) {
      for (const [key, member] of members) {
        const next = memberOf(objectOf(value), key);
        // What is half typed in another field stays.
        if (!isSameJson(member.read(), next)) member.put(next);
      }
      rest.put(value);
    },
    faults: () => [...members.values(), rest].flatMap((member) => member.faults()),
    find([step, ...steps]) {
      if (step === undefined) return field;
      const member = members.get(step);
      if (member) return member.find(steps);
      return rest.element.hidden ? field : rest.find([]);
    },
    show: notes.show,
    focus() {
      if (isWhole) [...members.values(), rest][0]?.focus();
      else legend.focus();
    },
  };
  return field;
}

/** The keys of an object that have no field of their own. Hidden while there are none, unless there are no others. */
function createRest(plan: GroupPlan, first: Json | undefined, context: FieldContext): Field {
  const { messages } = context;
  const { readOnly, members } = plan;
  const keysOf = (value: Json | undefined): JsonObject | undefined => {
    const others = Object.entries(objectOf(value)).filter(([key]) => !members.has(key));
    return others.length > 0 ? Object.fromEntries(others) : undefined;
  };
  const description = members.size > 0 ? messages.otherDataHint : undefined;
  const json: JsonPlan = {
    kind: 'json',
    label: messages.otherData,
    description,
    readOnly,
    required: false,
    fallback: undefined,
  };
  const inner = context.create(json, keysOf(first));
  const { element } = inner;
  element.classList.add('rest');
  const conceal = () => {
    element.hidden = members.size > 0 && inner.read() === undefined && inner.faults().length === 0;
  };
  conceal();

  return {
    ...inner,
    rebase(next) {
      inner.rebase(keysOf(next));
      conceal();
    },
    put(value) {
      if (!isSameJson(inner.read(), keysOf(value))) inner.put(keysOf(value));
      conceal();
    },
    faults() {
      const found = inner.faults();
      const value = inner.read();
      if (found.length > 0 || value === undefined) return found;
      const field = inner.find([]);
      if (!isJsonObject(value)) return [{ field, message: messages.notAnObject }];
      const taken = Object.keys(value).filter((key) => members.has(key));
      return taken.map((key) => ({ field, message: `“${key}” ${messages.fieldOfItsOwn}` }));
    },
  };
}

const objectOf = (value: Json | undefined): JsonObject => (isJsonObject(value) ? value : {});
