/**
 * RFC 7396 JSON Merge Patch over plain documents. Pure: neither argument is changed, and nothing is
 * checked here (see document.ts for what may be stored).
 */
import { isJsonObject, type JsonObject, type JsonValue, ownValue } from '../lib/json.ts';

/**
 * The document that results from merging `patch` into `target` at every depth (RFC 7396 section 2):
 * `null` removes a member, objects merge, anything else replaces.
 */
export function mergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  const result = new Map<string, JsonValue>(Object.entries(target));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) result.delete(key);
    else result.set(key, isJsonObject(value) ? mergeMember(ownValue(target, key), value) : value);
  }
  return Object.fromEntries(result);
}

function mergeMember(target: JsonValue | undefined, patch: JsonObject): JsonObject {
  return mergePatch(isJsonObject(target) ? target : {}, patch);
}
