import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { type JsonValue, jsonEqual } from '../../src/lib/json.ts';
import { assertPrecondition, type Precondition } from '../../src/metadata/precondition.ts';
import { represent } from '../../src/metadata/representation.ts';
import { appErrorThrownBy } from '../lib/rejection.ts';
import { jsonValue } from './json-arbitrary.ts';

/** The same content with the keys of every object in the opposite order. */
function reversed(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(reversed);
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, child]) => [key, reversed(child)] as const)
      .toReversed(),
  );
}

describe('the representation of a value', () => {
  test('is the same bytes and the same tag whatever the order of its keys', () => {
    fc.assert(
      fc.property(jsonValue, (value) => {
        expect(represent(reversed(value))).toEqual(represent(value));
      }),
    );
  });

  test('has the same tag only where the content is the same', () => {
    fc.assert(
      fc.property(jsonValue, jsonValue, (left, right) => {
        expect(represent(left).etag === represent(right).etag).toBe(jsonEqual(left, right));
      }),
      { numRuns: 500 },
    );
  });

  test('holds all of the content, names like __proto__ included', () => {
    fc.assert(
      fc.property(jsonValue, (value) => {
        const parsed: JsonValue = JSON.parse(String(represent(value).body));
        expect(jsonEqual(parsed, value)).toBe(true);
      }),
    );
    const stored: JsonValue = JSON.parse('{"b":1,"__proto__":{"a":1}}');
    expect(represent(stored).body).toBe('{"__proto__":{"a":1},"b":1}');
  });

  test.each<JsonValue>([{}, [], null, '', 0, { a: [{ b: 'é' }] }])(
    'of %j has a strong quoted tag',
    (value) => {
      expect(represent(value).etag).toMatch(/^"[\w-]{24}"$/);
    },
  );
});

describe('a precondition', () => {
  const value: JsonValue = { a: 1 };
  const { etag } = represent(value);
  const other = '"another"';

  const table: ReadonlyArray<
    readonly [Precondition['kind'], Precondition['tags'], JsonValue | undefined, boolean]
  > = [
    ['if-match', 'any', value, true],
    ['if-match', 'any', undefined, false],
    ['if-match', [etag], value, true],
    ['if-match', [other, etag], value, true],
    ['if-match', [other], value, false],
    ['if-match', [`W/${etag}`], value, false],
    ['if-match', [etag], undefined, false],
    ['if-match', [], value, false],
    ['if-none-match', 'any', value, false],
    ['if-none-match', 'any', undefined, true],
    ['if-none-match', [etag], value, false],
    ['if-none-match', [`W/${etag}`], value, false],
    ['if-none-match', [other], value, true],
    ['if-none-match', [etag], undefined, true],
    ['if-none-match', [], value, true],
  ];

  const passing = table.filter(([, , , passes]) => passes);
  const failing = table.filter(([, , , passes]) => !passes);

  test.each(passing)('%s %j over %j lets the write pass', (kind, tags, current) => {
    expect(() => assertPrecondition({ kind, tags }, current)).not.toThrow();
  });

  test.each(failing)('%s %j over %j refuses it and tells what is there', async (kind, tags, current) => {
    const error = await appErrorThrownBy(() => assertPrecondition({ kind, tags }, current));
    expect(error.code).toBe('precondition_failed');
    expect(error.extras).toEqual(current === undefined ? {} : { current, etag });
  });

  test('that fails over a stored null still tells what is there', async () => {
    const error = await appErrorThrownBy(() => assertPrecondition({ kind: 'if-match', tags: [] }, null));
    expect(error.extras).toEqual({ current: null, etag: represent(null).etag });
  });
});
