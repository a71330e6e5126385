/**
 * JSON values as this service handles them: plain data, compared by content, written in one canonical form.
 * Every function is safe for own keys named like members of Object.prototype.
 */
import type { ZodType } from 'zod';

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The own value of `key`, or undefined. Never an inherited member such as `constructor`. */
export function ownValue(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** A copy without `key`. */
export function omitKey(object: JsonObject, key: string): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
}

/** A copy in which `key` is an own property holding `value`, also for names like `__proto__`. */
export function withKey(object: JsonObject, key: string, value: JsonValue): JsonObject {
  return { ...object, [key]: value };
}

/**
 * The value as JSON text with the keys of every object sorted, so that two equal values give the same
 * bytes whatever order the tenant lists their keys in.
 */
export function canonicalJson(value: JsonValue): string {
  return JSON.stringify(sorted(value));
}

/** The value with the keys of every object in order. */
export function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map((key) => [key, sorted(value[key] ?? null)]),
  );
}

/** Content equality; the order of keys does not count. */
export function jsonEqual(left: JsonValue | undefined, right: JsonValue | undefined): boolean {
  if (left === right) return true;
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, index) => jsonEqual(item, right[index]));
  }
  if (!isJsonObject(left) || !isJsonObject(right)) return false;
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && jsonEqual(left[key], right[key]))
  );
}

/** The members of these names alone. */
export function pickKeys(document: JsonObject, keys: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(document).filter(([key]) => keys.has(key)));
}

/** Whether containers nest beyond `levels`; looks no deeper than that itself. */
export function nestsDeeperThan(value: JsonValue, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((child) => nestsDeeperThan(child, levels - 1));
}

/** Size in bytes of the value as compact UTF-8 JSON. */
export function jsonBytes(value: JsonValue): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/** One reference token of a JSON Pointer, escaped (RFC 6901 section 3). */
export function pointerToken(name: string | number): string {
  return String(name).replaceAll('~', '~0').replaceAll('/', '~1');
}

// JSON text from others: parsed without ever throwing what it contains.

/** The parsed value if the text is JSON and fits the schema, else undefined. */
export function parseJsonText<T>(text: string, schema: ZodType<T>): T | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const result = schema.safeParse(value);
  return result.success ? result.data : undefined;
}
