/**
 * The one walk over an instance and a schema together: which schemas apply to a place, and whether they hold there.
 * Each pair of schema and place is judged once, whatever the number of ways that lead to it, so that no schema makes
 * the work explode; and all work is paid for from a meter.
 */
import type { JsonValue } from '../../lib/json.ts';
import type { Meter } from './meter.ts';
import { getNumber, type SchemaNode } from './node.ts';
import { createPlaces, getNames, isList, isObject, type Place, type Places } from './place.ts';

/** A rule of a schema that one value breaks by itself. */
export interface BrokenRule {
  readonly keyword: string;
  /** What the rule asks for, such as `limit`. */
  readonly params: Readonly<Record<string, JsonValue>>;
}

/** A bound on the size of a list or an object that is not kept. */
export interface BrokenBound extends BrokenRule {
  /** How far beyond the bound the value is: the larger, the worse. */
  readonly excess: number;
}

export interface Evaluation {
  readonly places: Places;
  readonly meter: Meter;
  /** Whether the schema holds at the place. */
  readonly isValid: (node: SchemaNode, place: Place) => boolean;
  /** The schemas that `properties`, `patternProperties` and `additionalProperties` apply to a member of that name. */
  readonly getMemberSchemas: (node: SchemaNode, name: string) => readonly MemberSchema[];
  /** The members and items that no keyword of this schema, nor of the schemas applied with it, evaluates. */
  readonly getUnevaluated: (node: SchemaNode, place: Place) => readonly string[];
  /** The branches of `anyOf` or `oneOf` that hold. */
  readonly getHolding: (branches: readonly SchemaNode[], place: Place) => readonly SchemaNode[];
  /** The rules about the value as a whole that it breaks. */
  readonly getBroken: (node: SchemaNode, place: Place) => readonly BrokenRule[];
  /** The bounds on its number of members or items that it does not keep. */
  readonly getBrokenBounds: (node: SchemaNode, place: Place) => readonly BrokenBound[];
  /** Two equal items of a list, by their positions, if `uniqueItems` forbids them. */
  readonly getTwins: (node: SchemaNode, place: Place) => readonly [Place, Place] | undefined;
  /** The items for which `contains` holds. */
  readonly getContained: (node: SchemaNode, place: Place) => readonly Place[];
}

export interface MemberSchema {
  readonly keyword: 'properties' | 'patternProperties' | 'additionalProperties';
  readonly node: SchemaNode;
}

export function createEvaluation(meter: Meter): Evaluation {
  const places = createPlaces(meter);
  const verdicts = new Map<SchemaNode, Map<Place, boolean>>();
  const memberSchemas = new Map<SchemaNode, Map<string, readonly MemberSchema[]>>();

  function isValid(node: SchemaNode, place: Place): boolean {
    if (node.literal !== undefined) return node.literal;
    const ofNode = verdicts.get(node) ?? new Map<Place, boolean>();
    const known = ofNode.get(place);
    if (known !== undefined) return known;
    meter.spend(1);
    const verdict = judge(node, place);
    verdicts.set(node, ofNode.set(place, verdict));
    return verdict;
  }

  function judge(node: SchemaNode, place: Place): boolean {
    return (
      getBroken(node, place).length === 0 &&
      getBrokenBounds(node, place).length === 0 &&
      getTwins(node, place) === undefined &&
      holdsInPlace(node, place) &&
      (isObject(place.value) ? holdsForMembers(node, place) : true) &&
      (isList(place.value) ? holdsForItems(node, place) : true)
    );
  }

  function holdsInPlace(node: SchemaNode, place: Place): boolean {
    if (!node.all.every((part) => isValid(part, place))) return false;
    if (node.anyOf && !node.anyOf.some((branch) => isValid(branch, place))) return false;
    if (node.oneOf && getHolding(node.oneOf, place).length !== 1) return false;
    if (node.not && isValid(node.not, place)) return false;
    if (!node.condition) return true;
    const chosen = isValid(node.condition, place) ? node.whenTrue : node.whenFalse;
    return chosen === undefined || isValid(chosen, place);
  }

  function holdsForMembers(node: SchemaNode, place: Place): boolean {
    const { propertyNames } = node;
    const names = getNames(place);
    meter.spend((names.length * 2 + node.required.length) / 8);
    return (
      node.required.every((name) => has(place, name)) &&
      [...node.dependentRequired].every(
        ([name, needed]) => !has(place, name) || needed.every((other) => has(place, other)),
      ) &&
      [...node.dependentSchemas].every(([name, part]) => !has(place, name) || isValid(part, place)) &&
      (!propertyNames || names.every((name) => isValid(propertyNames, places.createName(name)))) &&
      names.every((name) => {
        const schemas = getMemberSchemas(node, name);
        if (schemas.length === 0) return true;
        const child = places.getChild(place, name);
        return child === undefined || schemas.every((schema) => isValid(schema.node, child));
      }) &&
      holdsForUnevaluated(node.unevaluatedProperties, node, place)
    );
  }

  function holdsForItems(node: SchemaNode, place: Place): boolean {
    const { items, prefixItems } = node;
    if (prefixItems.length > 0 || items) {
      const allHold = places.getItems(place).every((item, position) => {
        const schema = prefixItems[position] ?? items;
        return schema === undefined || isValid(schema, item);
      });
      if (!allHold) return false;
    }
    if (node.contains) {
      const count = getContained(node, place).length;
      if (count < node.minContains || count > node.maxContains) return false;
    }
    return holdsForUnevaluated(node.unevaluatedItems, node, place);
  }

  function holdsForUnevaluated(schema: SchemaNode | undefined, node: SchemaNode, place: Place): boolean {
    if (!schema) return true;
    return getUnevaluated(node, place).every((name) => {
      const child = places.getChild(place, name);
      return child === undefined || isValid(schema, child);
    });
  }

  function getHolding(branches: readonly SchemaNode[], place: Place): readonly SchemaNode[] {
    return branches.filter((branch) => isValid(branch, place));
  }

  function getContained({ contains }: SchemaNode, place: Place): readonly Place[] {
    return contains ? places.getItems(place).filter((item) => isValid(contains, item)) : [];
  }

  function getMemberSchemas(node: SchemaNode, name: string): readonly MemberSchema[] {
    const byName = memberSchemas.get(node) ?? new Map<string, readonly MemberSchema[]>();
    memberSchemas.set(node, byName);
    const known = byName.get(name);
    if (known) return known;
    const found: MemberSchema[] = [];
    const property = node.properties.get(name);
    if (property) found.push({ keyword: 'properties', node: property });
    for (const rule of node.patternProperties) {
      if (rule.pattern.test(name, meter)) found.push({ keyword: 'patternProperties', node: rule.node });
    }
    if (found.length === 0 && node.additionalProperties) {
      found.push({ keyword: 'additionalProperties', node: node.additionalProperties });
    }
    byName.set(name, found);
    return found;
  }

  function getUnevaluated(node: SchemaNode, place: Place): readonly string[] {
    const names = isList(place.value) ? [...place.value.keys()].map(String) : getNames(place);
    const evaluated = new Set<string>();
    const visited = new Set<SchemaNode>();
    addEvaluated(node, true);
    meter.spend(names.length / 8);
    return names.filter((name) => !evaluated.has(name));

    /** Where a schema fails, what it names counts as evaluated: its failure is told, and needs no echo. */
    function addEvaluated(part: SchemaNode, isOuter: boolean): void {
      if (visited.has(part)) return;
      visited.add(part);
      meter.spend(1 + names.length / 8);
      const takesAll = isList(place.value)
        ? part.items !== undefined || (!isOuter && part.unevaluatedItems !== undefined)
        : !isOuter && part.unevaluatedProperties !== undefined;
      if (takesAll) for (const name of names) evaluated.add(name);
      else if (isList(place.value)) {
        for (const position of part.prefixItems.keys()) evaluated.add(String(position));
        for (const item of getContained(part, place)) evaluated.add(item.name);
      } else {
        for (const name of names) if (getMemberSchemas(part, name).length > 0) evaluated.add(name);
      }
      for (const each of getApplied(part)) addEvaluated(each, false);
    }

    function getApplied(part: SchemaNode): readonly SchemaNode[] {
      const conditional = part.condition
        ? isValid(part.condition, place)
          ? [part.condition, part.whenTrue]
          : [part.whenFalse]
        : [];
      return [
        ...part.all,
        ...getChosen(part.anyOf, place),
        ...getChosen(part.oneOf, place),
        ...conditional.filter((each) => each !== undefined),
        ...[...part.dependentSchemas].filter(([name]) => has(place, name)).map(([, each]) => each),
      ];
    }
  }

  /** The branches that hold; all of them where none does, because then it cannot be said which is meant. */
  function getChosen(branches: readonly SchemaNode[] | undefined, place: Place): readonly SchemaNode[] {
    if (!branches) return [];
    const holding = getHolding(branches, place);
    return holding.length > 0 ? holding : branches;
  }

  function getTwins(node: SchemaNode, place: Place): readonly [Place, Place] | undefined {
    if (node.source['uniqueItems'] !== true) return undefined;
    const seen = new Map<string, Place>();
    for (const item of places.getItems(place)) {
      const text = places.getText(item);
      const twin = seen.get(text);
      if (twin) return [twin, item];
      seen.set(text, item);
    }
    return undefined;
  }

  function getBroken(node: SchemaNode, place: Place): readonly BrokenRule[] {
    const { value } = place;
    const broken: BrokenRule[] = [];
    if (node.types && !node.types.some((type) => isOfType(value, type))) {
      broken.push({ keyword: 'type', params: { type: node.types } });
    }
    if (node.constant !== undefined && places.getText(place) !== node.constant) {
      broken.push({ keyword: 'const', params: { allowedValue: node.source['const'] ?? null } });
    }
    if (node.allowed && !node.allowed.has(places.getText(place))) {
      broken.push({ keyword: 'enum', params: { allowedValues: node.source['enum'] ?? [] } });
    }
    if (typeof value === 'string') addForText(node, value, broken);
    else if (typeof value === 'number') addForNumber(node, value, broken);
    return broken;
  }

  function addForText(node: SchemaNode, text: string, broken: BrokenRule[]): void {
    const [min, max] = [getNumber(node, 'minLength'), getNumber(node, 'maxLength')];
    if (min !== undefined && isShorter(text, min))
      broken.push({ keyword: 'minLength', params: { limit: min } });
    if (max !== undefined && !isShorter(text, max + 1)) {
      broken.push({ keyword: 'maxLength', params: { limit: max } });
    }
    // A text that is too long already is not searched.
    if (node.pattern && !(max !== undefined && text.length > 2 * max) && !node.pattern.test(text, meter)) {
      broken.push({ keyword: 'pattern', params: { pattern: node.source['pattern'] ?? '' } });
    }
    addForFormat(node, text, broken);
  }

  function addForNumber(node: SchemaNode, value: number, broken: BrokenRule[]): void {
    for (const [keyword, isMet] of NUMBER_RULES) {
      const limit = getNumber(node, keyword);
      if (limit === undefined || isMet(value, limit)) continue;
      broken.push({ keyword, params: keyword === 'multipleOf' ? { multipleOf: limit } : { limit } });
    }
    addForFormat(node, value, broken);
  }

  function addForFormat({ format }: SchemaNode, value: JsonValue, broken: BrokenRule[]): void {
    if (!format) return;
    meter.spend(1 + (typeof value === 'string' ? value.length / 32 : 0));
    if (!format.test(value)) broken.push({ keyword: 'format', params: { format: format.name } });
  }

  return {
    places,
    meter,
    isValid,
    getMemberSchemas,
    getUnevaluated,
    getHolding,
    getBroken,
    getBrokenBounds,
    getTwins,
    getContained,
  };
}

function getBrokenBounds(node: SchemaNode, { value }: Place): readonly BrokenBound[] {
  if (isList(value)) return boundsBroken(node, 'Items', value.length);
  if (isObject(value)) return boundsBroken(node, 'Properties', Object.keys(value).length);
  return [];
}

function boundsBroken(node: SchemaNode, what: 'Items' | 'Properties', size: number): readonly BrokenBound[] {
  const [min, max] = [getNumber(node, `min${what}`), getNumber(node, `max${what}`)];
  if (min === undefined && max === undefined) return [];
  return [
    ...(min !== undefined && size < min
      ? [{ keyword: `min${what}`, params: { limit: min }, excess: min - size }]
      : []),
    ...(max !== undefined && size > max
      ? [{ keyword: `max${what}`, params: { limit: max }, excess: size - max }]
      : []),
  ];
}

const NUMBER_RULES: ReadonlyArray<readonly [string, (value: number, limit: number) => boolean]> = [
  ['minimum', (value, limit) => value >= limit],
  ['maximum', (value, limit) => value <= limit],
  ['exclusiveMinimum', (value, limit) => value > limit],
  ['exclusiveMaximum', (value, limit) => value < limit],
  ['multipleOf', isMultiple],
];

/** 0.3 is taken for a multiple of 0.1, although it is not one in binary. */
function isMultiple(value: number, of: number): boolean {
  const quotient = value / of;
  return Number.isFinite(quotient) ? Math.abs(Math.round(quotient) - quotient) <= 1e-9 : value % of === 0;
}

/** Whether a text has fewer characters than that: code points, as JSON Schema counts them. */
function isShorter(text: string, characters: number): boolean {
  if (text.length < characters) return true;
  if (text.length >= 2 * characters) return false;
  return Array.from(text).length < characters;
}

function isOfType(value: JsonValue, type: string): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return isList(value);
    case 'object':
      return isObject(value);
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

export function has({ value }: Place, name: string): boolean {
  return isObject(value) && Object.hasOwn(value, name);
}
