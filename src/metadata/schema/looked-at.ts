/**
 * What a schema looks at in a value: the parts that decide whether it holds. A value that must not match a schema is
 * wrong because of these parts and no others, so that any other part may change.
 */
import { type Evaluation, has } from './evaluation.ts';
import type { SchemaNode } from './node.ts';
import { getNames, isList, isObject, type Place } from './place.ts';

/** Texts of the parts, by the way to each. */
export type Parts = ReadonlyMap<string, string>;

/** What all the schemas look at. Where they name no part, it is the whole value. */
export function getPartsLookedAt(nodes: readonly SchemaNode[], place: Place, evaluation: Evaluation): Parts {
  const { places, meter } = evaluation;
  const parts = new Map<string, string>();
  const visited = new Set<string>();
  let namesParts = false;
  for (const node of nodes) namesParts = look(node, place, '') || namesParts;
  if (!namesParts) parts.set('', places.getText(place));
  return parts;

  /** @returns whether the schema names parts of a value like this one, present or not. */
  function look(node: SchemaNode, at: Place, way: string): boolean {
    const key = `${node.id} ${at.id}`;
    if (node.literal !== undefined) return false;
    if (visited.has(key)) return true;
    visited.add(key);
    meter.spend(24);
    if (node.constant !== undefined || node.allowed || node.source['uniqueItems'] === true)
      return addWhole(at, way);
    // Each one is asked, and not only until one says yes.
    const answers = getInvolved(node, at).map((part) => look(part, at, way));
    if (isObject(at.value)) answers.push(lookAtMembers(node, at, way));
    else if (isList(at.value)) answers.push(lookAtItems(node, at, way));
    else answers.push(addWhole(at, way));
    return answers.includes(true);
  }

  function addWhole(at: Place, way: string): true {
    parts.set(way, places.getText(at));
    return true;
  }

  /** The schemas for the same place that take part in the verdict. */
  function getInvolved(node: SchemaNode, at: Place): readonly SchemaNode[] {
    const { condition, anyOf = [], oneOf = [] } = node;
    const chosen = condition && (evaluation.isValid(condition, at) ? node.whenTrue : node.whenFalse);
    return [
      ...node.all,
      ...evaluation.getHolding(anyOf, at),
      ...evaluation.getHolding(oneOf, at),
      ...[node.not, condition, chosen].filter((part) => part !== undefined),
      ...[...node.dependentSchemas].filter(([name]) => has(at, name)).map(([, part]) => part),
    ];
  }

  function lookAtMembers(node: SchemaNode, at: Place, way: string): boolean {
    const { unevaluatedProperties } = node;
    if (node.propertyNames) return addWhole(at, way);
    const seen = new Set<string>();
    const lookAtMember = (part: SchemaNode, name: string) => {
      const child = places.getChild(at, name);
      if (!child) return;
      seen.add(name);
      if (!look(part, child, `${way}/${name}`)) addWhole(child, `${way}/${name}`);
    };
    for (const name of getNames(at)) {
      for (const schema of evaluation.getMemberSchemas(node, name)) lookAtMember(schema.node, name);
    }
    if (unevaluatedProperties) {
      for (const name of evaluation.getUnevaluated(node, at)) lookAtMember(unevaluatedProperties, name);
    }
    const needed = [
      ...node.required,
      ...[...node.dependentRequired].flatMap(([name, others]) => [name, ...others]),
      ...node.dependentSchemas.keys(),
    ];
    for (const name of needed) {
      const child = seen.has(name) ? undefined : places.getChild(at, name);
      if (child) addWhole(child, `${way}/${name}`);
    }
    const counts = addCount(node, 'Properties', getNames(at).length, way);
    return (
      counts ||
      needed.length > 0 ||
      node.properties.size > 0 ||
      node.patternProperties.length > 0 ||
      node.additionalProperties !== undefined ||
      unevaluatedProperties !== undefined
    );
  }

  function lookAtItems(node: SchemaNode, at: Place, way: string): boolean {
    const { contains, items, prefixItems, unevaluatedItems } = node;
    const counted = new Map<string, number>();
    const lookAtItem = (part: SchemaNode, item: Place) => {
      const inner = writeParts(getPartsLookedAt([part], item, evaluation));
      const count = (counted.get(inner) ?? 0) + 1;
      counted.set(inner, count);
      parts.set(`${way}[${inner}#${count}]`, '');
    };
    places.getItems(at).forEach((item, position) => {
      const part = prefixItems[position] ?? items;
      if (part) lookAtItem(part, item);
    });
    if (contains) for (const item of evaluation.getContained(node, at)) lookAtItem(contains, item);
    if (unevaluatedItems) {
      for (const name of evaluation.getUnevaluated(node, at)) {
        const item = places.getChild(at, name);
        if (item) lookAtItem(unevaluatedItems, item);
      }
    }
    const counts = addCount(node, 'Items', places.getItems(at).length, way);
    return (
      counts ||
      prefixItems.length > 0 ||
      [items, contains, unevaluatedItems].some((part) => part !== undefined)
    );
  }

  /** Each member or item beyond the bound is a part, so that fewer of them are fewer parts. */
  function addCount(node: SchemaNode, what: 'Items' | 'Properties', size: number, way: string): boolean {
    const [min, max] = [node.source[`min${what}`], node.source[`max${what}`]];
    if (typeof min === 'number') {
      meter.spend(size / 8);
      for (let count = 1; count <= size; count += 1) parts.set(`${way}#${count}`, '');
    }
    return typeof min === 'number' || typeof max === 'number';
  }
}

/** One text for equal parts. */
export function writeParts(parts: Parts): string {
  return JSON.stringify(Array.from(parts, ([way, text]) => `${way} ${text}`).toSorted());
}

/** Whether every part was there before, with the same value. Parts that are gone are no change for the worse. */
export function isWithin(parts: Parts, before: Parts): boolean {
  return [...parts].every(([way, text]) => before.get(way) === text);
}
