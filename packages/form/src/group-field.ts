/** A group of fields for an object. Keys without a field are shown as JSON below the others. */
import { createNotes, createTitle, type Field, type FieldContext, createElement, compact } from './field.ts';
import { isJsonObject, isSameJson, type Json, type JsonObject, getMember } from './json.ts';
import type { GroupSpec, JsonSpec } from './schema-to-fields.ts';

export function createGroupField(spec: GroupSpec, first: Json | undefined, context: FieldContext): Field {
  const { isWhole } = spec;
  const element = createElement('fieldset', { class: isWhole ? 'whole' : 'group', part: 'group' });
  const notes = createNotes(spec, undefined, element, context);
  const legend = createElement(
    'legend',
    { part: 'legend', tabindex: '-1' },
    createTitle(spec.label),
    ...compact([notes.mark]),
  );
  element.append(...compact([isWhole ? undefined : legend, notes.hint, notes.error]));

  let stored = first;
  const members = new Map<string, Field>();
  for (const [key, member] of spec.members) {
    members.set(key, context.createField(member, getMember(toObject(first), key)));
  }
  element.append(...[...members.values()].map((member) => member.element));
  const rest = createOtherDataField(spec, first, context);
  element.append(rest.element);

  const field: Field = {
    element,
    read() {
      const known = [...members].flatMap(([key, member]): Array<[string, Json]> => {
        const value = member.read();
        return value === undefined ? [] : [[key, value]];
      });
      const others = Object.entries(toObject(rest.read())).filter(([key]) => !members.has(key));
      const value = Object.fromEntries([...known, ...others]);
      // An empty group does not create the object.
      return Object.keys(value).length === 0 && !isJsonObject(stored) ? stored : value;
    },
    rebase(next) {
      stored = next;
      for (const [key, member] of members) member.rebase(getMember(toObject(next), key));
      rest.rebase(next);
    },
    setValue(value) {
      for (const [key, member] of members) {
        const next = getMember(toObject(value), key);
        // An invalid text in another field stays.
        if (!isSameJson(member.read(), next)) member.setValue(next);
      }
      rest.setValue(value);
    },
    getErrors: () => [...members.values(), rest].flatMap((member) => member.getErrors()),
    findField([step, ...steps]) {
      if (step === undefined) return field;
      const member = members.get(step);
      if (member) return member.findField(steps);
      return rest.element.hidden ? field : rest.findField([]);
    },
    showErrors: notes.showErrors,
    focus() {
      if (isWhole) [...members.values(), rest][0]?.focus();
      else legend.focus();
    },
  };
  return field;
}

/** The keys of an object without a field of their own. Hidden while there are none, if the group has other fields. */
function createOtherDataField(spec: GroupSpec, first: Json | undefined, context: FieldContext): Field {
  const { messages } = context;
  const { readOnly, members } = spec;
  const getOtherMembers = (value: Json | undefined): JsonObject | undefined => {
    const others = Object.entries(toObject(value)).filter(([key]) => !members.has(key));
    return others.length > 0 ? Object.fromEntries(others) : undefined;
  };
  const description = members.size > 0 ? messages.otherDataHint : undefined;
  const json: JsonSpec = {
    kind: 'json',
    label: messages.otherData,
    description,
    readOnly,
    required: false,
    fallback: undefined,
  };
  const inner = context.createField(json, getOtherMembers(first));
  const { element } = inner;
  element.classList.add('rest');
  const updateVisibility = () => {
    element.hidden = members.size > 0 && inner.read() === undefined && inner.getErrors().length === 0;
  };
  updateVisibility();

  return {
    ...inner,
    rebase(next) {
      inner.rebase(getOtherMembers(next));
      updateVisibility();
    },
    setValue(value) {
      if (!isSameJson(inner.read(), getOtherMembers(value))) inner.setValue(getOtherMembers(value));
      updateVisibility();
    },
    getErrors() {
      const found = inner.getErrors();
      const value = inner.read();
      if (found.length > 0 || value === undefined) return found;
      const field = inner.findField([]);
      if (!isJsonObject(value)) return [{ field, message: messages.notAnObject }];
      const taken = Object.keys(value).filter((key) => members.has(key));
      return taken.map((key) => ({ field, message: `“${key}” ${messages.fieldOfItsOwn}` }));
    },
  };
}

const toObject = (value: Json | undefined): JsonObject => (isJsonObject(value) ? value : {});
