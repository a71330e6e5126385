/** What a patch may cost and how large it may make a document on the way: counted, and the same on every machine. */
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { AppError } from '../../../src/lib/app-error.ts';
import { jsonBytes, type JsonObject, type JsonValue } from '../../../src/lib/json.ts';
import type { DocumentLimits } from '../../../src/metadata/document.ts';
import { applyJsonPatch, parseJsonPatch } from '../../../src/metadata/json-patch.ts';
import { createWorkBudget, PATCH_WORK_MAX } from '../../../src/metadata/patched-document.ts';
import { jsonValue } from '../json-arbitrary.ts';
import { LIMITS } from '../rules.ts';
import { expectProblem } from '../../support/problem.ts';
import { openScene } from '../../support/scene.ts';
import { patch } from './patching.ts';

const { person } = await openScene();
const SPACIOUS: DocumentLimits = { maxBytes: 1e9, maxKeys: 1e9, maxDepth: 1e3 };

const items = (count: number, value: JsonValue): JsonValue => Array.from({ length: count }, () => value);
const members = (count: number, value: JsonValue): JsonObject =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [index.toString(36), value]));
const repeat = (count: number, operations: readonly JsonValue[]): JsonValue[] =>
  Array.from({ length: count }, () => operations).flat();
const nested = (levels: number): JsonValue => (levels === 0 ? 1 : { a: nested(levels - 1) });
const add = (path: string, value: JsonValue) => ({ op: 'add', path, value });
const remove = (path: string) => ({ op: 'remove', path });
const move = (from: string, path: string) => ({ op: 'move', from, path });
const copy = (from: string, path: string) => ({ op: 'copy', from, path });
const testOf = (path: string, value: JsonValue) => ({ op: 'test', path, value });

interface Course {
  readonly outcome: unknown;
  readonly spent: number;
}

/** The document or the fault that a patch ends with, and the work that was counted. */
function courseOf(
  document: JsonObject,
  operations: readonly JsonValue[],
  limits = SPACIOUS,
  budget = createWorkBudget(),
): Course {
  try {
    return {
      outcome: applyJsonPatch(document, parseJsonPatch(operations), limits, budget),
      spent: budget.spent(),
    };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { outcome: error.extras.errors?.[0]?.code, spent: budget.spent() };
  }
}

const boundless = () => createWorkBudget(Infinity);
/** What operations cost beyond what it costs to bring their material. */
function costOf(document: JsonObject, operations: readonly JsonValue[]): number {
  return courseOf(document, operations, SPACIOUS, boundless()).spent;
}

describe('the work of operations', () => {
  test('that move a value does not depend on its size', () => {
    const to = repeat(100, [move('/a', '/b'), move('/b', '/a')]);
    const [small, large] = [1, 8_000].map((count) => costOf({ a: members(count, 1) }, to));
    expect(large).toBeLessThan((small ?? 0) + 1_000);
  });

  test('that move a value deeper and back is counted once for what did not change', () => {
    const to = repeat(100, [move('/a', '/b/c'), move('/b/c', '/a')]);
    const [small, large] = [1, 8_000].map((count) => costOf({ a: items(count, 1), b: {} }, to));
    expect(large).toBeLessThan((small ?? 0) + 10_000);
  });

  test('that compare a value is that of the value, not of what is stored', () => {
    const stored = { a: members(8_000, 1) };
    expect(costOf(stored, [...repeat(500, [add('/n', 1)]), testOf('/a', {})])).toBeLessThan(12_000);
    expect(costOf(stored, repeat(50, [testOf('/a', members(8_000, 1))]))).toBeGreaterThan(50 * 8_000);
  });

  test('of a thousand ordinary operations is less than a twentieth of the budget', () => {
    const document = { ...members(90, 'text'), list: items(50, 1), deep: { er: { n: 1 } } };
    const operations = repeat(200, [
      add('/list/-', 1),
      remove('/list/0'),
      { op: 'replace', path: '/deep/er/n', value: 2 },
      testOf('/deep/er', { n: 2 }),
      move('/1', '/1'),
    ]);
    const { outcome, spent } = courseOf(document, operations, LIMITS);
    expect(outcome).toEqual({ ...document, deep: { er: { n: 2 } } });
    expect(spent).toBeLessThan(PATCH_WORK_MAX / 20);
  });
});

const churn = [add('/a/0', 1), remove('/a/0'), move('/a', '/x/y/b'), move('/x/y/b', '/a')];

/** Patches that fit into a body of 100 KB and would cost many times as much as is allowed. */
const COSTLY: ReadonlyArray<readonly [string, JsonObject, readonly JsonValue[]]> = [
  [
    'moves of a list that is changed each time, to another depth',
    { a: items(3_900, 1), x: { y: {} } },
    repeat(249, churn),
  ],
  [
    'copies of a list that is changed each time',
    { a: items(1_900, 1) },
    repeat(333, [add('/a/-', 1), copy('/a', '/b'), remove('/a/1')]),
  ],
  [
    'copies of an object that are changed one by one',
    { a: members(900, 1) },
    repeat(333, [copy('/a', '/b'), add('/b/new', 1), remove('/b')]),
  ],
  [
    'insertions at the head of a long list',
    { a: items(50_000, 1) },
    repeat(500, [add('/a/0', 1), remove('/a/0')]),
  ],
];

describe('a patch that would cost too much', () => {
  test.each(COSTLY)('is refused when it has spent its budget: %s', (_name, document, operations) => {
    const limits = { ...LIMITS, maxBytes: 200_000, maxKeys: 1_000 };
    const { outcome, spent } = courseOf(document, operations, limits);
    expect(outcome).toBe('patch_too_costly');
    // One operation more than the budget at most.
    expect(spent).toBeLessThan(PATCH_WORK_MAX + 10_000);
    expect(costOf(document, operations)).toBeGreaterThan(1.2 * PATCH_WORK_MAX);
  });

  test('changes nothing, and says why', async () => {
    const jane = await person({ x: { y: {} } });
    const response = await patch(jane, [add('/a', items(3_900, 1)), ...repeat(249, churn)]);
    await expectProblem(response, 413, 'metadata_too_large', {
      errors: [{ pointer: '', code: 'patch_too_costly' }],
    });
    expect(jane.user.patches).toEqual([]);
  });

  test('is not one that moves a large value a thousand times', async () => {
    const jane = await person({ a: items(4_000, 1) });
    const response = await patch(jane, [
      ...repeat(499, [move('/a', '/b'), move('/b', '/a')]),
      move('/a', '/c'),
    ]);
    expect([response.status, jane.user.stored]).toEqual([200, { c: items(4_000, 1) }]);
  });
});

describe('after each operation the document', () => {
  test.each<[string, readonly JsonValue[], string]>([
    ['bytes', [add('/a', 'x'.repeat(8_200)), remove('/a')], 'too_large'],
    [
      'keys',
      [...Object.keys(members(101, 1)).map((key) => add(`/${key}`, 1)), remove('/1')],
      'too_many_keys',
    ],
    ['levels', [add('/a', nested(9)), add('/b', {}), move('/a', '/b/a'), remove('/b')], 'too_deep'],
  ])('is within its limit of %s, whatever follows', (_what, operations, code) => {
    expect(courseOf({}, operations, LIMITS).outcome).toBe(code);
  });

  test.each<[string, JsonObject, JsonValue, JsonValue]>([
    ['bytes', { a: 'x'.repeat(9_000), b: 1 }, add('/b', 2), add('/b', 22)],
    ['keys', { a: members(120, 1) }, { op: 'replace', path: '/a/1', value: 2 }, add('/a/new', 1)],
    ['levels', { a: nested(12), b: {} }, move('/a', '/c'), move('/a', '/b/a')],
  ])('may keep more %s than its limit where it had them, and get no worse', (_what, stored, same, worse) => {
    expect(typeof courseOf(stored, [same], LIMITS).outcome).toBe('object');
    expect(typeof courseOf(stored, [worse], LIMITS).outcome).toBe('string');
  });
});

const depthOf = (value: JsonValue): number =>
  typeof value === 'object' && value !== null
    ? 1 + Math.max(0, ...Object.values(value).map((child) => depthOf(child)))
    : 0;
const widthOf = (value: JsonValue): number =>
  typeof value === 'object' && value !== null
    ? Math.max(
        Array.isArray(value) ? 0 : Object.keys(value).length,
        ...Object.values(value).map((child) => widthOf(child)),
      )
    : 0;

const NAMES = ['a', 'b', '0', '1', '-', 'ü/~', '__proto__'];
const path = fc
  .array(fc.constantFrom(...NAMES), { maxLength: 3 })
  .map((names) => names.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''));
const operation: fc.Arbitrary<JsonObject> = fc.oneof(
  fc.record({ op: fc.constantFrom('add', 'replace'), path, value: jsonValue }),
  fc.record({ op: fc.constant('remove'), path }),
  fc.record({ op: fc.constantFrom('move', 'copy'), from: path, path }),
);
const document = fc.dictionary(fc.constantFrom('a', 'b', '0', 'ü/~'), jsonValue, { noNullPrototype: true });

test('the document is refused at the first operation after which it is beyond a limit, and at no other', () => {
  fc.assert(
    fc.property(
      document,
      fc.array(operation, { maxLength: 12 }),
      fc.integer({ min: 2, max: 60 }),
      (start, given, size) => {
        // Without limits, operation by operation; what cannot be applied is left out.
        const applied: JsonObject[] = [];
        const states: JsonValue[] = [];
        for (const each of given) {
          const { outcome } = courseOf(start, [...applied, each]);
          if (typeof outcome !== 'object' || outcome === null || Array.isArray(outcome)) continue;
          applied.push(each);
          states.push(JSON.parse(JSON.stringify(outcome)));
        }
        const beyond = (of: (value: JsonValue) => number, max: number) =>
          states.some((state) => of(state) > Math.max(max, of(start)));
        const limitsOf = (changes: Partial<DocumentLimits>) =>
          courseOf(start, applied, { ...SPACIOUS, ...changes }).outcome;
        expect(limitsOf({ maxBytes: size }) === 'too_large').toBe(beyond(jsonBytes, size));
        expect(limitsOf({ maxDepth: 3 }) === 'too_deep').toBe(beyond(depthOf, 3));
        // Width counts by object: here only where neither what is stored nor what is sent is too wide by itself.
        const isWide = [start, ...applied.map(({ value = null }) => value)].some((each) => widthOf(each) > 3);
        const isCrowded = limitsOf({ maxKeys: 3 }) === 'too_many_keys';
        expect(isWide || isCrowded === beyond(widthOf, 3)).toBe(true);
      },
    ),
    { numRuns: 1000 },
  );
});

test('nothing that is stored or sent is ever changed, whatever the operations share', () => {
  fc.assert(
    fc.property(document, fc.array(operation, { maxLength: 12 }), (start, operations) => {
      const before = JSON.stringify([start, operations]);
      courseOf(start, operations);
      expect(JSON.stringify([start, operations])).toBe(before);
    }),
    { numRuns: 500 },
  );
});
