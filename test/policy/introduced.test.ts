/** Which violations count as introduced by a change, rule by rule. */
import { describe, expect, test } from '@jest/globals';
import { AppError } from '../../src/lib/app-error.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { createSchemaRules } from '../../src/metadata/schema-rules.ts';

type Row = readonly [name: string, schema: JsonObject, before: JsonObject, after: JsonObject, code?: string];

const either: JsonObject = { type: 'object', anyOf: [{ required: ['a'] }, { required: ['b'] }] };
const one: JsonObject = { type: 'object', oneOf: [{ required: ['a'] }, { required: ['b'] }] };
/** As text, because an object with a member `then` is taken for a promise. */
const when: JsonObject = JSON.parse(`{
  "type": "object",
  "if": { "properties": { "kind": { "const": "home" } }, "required": ["kind"] },
  "then": { "required": ["street"] }
}`);
const scores: JsonObject = {
  type: 'object',
  properties: { scores: { type: 'object', additionalProperties: { type: 'number', minimum: 0 } } },
};
const few: JsonObject = { type: 'object', properties: { box: { type: 'object', maxProperties: 2 } } };
const names: JsonObject = { type: 'object', propertyNames: { maxLength: 3 } };
const known: JsonObject = {
  type: 'object',
  allOf: [{ properties: { a: { type: 'number' } } }],
  unevaluatedProperties: false,
};
const tree: JsonObject = {
  $ref: '#/$defs/node',
  $defs: {
    node: {
      type: 'object',
      properties: { size: { type: 'integer' }, children: { type: 'array', items: { $ref: '#/$defs/node' } } },
    },
  },
};
const list: JsonObject = {
  type: 'object',
  properties: { list: { type: 'array', items: { type: 'object', required: ['id'] }, uniqueItems: true } },
};
const shape: JsonObject = { type: 'object', properties: { a: { type: 'string' }, b: { const: { x: 1 } } } };
const text: JsonObject = { type: 'object', properties: { a: { type: ['string', 'null'], maxLength: 3 } } };

const ROWS: readonly Row[] = [
  ['anyOf that holds no longer', either, { a: 1 }, {}, 'anyOf'],
  ['anyOf that never held', either, {}, { c: 1 }],
  ['anyOf that changes its branch', either, { a: 1 }, { b: 1 }],
  ['oneOf that holds twice', one, { a: 1 }, { a: 1, b: 1 }, 'oneOf'],
  ['if and then: the condition comes true', when, { kind: 'work' }, { kind: 'home' }, 'required'],
  ['if and then: what it asks for goes', when, { kind: 'home', street: 'x' }, { kind: 'home' }, 'required'],
  ['if and then: it was missing before', when, { kind: 'home' }, { kind: 'home', city: 'x' }],
  ['a wrong number that stays at its key', scores, { scores: { '1': -1 } }, { scores: { '1': -1, '2': 2 } }],
  [
    'a wrong number at another key of digits',
    scores,
    { scores: { '1': -1, '2': 2 } },
    { scores: { '1': 1, '2': -1 } },
    'minimum',
  ],
  ['a crowded object that changes', few, { box: { a: 1, b: 1, c: 1 } }, { box: { a: 2, b: 1, c: 1 } }],
  ['a crowded object that shrinks', few, { box: { a: 1, b: 1, c: 1, d: 1 } }, { box: { a: 1, b: 1, c: 1 } }],
  [
    'a crowded object that grows',
    few,
    { box: { a: 1, b: 1, c: 1 } },
    { box: { a: 1, b: 1, c: 1, d: 1 } },
    'maxProperties',
  ],
  ['a name too long that was there', names, { long_name: 1 }, { long_name: 2 }],
  ['a name too long that is new', names, { long_name: 1 }, { long_name: 1, other_name: 1 }, 'propertyNames'],
  ['an unevaluated key that was there', known, { b: 1 }, { a: 1, b: 1 }],
  ['an unevaluated key that is new', known, { b: 1 }, { b: 1, c: 1 }, 'unevaluatedProperties'],
  [
    'depth by $ref: it was wrong',
    tree,
    { children: [{ size: 'x' }] },
    { size: 1, children: [{ size: 'x' }] },
  ],
  ['depth by $ref: it is wrong now', tree, { children: [{}] }, { children: [{ size: 'x' }] }, 'type'],
  [
    'items of which one lacks something',
    list,
    { list: [{ a: 1 }, { id: 1 }] },
    { list: [{ id: 1 }, { a: 1 }] },
  ],
  ['one more item that lacks it', list, { list: [{ a: 1 }] }, { list: [{ a: 1 }, { b: 1 }] }, 'required'],
  [
    'a doubled item that stays while another goes',
    list,
    { list: [{ id: 1 }, { id: 1 }, { id: 2 }] },
    { list: [{ id: 1 }, { id: 1 }] },
  ],
  ['an object in place of a text, unchanged', shape, { a: { x: 1 } }, { a: { x: 1 }, c: 1 }],
  ['an object in place of a text, become another', shape, { a: { x: 1 } }, { a: { y: 2 } }, 'type'],
  ['an object that is not the constant, become another', shape, { b: { x: 2 } }, { b: { x: 3 } }, 'const'],
  ['a union of types', text, {}, { a: null }],
  ['a union of types, broken', text, {}, { a: 'long' }, 'maxLength'],
];

/** The codes of what the change is refused for. */
function codes(schema: JsonObject, before: JsonObject, after: JsonObject): readonly string[] {
  const rules = createSchemaRules(schema);
  try {
    rules.assertChange(before, after);
    return [];
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'metadata_invalid') throw error;
    return error.extras.errors?.map(({ code }) => code) ?? [];
  }
}

const GOOD = ROWS.filter(([, , , , code]) => code === undefined);
const BAD = ROWS.flatMap(([name, schema, before, after, code]) =>
  code === undefined ? [] : [[name, schema, before, after, code] as const],
);

describe('a change', () => {
  test.each(GOOD)('introduces nothing: %s', (_name, schema, before, after) => {
    expect(codes(schema, before, after)).toEqual([]);
  });

  test.each(BAD)('introduces a violation: %s', (_name, schema, before, after, code) => {
    expect(codes(schema, before, after)).toContain(code);
  });

  test.each(ROWS)('that puts back what there was is none: %s', (_name, schema, before, after) => {
    expect([codes(schema, before, before), codes(schema, after, after)]).toEqual([[], []]);
  });
});

test('one violation excuses one, wherever it moves within its list', () => {
  const before = { list: [{ a: 1 }, { id: 1 }, { b: 1 }] };
  expect(codes(list, before, { list: [{ b: 1 }, { a: 1 }] })).toEqual([]);
  expect(codes(list, before, { list: [{ c: 1 }, { b: 1 }, { a: 1 }] })).toEqual(['required']);
});

test('properties named like members of every object are judged by what the document holds', () => {
  const schema = {
    type: 'object',
    properties: { constructor: { type: 'number' }, toString: { type: 'number' } },
  };
  expect(codes(schema, {}, { a: 1 })).toEqual([]);
  expect(codes(schema, {}, { toString: 'text' })).toEqual(['type']);
});

test('each pattern of a schema is its own', () => {
  const schema = {
    type: 'object',
    properties: { a: { type: 'string', pattern: '^a+$' }, b: { type: 'string', pattern: '^b+$' } },
    patternProperties: { '^n_': { type: 'number' } },
  };
  expect(codes(schema, {}, { a: 'aa', b: 'bb', n_a: 1, other: 'text' })).toEqual([]);
  expect(codes(schema, {}, { a: 'bb', b: 'aa', n_a: 'text' }).toSorted()).toEqual([
    'pattern',
    'pattern',
    'type',
  ]);
});
