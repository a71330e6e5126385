/** `readOnly` wherever JSON Schema can lead to a place, and what a replacement keeps of it. */
import { describe, expect, test } from '@jest/globals';
import { AppError } from '../../../src/lib/app-error.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { createSchemaRules } from '../../../src/metadata/schema-rules.ts';
import { expectProblem } from '../../support/problem.ts';
import { openScene } from '../../support/scene.ts';
import { userThrough } from './applications.ts';
import { send, waysFrom } from './changing.ts';

const FIXED = { readOnly: true };

/** As text, because an object with a member `then` is taken for a promise. */
function when(condition: JsonObject, whenTrue: JsonObject, whenFalse: JsonObject = {}): JsonObject {
  const text = JSON.stringify({ if: condition, yes: whenTrue, no: whenFalse });
  return JSON.parse(text.replace('"yes":', '"then":').replace('"no":', '"else":'));
}

const kindIs = (kind: string): JsonObject => ({ properties: { kind: { const: kind } }, required: ['kind'] });
const x: JsonObject = { properties: { x: FIXED } };
const node: JsonObject = {
  $defs: { node: { properties: { id: FIXED, child: { $ref: '#/$defs/node' } } } },
  $ref: '#/$defs/node',
};

type Row = readonly [
  name: string,
  schema: JsonObject,
  before: JsonObject,
  after: JsonObject,
  ...pointers: string[],
];

const ROWS: readonly Row[] = [
  [
    'by $anchor',
    { properties: { a: { $ref: '#fixed' } }, $defs: { f: { $anchor: 'fixed', ...FIXED } } },
    { a: 1 },
    { a: 2 },
    '/a',
  ],
  [
    'by $dynamicRef',
    { properties: { a: { $dynamicRef: '#fixed' } }, $defs: { f: { $dynamicAnchor: 'fixed', ...FIXED } } },
    { a: 1 },
    { a: 2 },
    '/a',
  ],
  [
    'by $id',
    { properties: { a: { $ref: 'fixed.json' } }, $defs: { f: { $id: 'fixed.json', ...FIXED } } },
    { a: 1 },
    { a: 2 },
    '/a',
  ],
  [
    'by #',
    { properties: { id: FIXED, child: { $ref: '#' } } },
    { child: { id: 1 } },
    { child: { id: 2 } },
    '/child/id',
  ],
  ['by recursion', node, { child: { child: { id: 1 } } }, { child: { child: { id: 2 } } }, '/child/child/id'],
  ['by recursion, in a part that is added', node, {}, { child: { child: { id: 2 } } }, '/child/child/id'],
  ['at the root', FIXED, { a: 1 }, { a: 2 }, ''],
  ['at the root, by $ref', { $ref: '#/$defs/f', $defs: { f: FIXED } }, {}, { a: 2 }, ''],
  ['by patternProperties', { patternProperties: { '^ro_': FIXED } }, { ro_a: 1 }, { ro_a: 2 }, '/ro_a'],
  [
    'by additionalProperties',
    { properties: { a: {} }, additionalProperties: FIXED },
    { b: 1 },
    { b: 2 },
    '/b',
  ],
  [
    'by additionalProperties, added',
    { properties: { a: {} }, additionalProperties: FIXED },
    {},
    { b: 2 },
    '/b',
  ],
  [
    'by unevaluatedProperties',
    { allOf: [{ properties: { a: {} } }], unevaluatedProperties: FIXED },
    { b: 1 },
    { b: 2 },
    '/b',
  ],
  ['by items', { properties: { l: { items: FIXED } } }, { l: [1, 2] }, { l: [1, 3] }, '/l/1'],
  ['by items, an item more', { properties: { l: { items: FIXED } } }, { l: [1] }, { l: [1, 2] }, '/l/1'],
  ['by items, an item less', { properties: { l: { items: FIXED } } }, { l: [1, 2] }, { l: [1] }, '/l/1'],
  [
    'by items, in another order',
    { properties: { l: { items: FIXED } } },
    { l: [1, 2] },
    { l: [2, 1] },
    '/l/0',
    '/l/1',
  ],
  [
    'by items, a member',
    { properties: { l: { items: x } } },
    { l: [{ x: 1, y: 1 }] },
    { l: [{ x: 2, y: 1 }] },
    '/l/0/x',
  ],
  ['by items, with the list', { properties: { l: { items: x } } }, { l: [{ x: 1 }] }, {}, '/l/0/x'],
  [
    'by prefixItems',
    { properties: { l: { prefixItems: [{}, FIXED] } } },
    { l: [1, 1] },
    { l: [2, 2] },
    '/l/1',
  ],
  [
    'by contains',
    { properties: { l: { contains: { ...FIXED, type: 'string' } } } },
    { l: [1, 'a'] },
    { l: [2, 3] },
    '/l/1',
  ],
  [
    'by unevaluatedItems',
    { properties: { l: { prefixItems: [{}], unevaluatedItems: FIXED } } },
    { l: [1, 1] },
    { l: [2, 2] },
    '/l/1',
  ],
  ['by allOf', { allOf: [x] }, { x: 1 }, { x: 2 }, '/x'],
  ['by anyOf', { anyOf: [{ ...x, required: ['x'] }, kindIs('free')] }, { x: 1 }, { x: 2 }, '/x'],
  [
    'by anyOf, of which no branch holds',
    { anyOf: [{ ...x, required: ['y'] }, { required: ['z'] }] },
    { x: 1 },
    { x: 2 },
    '/x',
  ],
  [
    'by oneOf',
    { oneOf: [{ ...kindIs('a'), allOf: [x] }, kindIs('b')] },
    { kind: 'a', x: 1 },
    { kind: 'a', x: 2 },
    '/x',
  ],
  [
    'by oneOf, whose branch changes in the same write',
    { oneOf: [{ ...kindIs('a'), allOf: [x] }, kindIs('b')] },
    { kind: 'a', x: 1 },
    { kind: 'b', x: 2 },
    '/x',
  ],
  [
    'by oneOf, whose branch applies from now on',
    { oneOf: [{ ...kindIs('a'), allOf: [x] }, kindIs('b')] },
    { kind: 'b', x: 1 },
    { kind: 'a', x: 2 },
    '/x',
  ],
  ['by then', when(kindIs('a'), x), { kind: 'a', x: 1 }, { kind: 'a', x: 2 }, '/x'],
  ['by then, with the condition', when(kindIs('a'), x), { kind: 'a', x: 1 }, { kind: 'b', x: 2 }, '/x'],
  ['by else', when(kindIs('a'), {}, x), { kind: 'b', x: 1 }, { kind: 'a', x: 2 }, '/x'],
  [
    'by if',
    when({ ...x, ...kindIs('a'), properties: { kind: { const: 'a' }, x: FIXED } }, {}),
    { kind: 'a', x: 1 },
    { kind: 'a', x: 2 },
    '/x',
  ],
  ['by dependentSchemas', { dependentSchemas: { lock: x } }, { lock: 1, x: 1 }, { lock: 1, x: 2 }, '/x'],
  [
    'by dependentSchemas, with what it depends on',
    { dependentSchemas: { lock: x } },
    { lock: 1, x: 1 },
    { x: 2 },
    '/x',
  ],
];

function refusalOf(schema: JsonObject, before: JsonObject, after: JsonObject) {
  try {
    createSchemaRules(schema).assertChange(before, after);
    return [];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return [error.code, ...(error.extras.errors ?? []).map(({ pointer }) => pointer)];
  }
}

describe('a place that is read-only cannot be changed', () => {
  test.each(ROWS)('%s', (_name, schema, before, after, ...pointers) => {
    expect(refusalOf(schema, before, after)).toEqual(['key_read_only', ...pointers]);
  });

  test.each(ROWS)('%s: the same document is no change', (_name, schema, before) => {
    expect(refusalOf(schema, before, before)).toEqual([]);
  });
});

test.each<[string, JsonObject, JsonObject, JsonObject]>([
  [
    'beside a read-only member of an item',
    { properties: { l: { items: x } } },
    { l: [{ x: 1 }] },
    { l: [{ x: 1, y: 1 }] },
  ],
  [
    'that adds an item without the read-only member',
    { properties: { l: { items: x } } },
    { l: [{ x: 1 }] },
    { l: [{ x: 1 }, { y: 1 }] },
  ],
  ['where the condition never held', when(kindIs('a'), x), { kind: 'b', x: 1 }, { kind: 'c', x: 2 }],
  [
    'of a branch that never held',
    { oneOf: [{ ...kindIs('a'), allOf: [x] }, kindIs('b')] },
    { kind: 'b', x: 1 },
    { kind: 'b', x: 2 },
  ],
  [
    'of a member that a pattern does not name',
    { patternProperties: { '^ro_': FIXED } },
    { rw_a: 1 },
    { rw_a: 2 },
  ],
])('a change %s goes ahead', (_name, schema, before, after) => {
  expect(refusalOf(schema, before, after)).toEqual([]);
});

describe('what replaces the whole document keeps what is read-only and left out:', () => {
  test.each<[string, JsonObject, JsonObject, JsonObject, JsonObject]>([
    ['a key by its pattern', { patternProperties: { '^ro_': FIXED } }, { ro_a: 1, b: 1 }, {}, { ro_a: 1 }],
    ['every key of a document that is read-only', FIXED, { a: 1, b: 2 }, { b: 2 }, { a: 1, b: 2 }],
    [
      'a member in recursion',
      node,
      { child: { child: { id: 1, a: 1 } } },
      {},
      { child: { child: { id: 1 } } },
    ],
    ['a member by a condition that goes', when(kindIs('a'), x), { kind: 'a', x: 1 }, {}, { x: 1 }],
    [
      'a member of an item that stays',
      { properties: { l: { items: x } } },
      { l: [{ x: 1, y: 1 }, { x: 2 }] },
      { l: [{ y: 2 }, {}] },
      { l: [{ y: 2, x: 1 }, { x: 2 }] },
    ],
    [
      'members of items, with their list',
      { properties: { l: { items: x } } },
      { l: [{ x: 1, y: 1 }, { x: 2 }] },
      {},
      { l: [{ x: 1 }, { x: 2 }] },
    ],
    [
      'an item after others that stay',
      { properties: { l: { prefixItems: [{}, FIXED] } } },
      { l: [1, 2] },
      { l: [3] },
      { l: [3, 2] },
    ],
    [
      'a key named like a member of every object',
      { additionalProperties: FIXED },
      JSON.parse('{"__proto__":{"a":1}}'),
      {},
      JSON.parse('{"__proto__":{"a":1}}'),
    ],
  ])('%s', (_name, schema, before, after, kept) => {
    const rules = createSchemaRules(schema);
    const result = rules.keepFixed(before, after);
    expect(JSON.stringify(result)).toBe(JSON.stringify(kept));
    rules.assertChange(before, result);
  });

  test('an item before which others are left out is refused, by name', () => {
    const rules = createSchemaRules({ properties: { l: { prefixItems: [{}, FIXED] } } });
    const kept = rules.keepFixed({ l: [1, 2] }, {});
    expect(() => rules.assertChange({ l: [1, 2] }, kept)).toThrow(
      expect.objectContaining({
        code: 'key_read_only',
        extras: { errors: [expect.objectContaining({ pointer: '/l/1' })] },
      }),
    );
  });
});

const SCHEMA = {
  type: 'object',
  patternProperties: { '^ro_': FIXED },
  properties: { tree: { $ref: '#tree' }, list: { type: 'array', items: { properties: { id: FIXED } } } },
  $defs: { tree: { $anchor: 'tree', properties: { id: FIXED, child: { $ref: '#tree' } } } },
};
const { person } = await openScene({ policy: { userMetadata: { schema: SCHEMA } } });
const stored = {
  ro_a: 1,
  tree: { child: { id: 1, name: 'x' } },
  list: [
    { id: 1, label: 'a' },
    { id: 2, label: 'b' },
  ],
  free: 1,
};

describe('over HTTP', () => {
  const changes: ReadonlyArray<readonly [string, JsonObject]> = [
    ['/ro_a', { ...stored, ro_a: 2 }],
    ['/tree/child/id', { ...stored, tree: { child: { id: 2, name: 'x' } } }],
    ['/list/1/id', { ...stored, list: [stored.list[0] ?? null, { id: 3, label: 'b' }] }],
  ];

  test.each(
    changes.flatMap(([pointer, after]) =>
      waysFrom(stored, after).map((way) => ({ pointer, way, by: way.name })),
    ),
  )('a change of $pointer is refused, by $by', async ({ pointer, way }) => {
    const jane = await person(stored);
    await expectProblem(await send(jane, way), 403, 'key_read_only', {
      errors: [{ pointer, code: 'read_only' }],
    });
    expect(jane.user.patches).toEqual([]);
  });

  test('PUT and DELETE keep each of them', async () => {
    const [jane, omar] = [await person(stored), await person(stored)];
    const list = [{ label: 'A' }, { label: 'B' }];
    expect((await jane.ask('PUT', '', { json: { list } })).status).toBe(200);
    expect(jane.user.stored).toEqual({
      ro_a: 1,
      tree: { child: { id: 1 } },
      list: [
        { id: 1, label: 'A' },
        { id: 2, label: 'B' },
      ],
    });
    expect((await omar.ask('DELETE')).status).toBe(204);
    expect(omar.user.stored).toEqual({ ro_a: 1, tree: { child: { id: 1 } }, list: [{ id: 1 }, { id: 2 }] });
  });

  test('a change beside them is stored', async () => {
    const jane = await person(stored);
    const json = [{ op: 'replace', path: '/list/1/label', value: 'c' }];
    const headers = { 'content-type': 'application/json-patch+json' };
    expect((await jane.ask('PATCH', '', { json, headers })).status).toBe(200);
    expect(jane.user.stored).toEqual({ ...stored, list: [stored.list[0], { id: 2, label: 'c' }] });
  });
});

const narrow = await openScene({
  policy: {
    userMetadata: { schema: when(kindIs('locked'), x) },
    clients: { narrow: { readable: ['x', 'y'] } },
  },
});

describe('through an application that does not see what a condition depends on', () => {
  const locked = { kind: 'locked', x: 1, y: 1 };

  test('a read-only place stays read-only', async () => {
    const { who, ask } = await userThrough(narrow, 'narrow', locked);
    await expectProblem(await ask('PATCH', '', { json: { x: 2 } }), 403, 'key_read_only', {
      errors: [{ pointer: '/x' }],
    });
    expect(who.user.patches).toEqual([]);
  });

  test('PUT and DELETE keep it', async () => {
    const { who, ask } = await userThrough(narrow, 'narrow', locked);
    expect(await (await ask('PUT', '', { json: { y: 2 } })).json()).toEqual({ x: 1, y: 2 });
    expect((await ask('DELETE')).status).toBe(204);
    expect(who.user.stored).toEqual({ kind: 'locked', x: 1 });
  });
});
