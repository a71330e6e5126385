/**
 * The operator's JSON Schema (draft 2020-12) over `user_metadata`: a write is refused for what it makes wrong, never
 * for what was wrong before. Each judgement has a bound on its work, whatever the document and the schema.
 */
import { AppError, type FieldError } from '../lib/app-error.ts';
import { isJsonObject, jsonEqual, type JsonObject, type JsonValue } from '../lib/json.ts';
import { resolve, toPointer } from './json-pointer.ts';
import { createReadOnlyError, type SchemaReason } from './policy.ts';
import {
  createEvaluation,
  createMeter,
  createNotes,
  type Evaluation,
  WorkExceeded,
} from './schema/evaluation.ts';
import type { Login } from './ports.ts';
import type { Stamp, StepUp } from './schema/annotations.ts';
import { canHave, canHaveObject, findStamped } from './schema/contradictions.ts';
import { type ChoiceFailure, type Failure, getFailures } from './schema/failures.ts';
import { loadSchema } from './schema/load.ts';
import { findPlaces, walkPlaces } from './schema/named-places.ts';
import type { SchemaNode } from './schema/node.ts';
import { getPath, type Place } from './schema/place.ts';

// Which violations of a schema a change has introduced. What was stored wrong may stay or go, but never become
// another wrong value; what a change leaves alone is not held against it.
//
// Every place of the document is compared with its counterpart before the change: the document with the document, a
// member with the member of the same name, an item with an equal item and otherwise, in order, with one of those that
// have no equal. Where a schema was not applied to the counterpart, everything that it finds now is new.
//
// | rule | a violation is excused where there was one before and |
// | --- | --- |
// | `type`, `const`, `enum`, `format`, `pattern`, lengths and ranges | the value is the same |
// | `additionalProperties`, `unevaluatedProperties`, `items`, a schema `false` | the value of that member is the same |
// | `propertyNames` | the member of that name is the same |
// | `required`, `dependentRequired` | the same member was missing |
// | `minItems`, `maxItems`, `minProperties`, `maxProperties` | it is no further from the bound |
// | `uniqueItems` | no item occurs more often that occurs more than once |
// | `contains`, `minContains` | no fewer items match |
// | `maxContains` | the items that match are some of those that did |
// | `not`, and `oneOf` where several branches hold | what these schemas look at is the same, or gone |
// | `then: false`, `else: false`, `dependentSchemas` with `false` | what the condition looks at is the same, or gone |
// | `anyOf`, `oneOf` where no branch holds | the branches nearest to the stored value find nothing new |

interface Violation {
  /** The way to the value that is wrong, or to the member that is missing. */
  readonly path: readonly string[];
  /** The keyword of the rule; `false_schema` where nothing is allowed. */
  readonly code: string;
  readonly params: Readonly<Record<string, JsonValue>>;
}

/** No more violations are found than a person will read. */
const VIOLATIONS_MAX = 50;
/** A value of another type is further from a schema than one of that type with any number of faults. */
const OTHER_TYPE = 1_000_000;

/** Keywords that apply `false` to a single member or item, and are named in its place. */
const CLOSING: ReadonlySet<string> = new Set([
  'additionalProperties',
  'items',
  'prefixItems',
  'unevaluatedItems',
  'unevaluatedProperties',
]);

/** Whether what led to a schema is as it was. */
type Condition = () => boolean;

/** The violations in `after`, up to 50, that nothing in `before` excuses. Without `before`, all are found. */
export function getIntroducedViolations(
  root: SchemaNode,
  before: Place | undefined,
  after: Place,
  evaluation: Evaluation,
): readonly Violation[] {
  const { places, meter, isValid } = evaluation;
  const judged = new Map<string, readonly Violation[]>();
  const distances = new Map<string, number>();
  const alignments = new Map<string, ReadonlyMap<Place, Place>>();
  return judge(root, after, before, []);

  /** `earlier` is the counterpart, if the schema applied to it. `code` names the keyword that applies the schema. */
  function judge(
    node: SchemaNode,
    place: Place,
    earlier: Place | undefined,
    conditions: readonly Condition[],
    code = '',
  ): readonly Violation[] {
    if (isValid(node, place)) return [];
    // The same schema finds the same in the same value.
    if (earlier && places.isSame(place, earlier)) return [];
    if (node.literal === false) return judgeForbidden(place, earlier, conditions, code);
    const key = `${node.id} ${place.id} ${earlier?.id ?? ''}`;
    const known = conditions.length === 0 ? judged.get(key) : undefined;
    if (known) return known;
    meter.spend(8);
    const found = new Map<string, Violation>();
    for (const failure of getFailures(node, place, evaluation, findItem)) {
      meter.spend(2);
      for (const violation of judgeFailure(failure, place, earlier, conditions)) {
        found.set(JSON.stringify([violation.path, violation.code, violation.params]), violation);
      }
      if (found.size >= VIOLATIONS_MAX) break;
    }
    const violations = [...found.values()].slice(0, VIOLATIONS_MAX);
    if (conditions.length === 0) judged.set(key, violations);
    return violations;
  }

  function judgeFailure(
    failure: Failure,
    place: Place,
    earlier: Place | undefined,
    conditions: readonly Condition[],
  ): readonly Violation[] {
    switch (failure.kind) {
      case 'rule': {
        if (earlier && failure.isExcusedBy(earlier)) return [];
        const path = getPath(place);
        const { code, params, member } = failure;
        return [{ path: member === undefined ? path : [...path, member], code, params }];
      }
      case 'part': {
        const counterpart = earlier && failure.getCounterpart(earlier);
        const { isConditionSame, node, code } = failure;
        if (failure.place !== place) return judge(node, failure.place, counterpart, [], code);
        const condition = earlier && isConditionSame ? [() => isConditionSame(earlier)] : [];
        return judge(node, place, counterpart, [...conditions, ...condition], code);
      }
      case 'choice':
        return judgeChoice(failure, place, earlier, conditions);
    }
  }

  function judgeChoice(
    { code, branches }: ChoiceFailure,
    place: Place,
    earlier: Place | undefined,
    conditions: readonly Condition[],
  ): readonly Violation[] {
    const judgeBranch = (branch: SchemaNode) => judge(branch, place, earlier, conditions);
    const neverHeld = earlier !== undefined && evaluation.getHolding(branches, earlier).length === 0;
    if (neverHeld && getNearest(branches, earlier).every((branch) => judgeBranch(branch).length === 0))
      return [];
    const [nearest, ...others] = getNearest(branches, place);
    const reasons = nearest && others.length === 0 ? judgeBranch(nearest) : [];
    const constants = branches.filter(({ constant }) => constant !== undefined);
    const params =
      constants.length === branches.length
        ? { allowedValues: constants.map(({ source }) => source['const'] ?? null) }
        : { branches: branches.length };
    return [...(constants.length === branches.length ? [] : reasons), { path: getPath(place), code, params }];
  }

  /** The branches that fail for the fewest reasons. */
  function getNearest(branches: readonly SchemaNode[], place: Place): readonly SchemaNode[] {
    const least = Math.min(...branches.map((branch) => getDistance(branch, place)));
    return branches.filter((branch) => getDistance(branch, place) === least);
  }

  function getDistance(node: SchemaNode, place: Place): number {
    if (isValid(node, place)) return 0;
    if (node.literal === false) return OTHER_TYPE;
    const key = `${node.id} ${place.id}`;
    const known = distances.get(key);
    if (known !== undefined) return known;
    meter.spend(8);
    let distance = 0;
    for (const failure of getFailures(node, place, evaluation, findItem)) {
      meter.spend(2);
      distance += getFailureDistance(failure, place);
      if (distance >= OTHER_TYPE) break;
    }
    distances.set(key, distance);
    return distance;
  }

  function getFailureDistance(failure: Failure, place: Place): number {
    if (failure.kind === 'rule') return failure.code === 'type' ? OTHER_TYPE : 1;
    if (failure.kind === 'choice') {
      return Math.max(1, Math.min(...failure.branches.map((branch) => getDistance(branch, place))));
    }
    const distance = getDistance(failure.node, failure.place);
    return failure.place !== place && distance >= OTHER_TYPE ? 1 : distance;
  }

  function findItem(item: Place, list: Place, from: number): Place | undefined {
    const { parent } = item;
    if (!parent) return undefined;
    const key = `${parent.id} ${list.id} ${from}`;
    const known =
      alignments.get(key) ?? align(places.getItems(parent).slice(from), places.getItems(list).slice(from));
    alignments.set(key, known);
    return known.get(item);
  }

  /** Pairs equal items, wherever they stand, and then the others in order. */
  function align(items: readonly Place[], earlier: readonly Place[]): ReadonlyMap<Place, Place> {
    const left = new Map<string, Place[]>();
    for (const item of earlier.toReversed()) {
      const text = places.getText(item);
      const alike = left.get(text);
      if (alike) alike.push(item);
      else left.set(text, [item]);
    }
    const pairs = new Map<Place, Place>();
    for (const item of items) {
      const equal = left.get(places.getText(item))?.pop();
      if (equal) pairs.set(item, equal);
    }
    const taken = new Set(pairs.values());
    const others = earlier.filter((item) => !taken.has(item)).values();
    for (const item of items) {
      if (pairs.has(item)) continue;
      const other = others.next();
      if (other.done === true) break;
      pairs.set(item, other.value);
    }
    return pairs;
  }
}

/** Of a place where nothing is allowed. */
function judgeForbidden(
  place: Place,
  earlier: Place | undefined,
  conditions: readonly Condition[],
  code: string,
): readonly Violation[] {
  if (earlier && conditions.length > 0 && conditions.every((isSame) => isSame())) return [];
  const path = getPath(place);
  if (!CLOSING.has(code)) return [{ path, code: 'false_schema', params: {} }];
  const isItem = code.endsWith('tems');
  return [{ path, code, params: isItem ? {} : { propertyName: place.name } }];
}

// What is wrong with a value, in a sentence for the person who entered it. An app that speaks another language makes
// its own sentences from the code and the params of the fault.

type Params = Violation['params'];

/** Beyond this many, allowed values are counted and not listed. */
const LISTED_MAX = 20;

const TYPE_NAMES: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  integer: 'a whole number',
  null: 'empty (null)',
  number: 'a number',
  object: 'an object',
  string: 'text',
};

const FORMAT_NAMES: Readonly<Record<string, string>> = {
  date: 'a date, such as 2025-12-31',
  'date-time': 'a date and time with a time zone, such as 2025-12-31T23:59:00Z',
  duration: 'a duration, such as P3D',
  email: 'an e-mail address',
  hostname: 'a host name',
  ipv4: 'an IPv4 address',
  ipv6: 'an IPv6 address',
  'iso-date-time': 'a date and time, such as 2025-12-31T23:59:00',
  'iso-time': 'a time, such as 23:59:00',
  'json-pointer': 'a JSON Pointer',
  regex: 'a regular expression',
  time: 'a time with a time zone, such as 23:59:00Z',
  uri: 'an address (URI)',
  'uri-reference': 'an address (URI) or a part of one',
  url: 'a web address, such as https://example.com',
  uuid: 'a UUID',
};

const SENTENCES: Readonly<Record<string, (params: Params) => string>> = {
  type: ({ type }) =>
    `Must be ${joinWords(
      toList(type).map((name) => TYPE_NAMES[toText(name)] ?? toText(name)),
      'or',
    )}.`,
  const: ({ allowedValue }) => `Must be ${JSON.stringify(allowedValue)}.`,
  enum: ({ allowedValues }) => sentenceOfAllowed(allowedValues),
  format: ({ format }) => `Must be ${FORMAT_NAMES[toText(format)] ?? `of the format ${toText(format)}`}.`,
  pattern: ({ pattern }) => `Must match the pattern ${toText(pattern)}.`,
  minLength: ({ limit }) => `Must be at least ${count(limit, 'character', 'characters')} long.`,
  maxLength: ({ limit }) => `Must be at most ${count(limit, 'character', 'characters')} long.`,
  minimum: ({ limit }) => `Must be ${toText(limit)} or more.`,
  maximum: ({ limit }) => `Must be ${toText(limit)} or less.`,
  exclusiveMinimum: ({ limit }) => `Must be more than ${toText(limit)}.`,
  exclusiveMaximum: ({ limit }) => `Must be less than ${toText(limit)}.`,
  multipleOf: ({ multipleOf }) => `Must be a multiple of ${toText(multipleOf)}.`,
  minItems: ({ limit }) => `Must have at least ${count(limit, 'item', 'items')}.`,
  maxItems: ({ limit }) => sentenceOfMost(limit, 'item', 'items', 'Must be an empty list.'),
  uniqueItems: ({ first, second }) => `Items ${toText(first)} and ${toText(second)} are the same.`,
  contains: () => 'Must have at least one item of the kind that is asked for.',
  minContains: ({ limit }) =>
    `Must have at least ${count(limit, 'item', 'items')} of the kind that is asked for.`,
  maxContains: ({ limit }) =>
    limit === 0
      ? 'Must have no item of the kind that is limited.'
      : `Must have at most ${count(limit, 'item', 'items')} of the kind that is limited.`,
  minProperties: ({ limit }) => `Must have at least ${count(limit, 'entry', 'entries')}.`,
  maxProperties: ({ limit }) => sentenceOfMost(limit, 'entry', 'entries', 'Must have no entries.'),
  required: () => 'This is required.',
  dependentRequired: ({ property }) => `This is required when ${JSON.stringify(property)} is given.`,
  propertyNames: ({ propertyName }) => `The name ${JSON.stringify(propertyName)} is not allowed here.`,
  additionalProperties: () => 'There must be no entry of this name.',
  unevaluatedProperties: () => 'There must be no entry of this name.',
  items: () => 'The list has too many items.',
  prefixItems: () => 'The list has too many items.',
  unevaluatedItems: () => 'The list has too many items.',
  not: () => 'This value is not allowed.',
  false_schema: () => 'This is not allowed here.',
  anyOf: (params) => sentenceOfChoice(params, 'Must fit at least one of the'),
  oneOf: (params) =>
    Array.isArray(params['passing'])
      ? `Must fit exactly one of the ${toText(params['branches'])} allowed forms, but fits ${joinWords(
          params['passing'].map(toText),
          'and',
        )}.`
      : sentenceOfChoice(params, 'Must fit one of the'),
};

/** One sentence that says which value would do, or why this one does not. */
function getSentence({ code, params }: Violation): string {
  return SENTENCES[code]?.(params) ?? 'This value is not allowed.';
}

function sentenceOfChoice(params: Params, beginning: string): string {
  const { allowedValues, branches } = params;
  return allowedValues === undefined
    ? `${beginning} ${count(branches, 'allowed form', 'allowed forms')}.`
    : sentenceOfAllowed(allowedValues);
}

function sentenceOfAllowed(allowedValues: JsonValue | undefined): string {
  const values = toList(allowedValues);
  const listed = values.slice(0, LISTED_MAX).map((value) => JSON.stringify(value));
  const more = values.length > LISTED_MAX ? `, or one of ${values.length - LISTED_MAX} more` : '';
  return values.length === 1 ? `Must be ${listed.join('')}.` : `Must be one of: ${listed.join(', ')}${more}.`;
}

function sentenceOfMost(limit: JsonValue | undefined, one: string, many: string, none: string): string {
  return limit === 0 ? none : `Must have at most ${count(limit, one, many)}.`;
}

function count(amount: JsonValue | undefined, one: string, many: string): string {
  return `${toText(amount)} ${amount === 1 ? one : many}`;
}

function joinWords(words: readonly string[], conjunction: string): string {
  return words.length < 2
    ? words.join('')
    : `${words.slice(0, -1).join(', ')} ${conjunction} ${words.at(-1) ?? ''}`;
}

function toList(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}

function toText(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

// What a schema fixes (`readOnly`, `x-write-once`, `x-stamp`), at any depth: what a change touches of it, what a
// replacement keeps, and what the service sets.

interface Touched {
  readonly path: readonly string[];
  readonly reason: SchemaReason;
}

interface FixedPlaces {
  /** Whether there can be any. */
  readonly exist: boolean;
  /** The fixed places whose values differ, or that are there in one of the two only. */
  getTouched(before: Place, after: Place, evaluation: Evaluation): readonly Touched[];
  /**
   * `after` with what is fixed and left out of it put back, with the objects and lists that it stood in. An item is put
   * back only where all items before it are there, because nothing else says where it belongs. A stamp goes with its
   * source. With `erases`, what can be set once goes as well.
   */
  putBack(before: Place, after: Place, evaluation: Evaluation, erases: boolean): JsonValue;
  /** `after` with what the service sets: stamps whose sources have changed. */
  stamp(before: Place, after: Place, evaluation: Evaluation, values: StampValues): JsonValue;
}

/** Whether the value at the source of a stamp has changed. */
function isSourceChanged({ annotations: { stamp } }: SchemaNode, before: Place, after: Place): boolean {
  const [was, is] = [before, after].map((place) => resolve(place.value, stamp?.source ?? ''));
  return !jsonEqual(was, is);
}

function createFixedPlaces(root: SchemaNode): FixedPlaces {
  const readOnly = createNotes(root, ({ source }) => source['readOnly'] === true);
  const writeOnce = createNotes(root, ({ annotations }) => annotations.writeOnce);
  const stamped = createNotes(root, ({ annotations }) => annotations.stamp !== undefined);

  /** A stamp may go with its source, and may be left out where it is set anew. */
  function findForged(before: Place, after: Place, evaluation: Evaluation) {
    return stamped
      .find(before, after, evaluation)
      .filter((place) => place.after !== undefined || !isSourceChanged(place.node, before, after));
  }

  function findReadOnly(before: Place, after: Place, evaluation: Evaluation) {
    const found = readOnly.find(before, after, evaluation);
    if (!stamped.exist || found.length === 0) return found;
    // A form needs `readOnly` to lock the field of a stamp; it says no more than the stamp does.
    const stamps = new Set(stamped.find(before, after, evaluation).map(({ path }) => toPointer(path)));
    return found.filter(({ path }) => !stamps.has(toPointer(path)));
  }

  return {
    exist: readOnly.exist || writeOnce.exist || stamped.exist,
    getTouched(before, after, evaluation) {
      const touched = new Map<string, Touched>();
      const add = (reason: SchemaReason, path: readonly string[]) => {
        const pointer = toPointer(path);
        if (!touched.has(pointer)) touched.set(pointer, { path, reason });
      };
      for (const { path } of findForged(before, after, evaluation)) add('stamped', path);
      for (const { path } of findReadOnly(before, after, evaluation)) add('schema', path);
      for (const place of writeOnce.find(before, after, evaluation)) {
        if (place.before) add('write_once', place.path);
      }
      return [...touched.values()];
    },
    putBack(before, after, evaluation, erases) {
      const { createRoot } = evaluation.places;
      const fixed = findReadOnly(before, after, evaluation);
      const once = erases ? [] : writeOnce.find(before, after, evaluation).filter((place) => place.before);
      if ([...fixed, ...once].some(({ path }) => path.length === 0))
        return withMembers(after.value, before.value);
      const kept = putBackMissing([...fixed, ...once], before, after.value);
      if (!stamped.exist) return kept;
      const place = createRoot(kept);
      return putBackMissing(findForged(before, place, evaluation), before, kept);
    },
    stamp(before, after, evaluation, values) {
      if (!stamped.exist) return after.value;
      const result = copyJson(after.value);
      let isChanged = false;
      const forEachDue = (document: Place, set: (path: readonly string[], { value }: Stamp) => void) => {
        for (const { path, applying } of walkPlaces(root, document, evaluation, stamped.leadsTo)) {
          for (const node of applying) {
            const { stamp } = node.annotations;
            if (stamp && isSourceChanged(node, before, after)) set(path, stamp);
          }
        }
      };
      // Where the branch that asked for the stamp no longer applies, the stamp goes all the same.
      forEachDue(before, (path, { source }) => {
        if (resolve(after.value, source) === undefined) isChanged = removeAt(result, path) || isChanged;
      });
      forEachDue(after, (path, { source, value }) => {
        const set = resolve(after.value, source) === undefined ? undefined : values[value];
        const isSet = set === undefined ? removeAt(result, path) : setAt(result, path, set);
        isChanged ||= isSet;
      });
      return isChanged ? result : after.value;
    },
  };
}

/** What the service sets by `x-stamp`; nothing, where there is no such value. */
export type StampValues = Readonly<Record<Stamp['value'], string | undefined>>;

const NO_STAMPS: StampValues = { now: undefined, client_id: undefined, actor: undefined };

interface Missing {
  readonly path: readonly string[];
  readonly before: Place | undefined;
  readonly after: Place | undefined;
}

function putBackMissing(places: readonly Missing[], before: Place, after: JsonValue): JsonValue {
  const missing = places.filter((place) => place.after === undefined);
  if (missing.length === 0) return after;
  const kept = copyJson(after);
  for (const { path, before: place } of missing) {
    if (place) putAt(kept, before.value, path, place.value);
  }
  return kept;
}

/** Sets a value in our own copy, with the objects on the way. @returns whether there was room for it. */
function setAt(root: Copy, path: readonly string[], value: string): boolean {
  let container = root;
  for (const [depth, name] of path.entries()) {
    if (typeof container !== 'object' || container === null) return false;
    if (Array.isArray(container) && Number(name) >= container.length) return false;
    if (depth === path.length - 1) setMember(container, name, value);
    else if (getMember(container, name) === undefined) setMember(container, name, {});
    container = getMember(container, name) ?? null;
  }
  return path.length > 0;
}

/** Removes a member from our own copy. @returns whether it was there. */
function removeAt(root: Copy, path: readonly string[]): boolean {
  let container: Copy | undefined = root;
  for (const name of path.slice(0, -1)) {
    container = typeof container === 'object' && container !== null ? getMember(container, name) : undefined;
  }
  const name = path.at(-1);
  if (typeof container !== 'object' || container === null || Array.isArray(container) || name === undefined)
    return false;
  return Object.hasOwn(container, name) && Reflect.deleteProperty(container, name);
}

/** A document that is read-only as a whole keeps each key that is left out. */
function withMembers(value: JsonValue, before: JsonValue): JsonValue {
  return isJsonObject(value) && isJsonObject(before) ? { ...before, ...value } : value;
}

type Copy = null | boolean | number | string | Copy[] | CopiedObject;
interface CopiedObject {
  [key: string]: Copy;
}

function copyJson(value: JsonValue): Copy {
  if (typeof value !== 'object' || value === null) return value;
  if (isArray(value)) return value.map(copyJson);
  return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, copyJson(child)]));
}

/** Puts a value into our own copy. What is missing on the way is made as it is in `before`. */
function putAt(root: Copy, before: JsonValue, path: readonly string[], value: JsonValue): void {
  let container = root;
  let model: JsonValue | undefined = before;
  for (const [depth, name] of path.entries()) {
    // Something else has taken the place of what the value stood in.
    if (
      typeof container !== 'object' ||
      container === null ||
      Array.isArray(container) !== Array.isArray(model)
    )
      return;
    if (Array.isArray(container) && Number(name) > container.length) return;
    model = typeof model === 'object' && model !== null ? getMember(model, name) : undefined;
    if (depth === path.length - 1) setMember(container, name, copyJson(value));
    else if (getMember(container, name) === undefined) {
      setMember(container, name, Array.isArray(model) ? [] : {});
    }
    container = getMember(container, name) ?? null;
  }
}

function setMember(container: Copy[] | CopiedObject, name: string, value: Copy): void {
  // Never by assignment, which would give an object named `__proto__` another prototype.
  Object.defineProperty(container, name, { value, writable: true, enumerable: true, configurable: true });
}

function getMember<T>(container: readonly T[] | Readonly<Record<string, T>>, name: string): T | undefined {
  if (isArray(container)) return container[Number(name)];
  return Object.hasOwn(container, name) ? container[name] : undefined;
}

function isArray<T>(container: readonly T[] | Readonly<Record<string, T>>): container is readonly T[] {
  return Array.isArray(container);
}

/** A place that the schema names, or where it fixes something in this document. */
export interface SchemaPlace {
  readonly path: readonly string[];
  readonly pointer: string;
  /** Why it cannot be changed, for reasons of its own or of a place that it stands in. */
  readonly fixedBy: ReadonlySet<SchemaReason>;
  /** `x-step-up` as the schema has it. */
  readonly stepUp: JsonObject | undefined;
}

interface SchemaPlaces {
  /** Whether the document may have no keys but those that the schema names. */
  readonly isClosed: boolean;
  /** The document first. */
  readonly places: readonly SchemaPlace[];
}

/** What a write needs to be judged, beside the documents. */
export interface ChangeTerms {
  /** What exists for the caller: the schema is judged on that part. By default the whole. */
  readonly getVisible?: (document: JsonObject) => JsonObject;
  /** What the service sets where the schema asks for it. */
  readonly stamps?: StampValues;
  /** How recent and of which class the caller's login is. */
  readonly login?: Login | undefined;
  /** The time of day in seconds since the epoch. */
  readonly nowSeconds?: number;
  /** Whether the write may remove what can be set once. */
  readonly erases?: boolean;
}

export interface SchemaRules {
  /** Whether a change of these root keys can be judged without the rest of the document. */
  readonly permitsAll: boolean;
  /** What in the schema has no effect, or not the one that it seems to have. For the operator. */
  readonly warnings: readonly string[];
  /** Where the schema has a stamp, as a JSON Pointer into it. */
  readonly stamps: ReadonlyArray<Stamp & { readonly pointer: string }>;
  /** Whether the schema could allow any object: false is certain, true is not. */
  readonly canBeObject: boolean;
  /** Whether the schema could allow a value at the path: false is certain, true is not. */
  readonly canHave: (path: readonly string[]) => boolean;
  /** What the schema says of the places of this document, for a form. */
  describePlaces(document: JsonObject): SchemaPlaces;
  /** What replaces `before` whole, with what is fixed and left out of it put back, unless the write erases it. */
  keepFixed(before: JsonObject, after: JsonObject, erases?: boolean): JsonObject;
  /**
   * Judges the change of a whole document, and answers what is to be stored: `after` with what the service sets. What
   * is fixed is found in the whole document: it may depend on keys that do not exist for the caller.
   * @throws AppError `key_read_only` or `metadata_invalid`, naming each place by its JSON Pointer; `metadata_invalid`
   * with the code `too_complex` for a document that would take too long to judge; and where all that is well,
   * `step_up_required` if the change touches what needs a more recent or a stronger login.
   */
  assertChange(before: JsonObject, after: JsonObject, terms?: ChangeTerms): JsonObject;
}

const PERMIT_ALL: SchemaRules = {
  permitsAll: true,
  warnings: [],
  stamps: [],
  canBeObject: true,
  canHave: () => true,
  describePlaces: () => ({
    isClosed: false,
    places: [{ path: [], pointer: '', fixedBy: new Set(), stepUp: undefined }],
  }),
  keepFixed: (_before, after) => after,
  assertChange: (_before, after) => after,
};

/** Steps of one judgement: measured to end well within 50 ms. A large document of a usual schema takes a tenth. */
export const WORK_MAX = 120_000;
const FAULTS_MAX = 50;
/** Longer lists of allowed values are left to the schema, which is public. */
const ALLOWED_VALUES_MAX = 50;

/** @throws SafeError for a schema that is not valid, or that could not be enforced as it stands. */
export function createSchemaRules(schema: JsonObject | undefined): SchemaRules {
  if (schema === undefined) return PERMIT_ALL;
  const { root, warnings } = loadSchema(schema);
  const fixedPlaces = createFixedPlaces(root);
  const stepUps = createNotes(root, ({ annotations }) => annotations.stepUp !== undefined);

  function assertUntouched(before: Place, after: Place, evaluation: Evaluation, erases: boolean): void {
    const touched = fixedPlaces
      .getTouched(before, after, evaluation)
      .filter(({ reason }) => !(erases && reason === 'write_once'));
    if (touched.length === 0) return;
    const places = touched.map(({ path, reason }) => ({ pointer: toPointer(path), reason }));
    throw createReadOnlyError(places.slice(0, FAULTS_MAX));
  }

  function assertLogin(before: Place, after: Place, evaluation: Evaluation, terms: ChangeTerms): void {
    if (!stepUps.exist) return;
    const needs = stepUps.find(before, after, evaluation).flatMap(({ path, node: { annotations } }) => {
      const { stepUp } = annotations;
      return stepUp === undefined ? [] : [{ pointer: toPointer(path), stepUp }];
    });
    const { login, nowSeconds = 0 } = terms;
    if (needs.every(({ stepUp }) => isLoginEnough(stepUp, login, nowSeconds))) return;
    throw createStepUpError(needs.slice(0, FAULTS_MAX));
  }

  return {
    permitsAll: false,
    warnings,
    stamps: findStamped(root).map(({ pointer, annotations }) => ({
      ...annotations.stamp,
      pointer: `${pointer}/x-stamp`,
    })),
    canBeObject: canHaveObject(root),
    canHave: (path) => canHave(root, path),
    describePlaces(document) {
      const evaluation = createEvaluation(createMeter(WORK_MAX));
      return describePlaces(root, evaluation.places.createRoot(document), evaluation);
    },
    keepFixed(before, after, erases = false) {
      if (!fixedPlaces.exist) return after;
      return within((evaluation) => {
        const { createRoot } = evaluation.places;
        const kept = fixedPlaces.putBack(createRoot(before), createRoot(after), evaluation, erases);
        return isJsonObject(kept) ? kept : after;
      });
    },
    assertChange(before, after, terms = {}) {
      const { getVisible = (document) => document, stamps = NO_STAMPS, erases = false } = terms;
      return within((evaluation) => {
        const { createRoot } = evaluation.places;
        const [earlier, later] = [createRoot(before), createRoot(after)];
        if (fixedPlaces.exist) assertUntouched(earlier, later, evaluation, erases);
        const result = fixedPlaces.exist ? fixedPlaces.stamp(earlier, later, evaluation, stamps) : after;
        const stored = isJsonObject(result) ? result : after;
        const [seenBefore, seenAfter] = [createRoot(getVisible(before)), createRoot(getVisible(stored))];
        if (!evaluation.isValid(root, seenAfter)) {
          const introduced = getIntroducedViolations(root, seenBefore, seenAfter, evaluation);
          if (introduced.length > 0) throw invalid(introduced.map(toFault));
        }
        assertLogin(earlier, later, evaluation, terms);
        return stored;
      });
    },
  };
}

/** How far clocks may differ. */
const CLOCK_TOLERANCE_SECONDS = 5;

/** A login whose time or class the token does not name is neither recent nor strong. */
function isLoginEnough(
  { maxAgeSeconds, acrValues }: StepUp,
  login: Login | undefined,
  nowSeconds: number,
): boolean {
  const ageSeconds = login?.authTime === undefined ? undefined : nowSeconds - login.authTime;
  const isRecent =
    ageSeconds !== undefined && ageSeconds >= -CLOCK_TOLERANCE_SECONDS && ageSeconds <= (maxAgeSeconds ?? 0);
  if (maxAgeSeconds !== undefined && !isRecent) return false;
  return acrValues === undefined || (login?.acr !== undefined && acrValues.includes(login.acr));
}

/** Asks for what satisfies all of them at once, as far as one login can. */
function createStepUpError(
  needs: ReadonlyArray<{ readonly pointer: string; readonly stepUp: StepUp }>,
): AppError {
  const ages = needs.flatMap(({ stepUp }) => stepUp.maxAgeSeconds ?? []);
  const classes = needs.flatMap(({ stepUp }) => (stepUp.acrValues ? [stepUp.acrValues] : []));
  const [first = []] = classes;
  const common = first.filter((value) => classes.every((each) => each.includes(value)));
  const acrValues = common.length > 0 ? common : first;
  return new AppError(
    'step_up_required',
    'This change needs a more recent or a stronger login. Log in again and repeat it.',
    {
      errors: needs.map(({ pointer, stepUp }) => ({
        pointer,
        code: 'step_up',
        detail: 'A change of this needs a more recent or a stronger login.',
        params: toStepUpJson(stepUp),
      })),
      stepUp: {
        ...(ages.length === 0 ? {} : { maxAgeSeconds: Math.min(...ages) }),
        ...(acrValues.length === 0 ? {} : { acrValues }),
      },
    },
  );
}

function toStepUpJson({ maxAgeSeconds, acrValues }: StepUp): JsonObject {
  return {
    ...(maxAgeSeconds === undefined ? {} : { max_age: maxAgeSeconds }),
    ...(acrValues === undefined ? {} : { acr_values: acrValues }),
  };
}

function describePlaces(root: SchemaNode, document: Place, evaluation: Evaluation): SchemaPlaces {
  const known = new Map<string, SchemaPlace>();
  const places: SchemaPlace[] = [];
  let isClosed = false;
  for (const { path, place, applying, isNamed } of findPlaces(root, document, evaluation)) {
    const pointer = toPointer(path);
    const parent = path.length === 0 ? undefined : known.get(toPointer(path.slice(0, -1)));
    const inherited: ReadonlySet<SchemaReason> = parent?.fixedBy ?? new Set<SchemaReason>();
    const reasons = [...applying].flatMap((node) => getReasons(node, isNamed, place !== undefined));
    const fixedBy = new Set([...inherited, ...reasons]);
    const stepUps = [...applying].flatMap(({ annotations: { stepUp } }) => stepUp ?? []);
    const described = { path, pointer, fixedBy, stepUp: stepUps[0] && toStepUpJson(stepUps[0]) };
    known.set(pointer, described);
    if (path.length === 0) isClosed = [...applying].some(closesDocument);
    if (isNamed || fixedBy.size > inherited.size || stepUps.length > 0) places.push(described);
  }
  return { isClosed, places };
}

/** What is stored under a name of its own although nothing may be there is not fixed: it can be removed. */
function getReasons(
  { source, literal, annotations }: SchemaNode,
  isNamed: boolean,
  isStored: boolean,
): readonly SchemaReason[] {
  return [
    ...((isNamed && literal === false) || source['readOnly'] === true ? (['schema'] as const) : []),
    ...(annotations.stamp === undefined ? [] : (['stamped'] as const)),
    ...(annotations.writeOnce && isStored ? (['write_once'] as const) : []),
  ];
}

function closesDocument({ additionalProperties, unevaluatedProperties }: SchemaNode): boolean {
  return [additionalProperties, unevaluatedProperties].some(
    (node) => node !== undefined && getReasons(node, true, false).length > 0,
  );
}

function within<T>(task: (evaluation: Evaluation) => T): T {
  try {
    return task(createEvaluation(createMeter(WORK_MAX)));
  } catch (error) {
    // A RangeError tells of a document that nests deeper than the stack reaches.
    if (!(error instanceof WorkExceeded || error instanceof RangeError)) throw error;
    const detail = 'The document is too complex to be checked against the schema of this app.';
    throw invalid([{ pointer: '', code: 'too_complex', detail }]);
  }
}

function invalid(errors: readonly FieldError[]): AppError {
  return new AppError('metadata_invalid', 'The metadata would not be what the schema of this app asks for.', {
    errors,
  });
}

function toFault(violation: Violation): FieldError {
  const { path, code, params } = violation;
  const { allowedValues } = params;
  const isLong = Array.isArray(allowedValues) && allowedValues.length > ALLOWED_VALUES_MAX;
  const { allowedValues: _long, ...others } = params;
  return { pointer: toPointer(path), code, detail: getSentence(violation), params: isLong ? others : params };
}
