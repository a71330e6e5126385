/** Which violations count as introduced by a change, rule by rule. */
import { describe, expect, test } from '@jest/globals';
import { AppError } from '../../../src/lib/app-error.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { createSchemaRules } from '../../../src/metadata/schema-rules.ts';

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
  ['a name too long that was there', names, { long_name: 1 }, { long_name: 1, a: 2 }],
  ['a name too long whose value becomes another', names, { long_name: 1 }, { long_name: 2 }, 'propertyNames'],
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

/** Schemas with something that no document may hold, and how stored data that holds it may change. */
const closed: JsonObject = { type: 'object', properties: { a: {} }, additionalProperties: false };
const numbers: JsonObject = { type: 'object', additionalProperties: { type: 'number' } };
const never: JsonObject = { type: 'object', properties: { old: false } };
const notOld: JsonObject = { type: 'object', not: { required: ['old'] } };
const notBoth: JsonObject = {
  type: 'object',
  not: { required: ['old', 'a'], properties: { old: { type: 'string' } } },
};
const notDeep: JsonObject = { not: { required: ['box'], properties: { box: { required: ['old'] } } } };
const notEither: JsonObject = { not: { anyOf: [{ required: ['a'] }, { required: ['b'] }] } };
const notMany: JsonObject = { not: { minProperties: 3 } };
const notList: JsonObject = { properties: { list: { not: { contains: { const: 'x' } } } } };
const guarded: JsonObject = JSON.parse(`{ "if": { "required": ["old"] }, "then": false }`);
const guardedDeep: JsonObject = JSON.parse(
  `{ "if": { "properties": { "kind": { "const": "home" } }, "required": ["kind"] }, "then": { "properties": { "desk": false } } }`,
);
const dependent: JsonObject = { dependentSchemas: { old: false } };
const oneKind: JsonObject = {
  oneOf: [
    { required: ['mail'], properties: { mail: { type: 'string' } } },
    { required: ['phone'], properties: { phone: { type: 'string' } } },
  ],
};
const kinds: JsonObject = {
  anyOf: [
    { required: ['kind'], properties: { kind: { const: 'a' }, name: { maxLength: 3 } } },
    { required: ['kind', 'n'], properties: { kind: { const: 'b' } } },
  ],
};
const stepwise: JsonObject = { anyOf: [{ required: ['a', 'b'] }, { required: ['a', 'c'] }] };
const fewPrimary: JsonObject = {
  properties: {
    list: {
      contains: { required: ['primary'], properties: { primary: { const: true } } },
      minContains: 0,
      maxContains: 1,
    },
  },
};
const ofFew: JsonObject = {
  properties: { list: { contains: { type: 'number' }, maxContains: 1, minContains: 0 } },
};
const atLeast: JsonObject = { properties: { list: { contains: { const: 1 }, minContains: 3 } } };
const pair: JsonObject = { properties: { list: { prefixItems: [{ type: 'string' }], items: false } } };
const rest: JsonObject = {
  properties: { list: { allOf: [{ prefixItems: [{}] }], unevaluatedItems: { type: 'number' } } },
};
const unique: JsonObject = { properties: { list: { uniqueItems: true } } };
const evaluatedBy: JsonObject = {
  anyOf: [{ properties: { kind: { const: 'a' }, x: {} }, required: ['kind'] }, { properties: { kind: {} } }],
  unevaluatedProperties: false,
};
const inner: JsonObject = { properties: { box: closed } };
const listed: JsonObject = { properties: { list: { items: closed } } };

const FORBIDDEN: readonly Row[] = [
  ['a member too many that stays', closed, { old: 1 }, { old: 1, a: 2 }],
  ['a member too many that goes', closed, { old: 1, other: 1 }, { other: 1 }],
  ['a member too many with another value', closed, { old: 1 }, { old: 2 }, 'additionalProperties'],
  ['a member too many, nested', inner, { box: { old: 1, a: 1 } }, { box: { old: 1, a: 2 } }],
  [
    'a member too many, nested, with another value',
    inner,
    { box: { old: 1 } },
    { box: { old: 2 } },
    'additionalProperties',
  ],
  [
    'a member too many, deep in its value',
    closed,
    { old: { x: [1] } },
    { old: { x: [2] } },
    'additionalProperties',
  ],
  [
    'a member too many in an item that moves',
    listed,
    { list: [{ a: 1 }, { old: 1 }] },
    { list: [{ old: 1 }] },
  ],
  [
    'a member too many in an item, with another value',
    listed,
    { list: [{ old: 1 }] },
    { list: [{ old: 2 }] },
    'additionalProperties',
  ],
  ['an additional member of the wrong type', numbers, { old: 'x' }, { old: 'x', a: 1 }],
  ['an additional member of another wrong type', numbers, { old: 'x' }, { old: 'y' }, 'type'],
  ['an unevaluated member with another value', known, { b: 1 }, { b: 2 }, 'unevaluatedProperties'],
  [
    'a member that is unevaluated from now on',
    evaluatedBy,
    { kind: 'a', x: 1 },
    { kind: 'b', x: 1 },
    'unevaluatedProperties',
  ],
  ['a schema false, its member left alone', never, { old: 1 }, { old: 1, a: 1 }],
  ['a schema false, with another value', never, { old: 1 }, { old: 2 }, 'false_schema'],
  ['not, another member', notOld, { old: 1, a: 1 }, { old: 1, a: 2 }],
  ['not, the member that it names', notOld, { old: 1 }, { old: 2 }, 'not'],
  ['not, the member that it names goes', notOld, { old: 1, a: 1 }, { a: 1 }],
  ['not, another member of two', notBoth, { old: 'x', a: 1, b: 1 }, { old: 'x', a: 1, b: 2 }],
  ['not, one member of the two', notBoth, { old: 'x', a: 1 }, { old: 'y', a: 1 }, 'not'],
  ['not, deep, beside what it names', notDeep, { box: { old: 1, a: 1 } }, { box: { old: 1, a: 2 } }],
  ['not, deep, what it names', notDeep, { box: { old: 1 } }, { box: { old: 2 } }, 'not'],
  ['not, one of two wrong members goes', notEither, { a: 1, b: 1 }, { a: 1 }],
  ['not, one more wrong member', notEither, { a: 1 }, { a: 1, b: 1 }, 'not'],
  ['not, a count that shrinks', notMany, { a: 1, b: 1, c: 1, d: 1 }, { a: 1, b: 1, c: 1 }],
  ['not, a count that stays', notMany, { a: 1, b: 1, c: 1 }, { a: 2, b: 1, c: 1 }],
  ['not, a count that grows', notMany, { a: 1, b: 1, c: 1 }, { a: 1, b: 1, c: 1, d: 1 }, 'not'],
  ['not contains, another item', notList, { list: ['x', 'a'] }, { list: ['b', 'x'] }],
  ['not contains, one more of them', notList, { list: ['x'] }, { list: ['x', 'x'] }, 'not'],
  ['then false, another member', guarded, { old: 1, a: 1 }, { old: 1, a: 2 }],
  ['then false, the member of the condition', guarded, { old: 1 }, { old: 2 }, 'false_schema'],
  ['then false, the condition comes true', guarded, { a: 1 }, { a: 1, old: 1 }, 'false_schema'],
  [
    'a member that a condition forbids from now on',
    guardedDeep,
    { kind: 'work', desk: 1 },
    { kind: 'home', desk: 1 },
    'false_schema',
  ],
  [
    'a member that a condition forbade before',
    guardedDeep,
    { kind: 'home', desk: 1 },
    { kind: 'home', desk: 1, a: 1 },
  ],
  ['a dependent schema false, another member', dependent, { old: 1, a: 1 }, { old: 1, a: 2 }],
  ['a dependent schema false, its member', dependent, { old: 1 }, { old: 2 }, 'false_schema'],
  [
    'oneOf that holds twice, another member',
    oneKind,
    { mail: 'x', phone: 'y', a: 1 },
    { mail: 'x', phone: 'y', a: 2 },
  ],
  [
    'oneOf that holds twice, a member of it',
    oneKind,
    { mail: 'x', phone: 'y' },
    { mail: 'z', phone: 'y' },
    'oneOf',
  ],
  ['oneOf that holds twice, mended', oneKind, { mail: 'x', phone: 'y' }, { phone: 'z' }],
  [
    'anyOf, a member that the nearest branch does not mind',
    kinds,
    { kind: 'b', name: 'jane' },
    { kind: 'b', name: 'joan' },
  ],
  ['anyOf, what the nearest branch asks for', kinds, { kind: 'c', n: 1 }, { kind: 'd', n: 1 }, 'anyOf'],
  ['anyOf that is mended step by step', stepwise, {}, { a: 1 }],
  [
    'maxContains, beside what counts',
    fewPrimary,
    { list: [{ primary: true, a: 1 }, { primary: true }] },
    { list: [{ primary: true, a: 2 }, { primary: true }] },
  ],
  ['maxContains, fewer but others', ofFew, { list: [1, 2, 3] }, { list: [1, 4] }, 'maxContains'],
  ['maxContains, fewer', ofFew, { list: [1, 2, 3, 'x'] }, { list: [3, 1, 'y'] }],
  ['minContains, one more', atLeast, { list: [1] }, { list: [1, 1] }],
  ['minContains, one less', atLeast, { list: [1, 1] }, { list: [1] }, 'minContains'],
  ['an item too many, left alone', pair, { list: ['a', 'b'] }, { list: ['c', 'b'] }],
  ['an item too many, with another value', pair, { list: ['a', 'b'] }, { list: ['a', 'c'] }, 'items'],
  ['an item of a tuple at its position', pair, { list: [1] }, { list: [2] }, 'type'],
  ['an unevaluated item that moves', rest, { list: [0, 1, 'x'] }, { list: [0, 'x'] }],
  ['an unevaluated item with another value', rest, { list: [0, 'x'] }, { list: [0, 'y'] }, 'type'],
  ['equal items, with other equal items', unique, { list: [1, 1] }, { list: [2, 2] }, 'uniqueItems'],
  ['equal items, and one of them goes', unique, { list: [1, 1, 1] }, { list: [1, 1, 2] }],
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

const ALL = [...ROWS, ...FORBIDDEN];
const GOOD = ALL.filter(([, , , , code]) => code === undefined);
const BAD = ALL.flatMap(([name, schema, before, after, code]) =>
  code === undefined ? [] : [[name, schema, before, after, code] as const],
);

describe('a change', () => {
  test.each(GOOD)('introduces nothing: %s', (_name, schema, before, after) => {
    expect(codes(schema, before, after)).toEqual([]);
  });

  test.each(BAD)('introduces a violation: %s', (_name, schema, before, after, code) => {
    expect(codes(schema, before, after)).toContain(code);
  });

  test.each(ALL)('that puts back what there was is none: %s', (_name, schema, before, after) => {
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
