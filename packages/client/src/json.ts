/** JSON as the client sees it, and merge patches (RFC 7396) as a type, as a difference, and as a question of conflict. */

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** What may be sent to change a `T`: any part of it, with `null` for what is to go. Arrays are replaced whole. */
export type MergePatch<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [K in keyof T]?: MergePatch<Exclude<T[K], undefined>> | null }
    : T;

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The own member `key`, or undefined; also of what is no object. */
export function own(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** Equal as JSON: the order of an object's keys does not count. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  const [left, right] = [new Map(Object.entries(a)), new Map(Object.entries(b))];
  return (
    Array.isArray(a) === Array.isArray(b) &&
    left.size === right.size &&
    [...left].every(([key, value]) => right.has(key) && isSame(value, right.get(key)))
  );
}

/**
 * Whether somebody who made `current` out of `base` left alone what `patch` changes, or changed it to the same.
 */
export function leavesAlone(patch: unknown, base: unknown, current: unknown): boolean {
  if (isObject(patch) && isObject(base) && isObject(current)) {
    return Object.keys(patch).every((key) => leavesAlone(patch[key], own(base, key), own(current, key)));
  }
  return isSame(base, current) || isSame(patch ?? undefined, current);
}

/** The merge patch that makes `after` out of `before`. */
export function difference(before: unknown, after: object): Record<string, unknown> {
  const gone = isObject(before) ? Object.keys(before).filter((key) => !Object.hasOwn(after, key)) : [];
  const changed = Object.entries(after).filter(([key, value]) => !isSame(own(before, key), value));
  return Object.fromEntries([
    ...gone.map((key): [string, unknown] => [key, null]),
    ...changed.map(([key, value]: [string, unknown]): [string, unknown] => {
      const old = own(before, key);
      return [key, isObject(old) && isObject(value) ? difference(old, value) : value];
    }),
  ]);
}

/** The value of a JSON text, or undefined for what is none. */
export function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}
