// @ts-check
/** JSON Merge Patch (RFC 7396) in both directions: what to send for an edit, and what an edit makes of a document. */

/** @typedef {null | boolean | number | string | readonly JsonValue[] | JsonObject} JsonValue */
/** @typedef {{ readonly [key: string]: JsonValue }} JsonObject */

/**
 * The patch that turns `before` into `after`. Keys set to null in `after` count as removed: a merge patch has no way
 * to store a null inside an object.
 * @param {JsonObject} before
 * @param {JsonObject} after
 * @returns {JsonObject}
 */
export function mergePatchOf(before, after) {
  /** @type {Map<string, JsonValue>} */
  const patch = new Map();
  for (const key of Object.keys(before)) if (!Object.hasOwn(after, key)) patch.set(key, null);
  for (const [key, value] of Object.entries(after)) {
    const old = Object.hasOwn(before, key) ? before[key] : undefined;
    if (isSame(old, value) || (old === undefined && value === null)) continue;
    patch.set(key, isJsonObject(old) && isJsonObject(value) ? mergePatchOf(old, value) : value);
  }
  return Object.fromEntries(patch);
}

/**
 * The document that `patch` makes of `target`.
 * @param {JsonObject} target
 * @param {JsonObject} patch
 * @returns {JsonObject}
 */
export function applyMergePatch(target, patch) {
  const result = new Map(Object.entries(target));
  for (const [key, value] of Object.entries(patch)) {
    const old = result.get(key);
    if (value === null) result.delete(key);
    else if (isJsonObject(value)) result.set(key, applyMergePatch(isJsonObject(old) ? old : {}, value));
    else result.set(key, value);
  }
  return Object.fromEntries(result);
}

/**
 * @param {unknown} value
 * @returns {value is JsonObject}
 */
export function isJsonObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Equal as JSON: the order of an object's keys does not count, that of a list does.
 * @param {JsonValue | undefined} a
 * @param {JsonValue | undefined} b
 * @returns {boolean}
 */
function isSame(a, b) {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return a === b;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key]))
  );
}
