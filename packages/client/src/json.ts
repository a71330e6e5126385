/** JSON values and merge patches (RFC 7396): their type, their creation, and the detection of conflicts. */

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** A change of a `T`: any part of it, with `null` for keys to remove. Arrays are replaced as a whole. */
export type MergePatch<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [K in keyof T]?: MergePatch<Exclude<T[K], undefined>> | null }
    : T;

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The own member `key`; undefined without one, or if `value` is not an object. */
export function getMember(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** Equal as JSON: the order of an object's keys does not count. */
function isSameJson(a: unknown, b: unknown): boolean {
  return toSortedText(a) === toSortedText(b);
}

/** The JSON text of a value, with the keys of its objects in order. */
function toSortedText(value: unknown): string | undefined {
  return JSON.stringify(value, (_key, part: unknown) =>
    isObject(part)
      ? Object.fromEntries(
          Object.keys(part)
            // oxlint-disable-next-line unicorn/no-array-sort -- ES2022 has no toSorted, and the array is new.
            .sort()
            .map((key) => [key, part[key]]),
        )
      : part,
  );
}

/**
 * Whether all places that `patch` changes are the same in `base` and `current`, or already have the new value.
 */
export function isUntouched(patch: unknown, base: unknown, current: unknown): boolean {
  if (isObject(patch) && isObject(base) && isObject(current)) {
    return Object.keys(patch).every((key) =>
      isUntouched(patch[key], getMember(base, key), getMember(current, key)),
    );
  }
  return isSameJson(base, current) || isSameJson(patch ?? undefined, current);
}

/** The merge patch that turns `before` into `after`. */
export function createMergePatch(before: unknown, after: object): Record<string, unknown> {
  const changed = Object.keys({ ...(isObject(before) && before), ...after }).filter(
    (key) => !isSameJson(getMember(before, key), getMember(after, key)),
  );
  return Object.fromEntries(
    changed.map((key) => {
      const [old, value = null] = [getMember(before, key), getMember(after, key)];
      return [key, isObject(old) && isObject(value) ? createMergePatch(old, value) : value];
    }),
  );
}

/** The value of a JSON text; undefined for any other text. */
export function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}
