/**
 * What an acceptable metadata document is: names the tenant can index, strings that are valid Unicode, and a bounded
 * size. A write is judged by what it introduces: what is stored already may stay and can be removed, whatever it is.
 * Faults are named one by one by JSON Pointer; nothing is repaired or dropped.
 */
import { AppError, type FieldError } from '../lib/app-error.ts';
import {
  isJsonObject,
  jsonBytes,
  jsonEqual,
  type JsonObject,
  type JsonValue,
  ownValue,
  pointerToken,
} from '../lib/json.ts';
import type { RootChanges } from './ports.ts';

export interface DocumentLimits {
  /** Size of the whole document as compact UTF-8 JSON. */
  readonly maxBytes: number;
  /** Members of any one object. */
  readonly maxKeys: number;
  /** Nested containers, the document itself being the first. */
  readonly maxDepth: number;
}

/** A client must not be flooded with one line per key of a hostile body. */
const FAULTS_MAX = 50;
/** Names that mean something else in JavaScript, and could do harm in code that reads the document. */
const PROTOTYPE_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** Where a value stands in a document. It becomes text only for a fault. */
interface Place {
  readonly parent: Place | undefined;
  readonly name: string;
  readonly inList: boolean;
}

type Fault = Omit<FieldError, 'pointer'>;

/** Why `name` cannot be a key of metadata, or undefined if it can (Auth0: no `.` and no `$` in field names). */
function nameFault(name: string): Fault | undefined {
  if (name === '') return { code: 'name_empty', detail: 'A name must not be empty.' };
  if (PROTOTYPE_NAMES.has(name)) return { code: 'name_reserved', detail: 'This name is reserved.' };
  if (/[.$]/.test(name)) return { code: 'name_forbidden', detail: 'A name must not contain "." or "$".' };
  if (!name.isWellFormed()) return { code: 'text_not_unicode', detail: 'A name holds a lone surrogate.' };
  return undefined;
}

/** Whether a new member may have this name. */
export function isStorableName(name: string): boolean {
  return nameFault(name) === undefined;
}

function valueFault(value: JsonValue): Fault | undefined {
  if (typeof value === 'string' && !value.isWellFormed()) {
    return { code: 'text_not_unicode', detail: 'The text holds a lone surrogate.' };
  }
  if (typeof value === 'number' && !Number.isFinite(value)) {
    // Passed on, it would become null and remove what it was to set.
    return { code: 'number_too_large', detail: 'The number is beyond what can be stored.' };
  }
  return undefined;
}

/**
 * Refuses what a body holds that no document may: nesting beyond `maxDepth`, objects with more than `maxKeys` members.
 * It looks no deeper than the limit, whatever it is given. `depth` is the level at which the value is to stand.
 * @throws AppError `metadata_too_large` naming the first such place.
 */
export function assertBounded(body: JsonValue, limits: DocumentLimits, depth = 1): void {
  visit(body, undefined, depth);

  function visit(node: JsonValue, place: Place | undefined, level: number): void {
    if (typeof node !== 'object' || node === null) return;
    if (level > limits.maxDepth) {
      throw createTooLargeError(toPointer(place), 'too_deep', `Nesting is limited to ${limits.maxDepth}.`);
    }
    forEachChild(node, (child, name, inList) => {
      if (typeof child === 'object') visit(child, { parent: place, name, inList }, level + 1);
    });
    if (isJsonObject(node) && Object.keys(node).length > limits.maxKeys) {
      throw tooManyKeys(toPointer(place), limits);
    }
  }
}

/**
 * Refuses names and text that cannot be stored and that the change from `before` to `after` introduces, wherever they
 * stand. What was stored at the same place before may stay, positions within lists apart, so that an item may move up;
 * so may any part of `before` that is still the same object, wherever it stands now.
 * @throws AppError `metadata_invalid` naming each fault by its pointer within `after`.
 */
export function assertStorableChange(before: JsonObject, after: JsonObject): void {
  if (isSound(after, before)) return;
  const excuses = new Map<string, number>();
  const excuse = (id: string, times: number) => excuses.set(id, (excuses.get(id) ?? 0) + times);
  forEachFault(before, new Set(), ({ id }) => excuse(id, 1));
  const found: FoundFault[] = [];
  forEachFault(after, containersIn(before), (fault) => {
    // What is still the same needs no excuse, and uses up its own.
    if (fault.isKept) excuse(fault.id, -1);
    else found.push(fault);
  });
  const introduced = found.filter(({ id }) => {
    const left = excuses.get(id) ?? 0;
    excuses.set(id, left - 1);
    return left <= 0;
  });
  if (introduced.length === 0) return;
  throw new AppError('metadata_invalid', 'The metadata holds names or text that cannot be stored.', {
    errors: introduced
      .slice(0, FAULTS_MAX)
      .map(({ place, fault }) => ({ pointer: toPointer(place).toWellFormed(), ...fault })),
  });
}

/** Whether no fault can have been introduced: the common case, in one pass that keeps no account of places. */
function isSound(node: JsonValue, before: JsonValue | undefined): boolean {
  if (node === before) return true;
  if (typeof node !== 'object' || node === null) return valueFault(node) === undefined;
  if (Array.isArray(node)) {
    return node.every((item, index) => isSound(item, Array.isArray(before) ? before[index] : undefined));
  }
  return Object.entries(node).every(([name, child]) => {
    const stored = isJsonObject(before) ? ownValue(before, name) : undefined;
    return (stored !== undefined || isStorableName(name)) && isSound(child, stored);
  });
}

interface FoundFault {
  readonly place: Place | undefined;
  readonly fault: Fault;
  /** The same for two faults of one kind, at one place but for positions within lists, with one content. */
  readonly id: string;
  readonly isKept: boolean;
}

function forEachFault(
  root: JsonObject,
  stored: ReadonlySet<JsonValue>,
  report: (fault: FoundFault) => void,
): void {
  visit(root, undefined, false);

  function visit(node: JsonValue, place: Place | undefined, isWithinKept: boolean): void {
    const isKept = isWithinKept || stored.has(node);
    const fault = valueFault(node);
    if (fault)
      report({ place, fault, isKept, id: toLimitId(place, fault, typeof node === 'string' ? node : '') });
    if (typeof node !== 'object' || node === null) return;
    forEachChild(node, (child, name, inList) => {
      const childPlace = { parent: place, name, inList };
      const unstorable = inList ? undefined : nameFault(name);
      if (unstorable)
        report({ place: childPlace, fault: unstorable, isKept, id: toLimitId(childPlace, unstorable, '') });
      visit(child, childPlace, isKept);
    });
  }
}

function toLimitId(place: Place | undefined, { code }: Fault, content: string): string {
  return JSON.stringify([code, content, ...stepsTo(place).map(({ name, inList }) => (inList ? null : name))]);
}

function containersIn(root: JsonValue): ReadonlySet<JsonValue> {
  const found = new Set<JsonValue>();
  visit(root);
  return found;

  function visit(node: JsonValue): void {
    if (typeof node !== 'object' || node === null) return;
    found.add(node);
    for (const child of Object.values(node)) visit(child);
  }
}

/**
 * Refuses a document beyond the limits of size, unless the change made it no worse: what the tenant already holds is
 * not held against a caller who shrinks it.
 * @throws AppError `metadata_too_large`.
 */
export function assertWithinLimits(before: JsonObject, after: JsonObject, limits: DocumentLimits): void {
  const bytes = jsonBytes(after);
  if (bytes > limits.maxBytes && bytes > jsonBytes(before)) {
    throw createTooLargeError('', 'too_large', `The document would be larger than ${limits.maxBytes} bytes.`);
  }
  const crowded = crowdedObjects(after, limits);
  if (crowded.length === 0) return;
  const excuses = crowdedObjects(before, limits);
  for (const { place, id, keys } of crowded) {
    const excuse = excuses.findIndex((stored) => stored.id === id && stored.keys >= keys);
    if (excuse < 0) throw tooManyKeys(toPointer(place), limits);
    excuses.splice(excuse, 1);
  }
}

interface Crowded {
  readonly place: Place | undefined;
  /** The same for two places that differ in nothing but positions within lists. */
  readonly id: string;
  readonly keys: number;
}

/** The objects with more than `maxKeys` keys. */
function crowdedObjects(root: JsonObject, { maxKeys }: DocumentLimits): Crowded[] {
  const found: Crowded[] = [];
  visit(root, undefined);
  return found;

  function visit(node: JsonValue, place: Place | undefined): void {
    if (typeof node !== 'object' || node === null) return;
    const keys = Array.isArray(node) ? 0 : Object.keys(node).length;
    if (keys > maxKeys) {
      const id = JSON.stringify(stepsTo(place).map(({ name, inList }) => (inList ? null : name)));
      found.push({ place, id, keys });
    }
    forEachChild(node, (child, name, inList) => {
      if (typeof child === 'object') visit(child, { parent: place, name, inList });
    });
  }
}

function forEachChild(
  node: JsonObject | readonly JsonValue[],
  visit: (child: JsonValue, name: string, inList: boolean) => void,
): void {
  const inList = Array.isArray(node);
  for (const [name, child] of Object.entries(node)) visit(child, name, inList);
}

function stepsTo(place: Place | undefined): Place[] {
  const steps: Place[] = [];
  for (let step = place; step; step = step.parent) steps.unshift(step);
  return steps;
}

function toPointer(place: Place | undefined): string {
  return stepsTo(place)
    .map(({ name }) => `/${pointerToken(name)}`)
    .join('');
}

/** @returns the error for a document beyond a limit. */
export function createTooLargeError(pointer: string, code: string, detail: string): AppError {
  return new AppError('metadata_too_large', detail, { errors: [{ pointer, code, detail }] });
}

function tooManyKeys(pointer: string, { maxKeys }: DocumentLimits): AppError {
  return createTooLargeError(pointer, 'too_many_keys', `An object is limited to ${maxKeys} keys.`);
}

// From two documents to what the tenant must be told. The Management API merges at the first level only
// and takes an empty object for "remove everything", so a change is a whole root key or a `null`.

/** The root keys in which `after` differs from `before`, or undefined when nothing differs. */
export function getRootChanges(before: JsonObject, after: JsonObject): RootChanges | undefined {
  const changes: Array<[string, JsonValue]> = [];
  for (const key of Object.keys(before)) {
    if (!Object.hasOwn(after, key)) changes.push([key, null]);
  }
  for (const [key, value] of Object.entries(after)) {
    if (!jsonEqual(value, ownValue(before, key))) changes.push([key, value]);
  }
  return changes.length === 0 ? undefined : Object.fromEntries(changes);
}
