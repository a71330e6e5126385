/** What a schema marks `readOnly`, at any depth: what a change touches of it, and what a replacement keeps. */
import { isJsonObject, type JsonValue, pointerToken } from '../lib/json.ts';
import { createNotes } from './schema/applied.ts';
import type { Evaluation } from './schema/evaluation.ts';
import type { SchemaNode } from './schema/node.ts';
import type { Place } from './schema/place.ts';

export interface ReadOnlyPlaces {
  /** Whether there can be any. */
  readonly exist: boolean;
  /** Pointers of the read-only places whose values differ, or that are there in one of the two only. */
  getTouched(before: Place, after: Place, evaluation: Evaluation): readonly string[];
  /**
   * `after` with what is read-only and left out of it put back, with the objects and lists that it stood in. An item
   * is put back only where all items before it are there, because nothing else says where it belongs.
   */
  putBack(before: Place, after: Place, evaluation: Evaluation): JsonValue;
}

export function createReadOnlyPlaces(root: SchemaNode): ReadOnlyPlaces {
  const notes = createNotes(root, 'readOnly', (value) => value === true);
  return {
    exist: notes.exist,
    getTouched: (before, after, evaluation) =>
      notes.find(before, after, evaluation).map(({ path }) => toPointer(path)),
    putBack(before, after, evaluation) {
      const found = notes.find(before, after, evaluation);
      if (found.some(({ path }) => path.length === 0)) return withMembers(after.value, before.value);
      const missing = found.filter((place) => place.after === undefined);
      if (missing.length === 0) return after.value;
      const kept = copyJson(after.value);
      for (const { path, before: place } of missing) {
        if (place) putAt(kept, before.value, path, place.value);
      }
      return kept;
    },
  };
}

/** A document that is read-only as a whole keeps each key that is left out. */
function withMembers(value: JsonValue, before: JsonValue): JsonValue {
  return isJsonObject(value) && isJsonObject(before) ? { ...before, ...value } : value;
}

/** RFC 6901. */
export function toPointer(path: readonly string[]): string {
  return path.map((name) => `/${pointerToken(name)}`).join('');
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
