/**
 * From two documents to what the tenant must be told. The Management API merges at the first level only
 * and takes an empty object for "remove everything", so a change is a whole root key or a `null`.
 */
import { type JsonObject, type JsonValue, jsonEqual, ownValue } from '../lib/json.ts';
import type { RootChanges } from './ports.ts';

/** The root keys in which `after` differs from `before`, or undefined when nothing differs. */
export function rootChanges(before: JsonObject, after: JsonObject): RootChanges | undefined {
  const changes: Array<[string, JsonValue]> = [];
  for (const key of Object.keys(before)) {
    if (!Object.hasOwn(after, key)) changes.push([key, null]);
  }
  for (const [key, value] of Object.entries(after)) {
    if (!jsonEqual(value, ownValue(before, key))) changes.push([key, value]);
  }
  return changes.length === 0 ? undefined : Object.fromEntries(changes);
}
