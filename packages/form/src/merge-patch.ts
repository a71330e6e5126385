/** JSON Merge Patch (RFC 7396) in both directions: what to send for an edit, and what an edit makes of a document. */
import { isJsonObject, isSameJson, type Json, type JsonObject, memberOf } from './json.ts';

/**
 * The patch that turns `before` into `after`, and names nothing else. Keys set to null in `after` count as removed: a
 * merge patch has no way to store a null inside an object.
 */
export function mergePatchOf(before: JsonObject, after: JsonObject): JsonObject {
  const patch = new Map<string, Json>();
  for (const key of Object.keys(before)) if (!Object.hasOwn(after, key)) patch.set(key, null);
  for (const [key, value] of Object.entries(after)) {
    const old = memberOf(before, key);
    if (isSameJson(old, value) || (old === undefined && value === null)) continue;
    patch.set(key, isJsonObject(old) && isJsonObject(value) ? mergePatchOf(old, value) : value);
  }
  return Object.fromEntries(patch);
}

/** The document that `patch` makes of `target`. */
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
