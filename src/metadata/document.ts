/**
 * What an acceptable metadata document is: names the tenant can index, strings that are valid Unicode,
 * and a bounded size. Faults are named one by one by JSON Pointer; nothing is repaired or dropped.
 */
import { AppError, type DocumentFault } from '../lib/app-error.ts';
import {
  isJsonObject,
  jsonBytes,
  type JsonObject,
  type JsonValue,
  pointerToken,
  ownValue,
} from '../lib/json.ts';

export interface DocumentLimits {
  /** Size of the whole document as compact UTF-8 JSON. */
  readonly bytesMax: number;
  /** Members of any one object. */
  readonly keysMax: number;
  /** Nested containers, the document itself being the first. */
  readonly depthMax: number;
}

/** A client must not be flooded with one line per key of a hostile body. */
const FAULTS_MAX = 50;
/** Names that mean something else in JavaScript, and could do harm in code that reads the document. */
export const PROTOTYPE_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** Why `name` cannot be a key of metadata, or undefined if it can (Auth0: no `.` and no `$` in field names). */
function nameFault(name: string): Omit<DocumentFault, 'pointer'> | undefined {
  if (name === '') return { code: 'name_empty', detail: 'A name must not be empty.' };
  if (PROTOTYPE_NAMES.has(name)) return { code: 'name_reserved', detail: 'This name is reserved.' };
  if (/[.$]/.test(name)) return { code: 'name_forbidden', detail: 'A name must not contain "." or "$".' };
  if (!name.isWellFormed()) return { code: 'text_not_unicode', detail: 'A name holds a lone surrogate.' };
  return undefined;
}

/** @throws AppError `metadata_invalid` for a name that cannot be stored, which stands at `pointer`. */
export function assertStorableName(name: string, pointer: string): void {
  const fault = nameFault(name);
  if (fault) throw notStorable([{ pointer, ...fault }]);
}

function notStorable(faults: readonly DocumentFault[]): AppError {
  return new AppError('metadata_invalid', 'The metadata holds names or text that cannot be stored.', {
    errors: faults.slice(0, FAULTS_MAX),
  });
}

/**
 * Refuses names and strings that cannot be stored, wherever they stand in `value`, and nesting beyond
 * `depthMax`. `at` is the pointer of the value within the caller's document, `depth` its level.
 * @throws AppError `metadata_invalid` naming each fault, or `metadata_too_large` for nesting.
 */
export function assertStorable(value: JsonValue, limits: DocumentLimits, at = '', depth = 1): void {
  const faults: DocumentFault[] = [];
  visit(value, at, depth);
  if (faults.length > 0) throw notStorable(faults);

  function visit(node: JsonValue, pointer: string, level: number): void {
    if (typeof node === 'string') {
      if (!node.isWellFormed()) {
        faults.push({ pointer, code: 'text_not_unicode', detail: 'The text holds a lone surrogate.' });
      }
      return;
    }
    if (typeof node === 'number' && !Number.isFinite(node)) {
      // Text like 1e999 is valid JSON; passed on, it would become null and remove what it was to set.
      faults.push({ pointer, code: 'number_too_large', detail: 'The number is beyond what can be stored.' });
    }
    if (typeof node !== 'object' || node === null) return;
    if (level > limits.depthMax)
      throw tooLarge(pointer, 'too_deep', `Nesting is limited to ${limits.depthMax}.`);
    if (Array.isArray(node)) {
      node.forEach((item, index) => visit(item, `${pointer}/${index}`, level + 1));
      return;
    }
    if (!isJsonObject(node)) return;
    for (const [name, child] of Object.entries(node)) {
      const childPointer = `${pointer}/${pointerToken(name)}`;
      const fault = nameFault(name);
      if (fault) faults.push({ pointer: childPointer.toWellFormed(), ...fault });
      visit(child, childPointer, level + 1);
    }
  }
}

/**
 * Refuses a document beyond the limits, unless the change made it no worse: what the tenant already
 * holds is not held against a caller who shrinks it.
 * @throws AppError `metadata_too_large`.
 */
export function assertWithinLimits(before: JsonObject, after: JsonObject, limits: DocumentLimits): void {
  const bytes = jsonBytes(after);
  if (bytes > limits.bytesMax && bytes > jsonBytes(before)) {
    throw tooLarge('', 'too_large', `The document would be larger than ${limits.bytesMax} bytes.`);
  }
  for (const { pointer, path, keys } of crowdedObjects(after, limits)) {
    if (keys > keysAt(before, path)) {
      throw tooLarge(pointer, 'too_many_keys', `An object is limited to ${limits.keysMax} keys.`);
    }
  }
}

interface Crowded {
  readonly pointer: string;
  readonly path: readonly string[];
  readonly keys: number;
}

/** The objects with more than `keysMax` keys. Stored data deeper than we accept is not searched. */
function* crowdedObjects(
  node: JsonValue,
  limits: DocumentLimits,
  path: readonly string[] = [],
): Generator<Crowded> {
  if (typeof node !== 'object' || node === null || path.length >= limits.depthMax) return;
  const entries = Object.entries(node);
  if (!Array.isArray(node) && entries.length > limits.keysMax) {
    yield { pointer: path.map((name) => `/${pointerToken(name)}`).join(''), path, keys: entries.length };
  }
  for (const [name, child] of entries) yield* crowdedObjects(child, limits, [...path, name]);
}

function keysAt(document: JsonValue, path: readonly string[]): number {
  let node: JsonValue | undefined = document;
  for (const name of path) {
    if (Array.isArray(node)) node = node[Number(name)];
    else node = isJsonObject(node) ? ownValue(node, name) : undefined;
  }
  return isJsonObject(node) ? Object.keys(node).length : 0;
}

/** @returns the error for a document beyond a limit. */
export function tooLarge(pointer: string, code: string, detail: string): AppError {
  return new AppError('metadata_too_large', detail, { errors: [{ pointer, code, detail }] });
}
