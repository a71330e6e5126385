/**
 * The one walk over an instance and a schema together: which schemas apply to a place, and whether they hold there.
 * Each pair of schema and place is judged once, whatever the number of ways that lead to it, so that no schema makes
 * the work explode; and all work is paid for from a meter.
 */
import type { JsonValue } from '../../lib/json.ts';
import { getAnnotatingInPlace, getBelow, getNumber, type SchemaNode } from './node.ts';
import { createPlaces, getNames, isList, isObject, type Place, type Places } from './place.ts';

/** A bound on the work that one judgement may cost, so that no document keeps the service busy. */

export interface Meter {
  /** @throws WorkExceeded once more has been spent than the meter allows. */
  spend(units: number): void;
}

/** A judgement was given up, because it would have cost too much. */
export class WorkExceeded extends Error {
  override name = 'WorkExceeded';
}

export function createMeter(units: number): Meter {
  let left = units;
  return {
    spend(spent) {
      left -= spent;
      if (left < 0) throw new WorkExceeded('too much work');
    },
  };
}

/** A rule of a schema that one value breaks by itself. */
interface BrokenRule {
  readonly keyword: string;
  /** What the rule asks for, such as `limit`. */
  readonly params: Readonly<Record<string, JsonValue>>;
}

/** A bound on the size of a list or an object that is not kept. */
interface BrokenBound extends BrokenRule {
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

interface MemberSchema {
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

// Which schemas apply to the places of a document, so that what they note there (`readOnly`, `x-...`) can be asked for.
//
// A branch of `anyOf`, `oneOf` or `if` applies if it does so before the change or after it, so that no one evades a
// note by changing in the same request what the branch depends on; where no branch holds, all apply. Items are told
// apart by their positions.

/** A place that a schema applies to, before a change and after it. At least one of the two is there. */
interface Applied {
  readonly node: SchemaNode;
  readonly path: readonly string[];
  readonly before: Place | undefined;
  readonly after: Place | undefined;
}

interface Notes {
  /** Whether the schema notes anything. */
  readonly exist: boolean;
  /** Whether a noted schema can be reached from this one. */
  readonly leadsTo: (node: SchemaNode) => boolean;
  /**
   * The places that are noted, once for each schema that notes them. Parts that the change leaves as they were are
   * passed over.
   */
  find(before: Place | undefined, after: Place | undefined, evaluation: Evaluation): readonly Applied[];
}

/** Finds where a noted schema applies. */
export function createNotes(root: SchemaNode, isNoted: (node: SchemaNode) => boolean): Notes {
  const leading = findLeading(root, isNoted);

  return {
    exist: leading.has(root),
    leadsTo: (node) => leading.has(node),
    find: (before, after, evaluation) => findNoted(root, before, after, { evaluation, leading, isNoted }),
  };
}

/** The schemas from which a noted one can be reached. */
function findLeading(root: SchemaNode, isNoted: (node: SchemaNode) => boolean): ReadonlySet<SchemaNode> {
  const users = new Map<SchemaNode, SchemaNode[]>();
  const all = new Set([root]);
  for (const node of all) {
    for (const next of [...getAnnotatingInPlace(node), ...getBelow(node)]) {
      all.add(next);
      users.set(next, [...(users.get(next) ?? []), node]);
    }
  }
  const leading = new Set([...all].filter(isNoted));
  for (const node of leading) for (const user of users.get(node) ?? []) leading.add(user);
  return leading;
}

/** The schemas for the same place that apply in one of the states. */
export function getApplying(
  node: SchemaNode,
  states: readonly Place[],
  { getHolding, isValid }: Evaluation,
): ReadonlySet<SchemaNode> {
  const applying = new Set(node.all);
  for (const place of states) {
    for (const branches of [node.anyOf ?? [], node.oneOf ?? []]) {
      const holding = getHolding(branches, place);
      for (const branch of holding.length > 0 ? holding : branches) applying.add(branch);
    }
    if (node.condition) {
      const holds = isValid(node.condition, place);
      for (const part of holds ? [node.condition, node.whenTrue] : [node.whenFalse]) {
        if (part) applying.add(part);
      }
    }
    for (const [name, part] of node.dependentSchemas) if (has(place, name)) applying.add(part);
  }
  return applying;
}

interface Search {
  readonly evaluation: Evaluation;
  readonly leading: ReadonlySet<SchemaNode>;
  readonly isNoted: (node: SchemaNode) => boolean;
}

function findNoted(
  root: SchemaNode,
  rootBefore: Place | undefined,
  rootAfter: Place | undefined,
  { evaluation, leading, isNoted }: Search,
): readonly Applied[] {
  const { places, meter, isValid } = evaluation;
  const visited = new Set<string>();
  const found = new Map<string, Applied>();
  visit({ node: root, path: [], before: rootBefore, after: rootAfter });
  return [...found.values()];

  function visit(applied: Applied): void {
    const { node, path, before, after } = applied;
    if (!leading.has(node) || (before === undefined && after === undefined)) return;
    if (before && after && places.isSame(before, after)) return;
    const key = `${node.id} ${before?.id ?? ''} ${after?.id ?? ''}`;
    if (visited.has(key)) return;
    visited.add(key);
    meter.spend(4);
    if (isNoted(node)) found.set(JSON.stringify([path, node.id]), applied);
    const states = [before, after].filter((place) => place !== undefined);
    for (const part of getApplying(node, states, evaluation)) {
      visit({ ...applied, node: part });
    }
    visitMembers(applied);
    visitItems(applied);
  }

  function visitMembers({ node, path, before, after }: Applied): void {
    const { unevaluatedProperties } = node;
    const states = [before, after].filter((place) => place !== undefined);
    const child = (name: string) => ({
      path: [...path, name],
      before: before && getMember(before, name),
      after: after && getMember(after, name),
    });
    for (const name of new Set(states.flatMap(getNames))) {
      for (const schema of evaluation.getMemberSchemas(node, name))
        visit({ node: schema.node, ...child(name) });
    }
    if (!unevaluatedProperties || !leading.has(unevaluatedProperties)) return;
    const names = states.filter((place) => getNames(place).length > 0);
    for (const name of new Set(names.flatMap((place) => evaluation.getUnevaluated(node, place)))) {
      visit({ node: unevaluatedProperties, ...child(name) });
    }
  }

  function getMember(place: Place, name: string): Place | undefined {
    return has(place, name) ? places.getChild(place, name) : undefined;
  }

  function visitItems({ node, path, before, after }: Applied): void {
    const [earlier, later] = [before ? places.getItems(before) : [], after ? places.getItems(after) : []];
    const unevaluated = new Set(
      node.unevaluatedItems
        ? [before, after].flatMap((place) =>
            place && places.getItems(place).length > 0 ? evaluation.getUnevaluated(node, place) : [],
          )
        : [],
    );
    for (let position = 0; position < Math.max(earlier.length, later.length); position += 1) {
      const states = { before: earlier[position], after: later[position] };
      const { contains } = node;
      const isContained = [states.before, states.after].some(
        (item) => contains && item && isValid(contains, item),
      );
      const schemas = [
        node.prefixItems[position] ?? node.items,
        isContained ? contains : undefined,
        unevaluated.has(String(position)) ? node.unevaluatedItems : undefined,
      ];
      for (const schema of schemas) {
        if (schema) visit({ node: schema, path: [...path, String(position)], ...states });
      }
    }
  }
}

// What a schema looks at in a value: the parts that decide whether it holds. A value that must not match a schema is
// wrong because of these parts and no others, so that any other part may change.

/** Texts of the parts, by the way to each. */
type Parts = ReadonlyMap<string, string>;

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
