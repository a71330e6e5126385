/** Arbitrary JSON documents with few names, so that two of them often share some, and with awkward ones. */
import * as fc from 'fast-check';
import type { JsonObject, JsonValue } from '../../src/lib/json.ts';

const scalar: fc.Arbitrary<JsonValue> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom('', 'a', '1', 'null', 'é', '🙂'),
);

/** Names that documents may hold which others have stored, the treacherous ones included. */
export const name = fc.constantFrom('a', 'b', 'c', '1', 'z/~', 'a.b', 'constructor', '__proto__', 'toString');

/** An object made of entries, in which `__proto__` is a key like any other. */
export function objectOf(value: fc.Arbitrary<JsonValue>): fc.Arbitrary<JsonObject> {
  return fc
    .uniqueArray(fc.tuple(name, value), { maxLength: 4, selector: ([key]) => key })
    .map((entries) => Object.fromEntries(entries));
}

const { value } = fc.letrec<{ value: JsonValue; object: JsonObject }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: objectOf(tie('value')),
}));

export const jsonValue: fc.Arbitrary<JsonValue> = value;
export const jsonObject: fc.Arbitrary<JsonObject> = objectOf(value);
