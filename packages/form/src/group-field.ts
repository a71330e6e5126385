/** The fields of an object, or of a list with a field for each position. */
import { createElement, createGroupFrame, type Field, type FieldContext } from './field.ts';
import { asList, asObject, getMember, isJsonObject, isSameJson, type Json, type JsonObject } from './json.ts';
import type { GroupSpec } from './schema-to-fields.ts';

export function createGroupField(spec: GroupSpec, first: Json | undefined, context: FieldContext): Field {
  const { kind } = spec;
  const isTuple = kind === 'tuple';
  const hasFrame = spec.label !== '' && kind !== 'whole';
  const body = createElement('div', kind);
  const frame = createGroupFrame(spec, '', context, body);

  let stored = first;
  const toMembers = (value: Json | undefined): JsonObject =>
    Object.fromEntries(Object.entries(isTuple ? asList(value) : asObject(value)));
  const members = new Map<string, Field>();
  const sections = new Map<string, HTMLElement>();
  for (const [key, member] of spec.members) {
    const field = context.createField(member, getMember(toMembers(first), key));
    members.set(key, field);
    getSection(member.section).append(field.element);
  }
  const rest = createRestField(spec, first, context);
  getSection(undefined).append(rest.element);

  /** Where the fields of a section are put: a place of its own, in the order in which the sections begin. */
  function getSection(name = ''): HTMLElement {
    const known = sections.get(name);
    if (known) return known;
    const fields = createElement('div', 'fields');
    sections.set(name, fields);
    const section = createElement(
      'div',
      'section',
      {},
      createElement('h2', 'section-title', {}, name),
      fields,
    );
    body.append(name === '' ? fields : section);
    return fields;
  }

  function fromMembers(value: JsonObject): Json | undefined {
    if (!isTuple) return Object.keys(value).length === 0 && !isJsonObject(stored) ? stored : value;
    const length = 1 + Math.max(-1, ...Object.keys(value).map(Number));
    if (length === 0) return Array.isArray(stored) ? [] : undefined;
    return Array.from({ length }, (_, index) => value[index] ?? null);
  }

  const field: Field = {
    // The fields of the document, and those of a form of it, have no frame of their own.
    element: hasFrame ? frame.element : body,
    read() {
      const known = [...members].flatMap(([key, member]): Array<[string, Json]> => {
        const value = member.read();
        return value === undefined ? [] : [[key, value]];
      });
      const others = Object.entries(toMembers(rest.read())).filter(([key]) => !members.has(key));
      return fromMembers(Object.fromEntries([...known, ...others]));
    },
    rebase(next) {
      stored = next;
      for (const [key, member] of members) member.rebase(getMember(toMembers(next), key));
      rest.rebase(next);
    },
    setValue(value) {
      for (const [key, member] of members) {
        const next = getMember(toMembers(value), key);
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
      return rest.element.hidden ? field : rest.findField([step, ...steps]);
    },
    showErrors: frame.showErrors,
    focus() {
      if (hasFrame) frame.focus();
      else [...members.values(), rest][0]?.focus();
    },
  };
  return field;
}

/** The keys of an object without a field of their own. Hidden while there are none, if the group has other fields. */
function createRestField(spec: GroupSpec, first: Json | undefined, context: FieldContext): Field {
  const { messages } = context;
  const { members, kind } = spec;
  const isEntries = spec.rest.kind === 'entries';
  const getOthers = (value: Json | undefined): JsonObject | undefined => {
    const others = Object.entries(asObject(value)).filter(([key]) => !members.has(key));
    return others.length > 0 ? Object.fromEntries(others) : undefined;
  };
  const inner = context.createField(
    { ...spec.rest, label: messages.otherData, description: '' },
    getOthers(first),
  );
  const { element } = inner;
  element.classList.add('rest');
  const updateVisibility = () => {
    const isEmpty = inner.read() === undefined && inner.getErrors().length === 0;
    // Where other keys may be added, there is a button for that.
    const isOffered = members.size === 0 || (isEntries && spec.rest.lock === '');
    element.hidden = kind === 'tuple' || (isEmpty && !isOffered);
  };
  updateVisibility();

  return {
    ...inner,
    rebase(next) {
      inner.rebase(getOthers(next));
      updateVisibility();
    },
    setValue(value) {
      if (!isSameJson(inner.read(), getOthers(value))) inner.setValue(getOthers(value));
      updateVisibility();
    },
    getErrors() {
      const found = inner.getErrors();
      const value = inner.read();
      if (found.length > 0 || value === undefined) return found;
      const isTaken = Object.keys(asObject(value)).some((key) => members.has(key));
      const code = isJsonObject(value) ? 'duplicate' : 'json';
      return isTaken || code === 'json' ? [{ field: inner.findField([]), code }] : [];
    },
  };
}
