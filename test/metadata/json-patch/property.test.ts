/** Random patches of random small documents, held against a second implementation that shares nothing. */
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { AppError } from '../../../src/lib/app-error.ts';
import type { JsonObject, JsonValue } from '../../../src/lib/json.ts';
import { applyJsonPatch, parseJsonPatch } from '../../../src/metadata/json-patch.ts';
import { applyAll, type PlainOperation } from './reference.ts';

/** Few names, so that paths often lead somewhere; some of them are members of every object or list. */
const NAMES = ['a', 'b', '0', '1', '01', '-', 'length', 'toString', '~', '/'];
const name = fc.constantFrom(...NAMES);
const scalar = fc.constantFrom<JsonValue>(null, true, 0, 1, '', 'a');

const { value } = fc.letrec<{ value: JsonValue; list: JsonValue; object: JsonValue }>((tie) => ({
  value: fc.oneof({ maxDepth: 2, depthSize: 'small' }, scalar, tie('list'), tie('object')),
  list: fc.array(tie('value'), { maxLength: 3 }),
  object: fc.dictionary(name, tie('value'), { maxKeys: 3, noNullPrototype: true }),
}));
const document = fc.dictionary(name, value, { maxKeys: 4, noNullPrototype: true });
const operation: fc.Arbitrary<PlainOperation> = fc.record({
  op: fc.constantFrom('add', 'remove', 'replace', 'test'),
  tokens: fc.array(name, { minLength: 1, maxLength: 3 }),
  value,
});

function textOf({ op, tokens, value: given }: PlainOperation): JsonValue {
  const path = tokens.map((token) => `/${token.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
  return { op, path, value: given };
}

const LIMITS = { maxBytes: 100_000, maxKeys: 100, maxDepth: 50 };

/** The document that results, or undefined where the patch is refused as it should be. */
function outcome(before: JsonObject, operations: readonly PlainOperation[]): JsonValue | undefined {
  try {
    return applyJsonPatch(before, parseJsonPatch(operations.map(textOf)), LIMITS);
  } catch (error) {
    if (error instanceof AppError && error.code.startsWith('patch_')) return undefined;
    throw error;
  }
}

const plain = (given: JsonValue | undefined): unknown =>
  given === undefined ? 'refused' : JSON.parse(JSON.stringify(given));

test('a patch does what RFC 6902 says, and refuses what it says to refuse', () => {
  fc.assert(
    fc.property(document, fc.array(operation, { maxLength: 4 }), (before, operations) => {
      const untouched = JSON.stringify(before);
      expect(plain(outcome(before, operations))).toEqual(plain(applyAll(before, operations)));
      expect(JSON.stringify(before)).toBe(untouched);
    }),
    { numRuns: 3000 },
  );
});

test('a test of what is there always holds, and of anything else never does', () => {
  fc.assert(
    fc.property(document, name, value, (before, key, other) => {
      const operations: PlainOperation[] = [
        { op: 'add', tokens: [key], value: other },
        { op: 'test', tokens: [key], value: other },
      ];
      expect(outcome(before, operations)).toBeDefined();
      expect(
        outcome(before, [...operations, { op: 'test', tokens: [key], value: { wrapped: other } }]),
      ).toBeUndefined();
    }),
    { numRuns: 500 },
  );
});
