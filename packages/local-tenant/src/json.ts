/**
 * What a JSON document is here, and the zod schemas that say so. A document is taken as parsed: no key is dropped or
 * renamed on the way through, because metadata belongs to its writer.
 */
import { z } from 'zod';

export type JsonValue = string | number | boolean | null | JsonObject | readonly JsonValue[];
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** Tells a JSON object from arrays, null and scalars. For values that came out of `JSON.parse`. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The JSON name of a value's type, as Auth0 writes it in payload errors. */
export function jsonTypeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** A JSON object, unchanged: `z.record` would lose a key named `__proto__`. */
export const jsonObject = z.custom<JsonObject>(isJsonObject, 'must be a JSON object');

/** Any JSON value, unchanged. */
export const jsonValue = z.custom<JsonValue>((value) => value !== undefined, 'must be a JSON value');
