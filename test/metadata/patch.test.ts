import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { isJsonObject, type JsonObject, type JsonValue, jsonEqual } from '../../src/lib/json.ts';
import { getRootChanges } from '../../src/metadata/document.ts';
import { mergePatch } from '../../src/metadata/edit.ts';
import { jsonObject } from './json-arbitrary.ts';

/** Section 2 of RFC 7396, word for word, over lists of entries. */
function naiveMerge(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isJsonObject(patch)) return patch;
  let entries = isJsonObject(target) ? Object.entries(target) : [];
  for (const [key, value] of Object.entries(patch)) {
    const current = entries.find(([name]) => name === key)?.[1];
    entries = entries.filter(([name]) => name !== key);
    if (value !== null) entries.push([key, naiveMerge(current, value)]);
  }
  return Object.fromEntries(entries);
}

/** Appendix A of RFC 7396: original, patch, result. */
const APPENDIX_A: ReadonlyArray<readonly [JsonValue, JsonValue, JsonValue]> = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

describe('merging a patch', () => {
  // Ours merges objects only, so each case stands one level down as well, where any value may be.
  test.each(APPENDIX_A)('makes of %j with %j what appendix A of RFC 7396 says', (original, patch, result) => {
    expect(mergePatch({ x: original }, { x: patch })).toEqual(result === null ? {} : { x: result });
    const objects = isJsonObject(original) && isJsonObject(patch);
    expect(objects ? mergePatch(original, patch) : result).toEqual(result);
  });

  test('gives what a naive reading of section 2 gives, for any two documents', () => {
    fc.assert(
      fc.property(jsonObject, jsonObject, (target, patch) => {
        expect(jsonEqual(mergePatch(target, patch), naiveMerge(target, patch))).toBe(true);
      }),
    );
  });

  test('a second time changes nothing more', () => {
    fc.assert(
      fc.property(jsonObject, jsonObject, (target, patch) => {
        const once = mergePatch(target, patch);
        expect(jsonEqual(mergePatch(once, patch), once)).toBe(true);
      }),
    );
  });

  test('leaves both arguments and every prototype as they were', () => {
    fc.assert(
      fc.property(jsonObject, jsonObject, (target, patch) => {
        const before = JSON.stringify([target, patch]);
        const result = mergePatch(target, patch);
        expect(JSON.stringify([target, patch])).toBe(before);
        expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
        expect(Object.keys(Object.prototype)).toEqual([]);
      }),
    );
  });

  test('takes a key named __proto__ for a key like any other', () => {
    const stored: JsonObject = JSON.parse('{"__proto__":{"kept":1},"a":1}');
    const merged = mergePatch(stored, { a: null, constructor: { prototype: { polluted: true } } });
    expect(JSON.stringify(merged)).toBe(
      '{"__proto__":{"kept":1},"constructor":{"prototype":{"polluted":true}}}',
    );
    expect('polluted' in {}).toBe(false);
  });
});

/** What the Management API does with the changes it is sent: at the first level, and no deeper. */
function applyAtRoot(before: JsonObject, changes: JsonObject): JsonObject {
  const kept = Object.entries(before).filter(([key]) => !Object.hasOwn(changes, key));
  return Object.fromEntries([...kept, ...Object.entries(changes).filter(([, value]) => value !== null)]);
}

describe('the changes from one document to another', () => {
  /** Documents after a write: none of ours holds a null at the first level. */
  const after = jsonObject.map((document) =>
    Object.fromEntries(Object.entries(document).filter(([, value]) => value !== null)),
  );

  test('applied at the first level give the other, and are none only where the two are equal', () => {
    fc.assert(
      fc.property(jsonObject, after, (from, to) => {
        const changes = getRootChanges(from, to);
        expect(changes === undefined).toBe(jsonEqual(from, to));
        expect(changes === undefined || Object.keys(changes).length > 0).toBe(true);
        expect(jsonEqual(applyAtRoot(from, changes ?? {}), to)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('name no key that is the same in both', () => {
    fc.assert(
      fc.property(jsonObject, after, (from, to) => {
        for (const key of Object.keys(getRootChanges(from, to) ?? {})) {
          const [left, right] = [from, to].map((document) => new Map(Object.entries(document)).get(key));
          expect(jsonEqual(left, right)).toBe(false);
        }
      }),
    );
  });

  test('do not see another order of keys as a change', () => {
    expect(getRootChanges({ a: { x: 1, y: 2 }, b: 1 }, { b: 1, a: { y: 2, x: 1 } })).toBeUndefined();
  });
});
