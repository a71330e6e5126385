/** Why a schema does not hold at a place: what it says itself, and the schemas that it applies and that fail. */
import type { JsonValue } from '../../lib/json.ts';
import { type Evaluation, getPartsLookedAt, has, isWithin, writeParts } from './evaluation.ts';
import type { SchemaNode } from './node.ts';
import { getNames, isList, isObject, type Place } from './place.ts';

export type Failure = RuleFailure | PartFailure | ChoiceFailure;

/** A rule of the schema itself. */
export interface RuleFailure {
  readonly kind: 'rule';
  readonly code: string;
  readonly params: Readonly<Record<string, JsonValue>>;
  /** The member that is meant, if it is not the place itself. */
  readonly member?: string;
  /** Whether the schema failed before in this same way, and the value has not become another wrong one. */
  isExcusedBy(before: Place): boolean;
}

/** A schema that is applied, to this place or below. */
export interface PartFailure {
  readonly kind: 'part';
  /** The keyword that applies it. */
  readonly code: string;
  readonly node: SchemaNode;
  readonly place: Place;
  /** The place to compare with, if the schema was applied there before. */
  getCounterpart(before: Place): Place | undefined;
  /** Where the schema applies on a condition: whether what the condition looks at is as it was. */
  readonly isConditionSame?: (before: Place) => boolean;
}

/** No branch of `anyOf` or `oneOf` holds. */
export interface ChoiceFailure {
  readonly kind: 'choice';
  readonly code: 'anyOf' | 'oneOf';
  readonly branches: readonly SchemaNode[];
}

/** Which item of a list before is compared with an item now. */
export type FindItem = (item: Place, before: Place, from: number) => Place | undefined;

/** What fails in a schema that does not hold. */
export function* getFailures(
  node: SchemaNode,
  place: Place,
  evaluation: Evaluation,
  findItem: FindItem,
): Generator<Failure> {
  const { places, isValid } = evaluation;

  for (const { keyword, params } of evaluation.getBroken(node, place)) {
    yield { kind: 'rule', code: keyword, params, isExcusedBy: (before) => places.isSame(place, before) };
  }
  for (const { keyword, params, excess } of evaluation.getBrokenBounds(node, place)) {
    const wasWorse = (before: Place) =>
      evaluation
        .getBrokenBounds(node, before)
        .some((bound) => bound.keyword === keyword && bound.excess >= excess);
    yield { kind: 'rule', code: keyword, params, isExcusedBy: wasWorse };
  }
  yield* inPlace();
  if (isObject(place.value)) yield* inMembers();
  if (isList(place.value)) yield* inItems();

  function* inPlace(): Generator<Failure> {
    for (const part of node.all) if (!isValid(part, place)) yield samePlace('all', part, () => true);
    if (node.anyOf && evaluation.getHolding(node.anyOf, place).length === 0) {
      yield { kind: 'choice', code: 'anyOf', branches: node.anyOf };
    }
    if (node.oneOf) yield* inOneOf(node.oneOf);
    const { not, condition } = node;
    if (not && isValid(not, place)) {
      yield {
        kind: 'rule',
        code: 'not',
        params: {},
        isExcusedBy: (before) => isValid(not, before) && looksSame([not], before),
      };
    }
    if (condition) {
      const holds = isValid(condition, place);
      const chosen = holds ? node.whenTrue : node.whenFalse;
      if (chosen && !isValid(chosen, place)) {
        const wasChosen = (before: Place) => isValid(condition, before) === holds;
        yield {
          ...samePlace(holds ? 'then' : 'else', chosen, wasChosen),
          isConditionSame: (before) => looksSame([condition], before),
        };
      }
    }
    for (const [name, part] of node.dependentSchemas) {
      if (!has(place, name) || isValid(part, place)) continue;
      yield {
        ...samePlace('dependentSchemas', part, (before) => has(before, name)),
        isConditionSame: (before) => isSameMember(name, before),
      };
    }
  }

  function* inOneOf(branches: readonly SchemaNode[]): Generator<Failure> {
    const holding = evaluation.getHolding(branches, place);
    if (holding.length === 0) yield { kind: 'choice', code: 'oneOf', branches };
    if (holding.length < 2) return;
    const passing = holding.map((branch) => branches.indexOf(branch) + 1);
    yield {
      kind: 'rule',
      code: 'oneOf',
      params: { passing, branches: branches.length },
      isExcusedBy: (before) =>
        holding.every((branch) => isValid(branch, before)) && looksSame(holding, before),
    };
  }

  function samePlace(code: string, part: SchemaNode, wasApplied: (before: Place) => boolean): PartFailure {
    return {
      kind: 'part',
      code,
      node: part,
      place,
      getCounterpart: (before) => (wasApplied(before) ? before : undefined),
    };
  }

  function looksSame(parts: readonly SchemaNode[], before: Place): boolean {
    return isWithin(getPartsLookedAt(parts, place, evaluation), getPartsLookedAt(parts, before, evaluation));
  }

  function isSameMember(name: string, before: Place): boolean {
    const [now, then] = [places.getChild(place, name), places.getChild(before, name)];
    return now !== undefined && then !== undefined && places.isSame(now, then);
  }

  function* inMembers(): Generator<Failure> {
    for (const name of node.required) {
      if (!has(place, name)) yield missing('required', name, { missingProperty: name });
    }
    for (const [property, needed] of node.dependentRequired) {
      if (!has(place, property)) continue;
      for (const name of needed) {
        if (has(place, name)) continue;
        const rule = missing('dependentRequired', name, { property, missingProperty: name });
        yield { ...rule, isExcusedBy: (before) => has(before, property) && rule.isExcusedBy(before) };
      }
    }
    const { propertyNames, unevaluatedProperties } = node;
    for (const name of getNames(place)) {
      if (propertyNames && !isValid(propertyNames, places.createName(name))) {
        yield {
          kind: 'rule',
          code: 'propertyNames',
          params: { propertyName: name },
          member: name,
          isExcusedBy: (before) => isSameMember(name, before),
        };
      }
      for (const schema of evaluation.getMemberSchemas(node, name)) {
        yield* below(schema.keyword, schema.node, name, () => true);
      }
    }
    if (!unevaluatedProperties) return;
    for (const name of evaluation.getUnevaluated(node, place)) {
      yield* below('unevaluatedProperties', unevaluatedProperties, name, (before) =>
        evaluation.getUnevaluated(node, before).includes(name),
      );
    }
  }

  function* below(
    code: string,
    part: SchemaNode,
    name: string,
    wasApplied: (before: Place) => boolean,
  ): Generator<Failure> {
    const child = places.getChild(place, name);
    if (!child || isValid(part, child)) return;
    yield {
      kind: 'part',
      code,
      node: part,
      place: child,
      getCounterpart: (before) =>
        isObject(before.value) && wasApplied(before) ? places.getChild(before, name) : undefined,
    };
  }

  function* inItems(): Generator<Failure> {
    const { prefixItems, items, unevaluatedItems } = node;
    yield* inDuplicates();
    yield* inContains();
    const list = places.getItems(place);
    for (const [position, part] of prefixItems.entries()) {
      const item = list[position];
      if (!item || isValid(part, item)) continue;
      const getCounterpart = (before: Place) => places.getItems(before)[position];
      yield { kind: 'part', code: 'prefixItems', node: part, place: item, getCounterpart };
    }
    if (items) {
      for (const item of list.slice(prefixItems.length)) {
        if (isValid(items, item)) continue;
        const getCounterpart = (before: Place) => findItem(item, before, prefixItems.length);
        yield { kind: 'part', code: 'items', node: items, place: item, getCounterpart };
      }
    }
    if (!unevaluatedItems) return;
    for (const name of evaluation.getUnevaluated(node, place)) {
      const item = places.getChild(place, name);
      if (!item || isValid(unevaluatedItems, item)) continue;
      const getCounterpart = (before: Place) => {
        const counterpart = findItem(item, before, 0);
        const wasApplied = counterpart && evaluation.getUnevaluated(node, before).includes(counterpart.name);
        return wasApplied ? counterpart : undefined;
      };
      yield { kind: 'part', code: 'unevaluatedItems', node: unevaluatedItems, place: item, getCounterpart };
    }
  }

  function* inDuplicates(): Generator<Failure> {
    const twins = evaluation.getTwins(node, place);
    if (!twins) return;
    const [first, second] = twins.map(({ name }) => Number(name) + 1);
    yield {
      kind: 'rule',
      code: 'uniqueItems',
      params: { first: first ?? 0, second: second ?? 0 },
      isExcusedBy(before) {
        const had = countTexts(places.getItems(before));
        return [...countTexts(places.getItems(place))].every(
          ([text, count]) => count === 1 || count <= (had.get(text) ?? 0),
        );
      },
    };
  }

  function countTexts(items: readonly Place[]): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const item of items) {
      const text = places.getText(item);
      counts.set(text, (counts.get(text) ?? 0) + 1);
    }
    return counts;
  }

  function* inContains(): Generator<Failure> {
    const { contains, minContains, maxContains } = node;
    if (!contains) return;
    const count = evaluation.getContained(node, place).length;
    if (count < minContains) {
      yield {
        kind: 'rule',
        code: node.source['minContains'] === undefined ? 'contains' : 'minContains',
        params: { limit: minContains },
        isExcusedBy: (before) =>
          isList(before.value) && evaluation.getContained(node, before).length <= count,
      };
    }
    if (count > maxContains) {
      yield {
        kind: 'rule',
        code: 'maxContains',
        params: { limit: maxContains },
        isExcusedBy: (before) =>
          evaluation.getContained(node, before).length > maxContains &&
          isWithin(getContainedParts(place), getContainedParts(before)),
      };
    }

    /** What makes each of these items count, and how often. */
    function getContainedParts(at: Place): ReadonlyMap<string, string> {
      const counts = new Map<string, number>();
      const parts = new Map<string, string>();
      for (const item of evaluation.getContained(node, at)) {
        const text = contains ? writeParts(getPartsLookedAt([contains], item, evaluation)) : '';
        const times = (counts.get(text) ?? 0) + 1;
        counts.set(text, times);
        parts.set(`${text}#${times}`, '');
      }
      return parts;
    }
  }
}

function missing(code: string, name: string, params: RuleFailure['params']): RuleFailure {
  return {
    kind: 'rule',
    code,
    params,
    member: name,
    isExcusedBy: (before) => isObject(before.value) && !has(before, name),
  };
}
