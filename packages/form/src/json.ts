/** JSON values, their equality, JSON Pointer (RFC 6901) and JSON Merge Patch (RFC 7396). */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export const asText = (value: Json | undefined): string => (typeof value === 'string' ? value : '');
/** A text as it is, and any other value as JSON; nothing as an empty text. */
export const toText = (value: Json | undefined): string =>
  value === undefined || typeof value === 'string' ? (value ?? '') : JSON.stringify(value);
export const asObject = (value: Json | undefined): JsonObject => (isJsonObject(value) ? value : {});
export const asList = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);

/** The own member `key`, never an inherited one. */
export function getMember(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Equal as JSON: the order of an object's keys does not count, that of a list does. */
export function isSameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isSameJson(item, b[index]));
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return a === b;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isSameJson(a[key], b[key]))
  );
}

/** The keys and indices of a pointer; none for the whole document. */
export function parsePointer(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/**
 * The smallest patch that turns `before` into `after`. Keys set to null in `after` count as removed: a
 * merge patch has no way to store a null inside an object.
 */
export function createMergePatch(before: JsonObject, after: JsonObject): JsonObject {
  const patch = new Map<string, Json>();
  for (const key of Object.keys(before)) if (!Object.hasOwn(after, key)) patch.set(key, null);
  for (const [key, value] of Object.entries(after)) {
    const old = getMember(before, key);
    if (isSameJson(old, value) || (old === undefined && value === null)) continue;
    patch.set(key, isJsonObject(old) && isJsonObject(value) ? createMergePatch(old, value) : value);
  }
  return Object.fromEntries(patch);
}

/** Applies `patch` to `target` and returns the new document. */
export function applyMergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  const result = new Map(Object.entries(target));
  for (const [key, value] of Object.entries(patch)) {
    const old = result.get(key);
    if (value === null) result.delete(key);
    else if (isJsonObject(value)) result.set(key, applyMergePatch(isJsonObject(old) ? old : {}, value));
    else result.set(key, value);
  }
  return Object.fromEntries(result);
}
