/** What a person reads about each rule, and what an app gets to make a sentence of its own. */
import { describe, expect, test } from '@jest/globals';
import { AppError, type FieldError } from '../../../src/lib/app-error.ts';
import type { JsonObject, JsonValue } from '../../../src/lib/json.ts';
import { createSchemaRules } from '../../../src/metadata/schema-rules.ts';

function faultsOf(rule: JsonValue, value: JsonValue): readonly FieldError[] {
  try {
    createSchemaRules({ properties: { v: rule } }).assertChange({}, { v: value });
    return [];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.extras.errors ?? [];
  }
}

const A_FORM: JsonObject = { required: ['a'], properties: { a: { type: 'string' } } };
const B_FORM: JsonObject = { required: ['b'], properties: { b: { type: 'string' } } };
const numbered = (count: number) => Array.from({ length: count }, (_, position) => position);

type Row = readonly [rule: JsonObject, value: JsonValue, code: string, detail: string, params: JsonObject];

const ROWS: readonly Row[] = [
  [{ type: 'string' }, 1, 'type', 'Must be text.', { type: ['string'] }],
  [
    { type: ['integer', 'boolean', 'null'] },
    'x',
    'type',
    'Must be a whole number, true or false or empty (null).',
    { type: ['integer', 'boolean', 'null'] },
  ],
  [{ const: 'yes' }, 'no', 'const', 'Must be "yes".', { allowedValue: 'yes' }],
  [{ enum: ['a', 2, null] }, 'b', 'enum', 'Must be one of: "a", 2, null.', { allowedValues: ['a', 2, null] }],
  [{ enum: ['a'] }, 'b', 'enum', 'Must be "a".', { allowedValues: ['a'] }],
  [
    { enum: numbered(22) },
    'b',
    'enum',
    `Must be one of: ${numbered(20).join(', ')}, or one of 2 more.`,
    { allowedValues: numbered(22) },
  ],
  [{ format: 'email' }, 'x', 'format', 'Must be an e-mail address.', { format: 'email' }],
  [{ format: 'byte' }, '-', 'format', 'Must be of the format byte.', { format: 'byte' }],
  [
    { pattern: '^[a-z]{2}$' },
    'x',
    'pattern',
    'Must match the pattern ^[a-z]{2}$.',
    { pattern: '^[a-z]{2}$' },
  ],
  [{ minLength: 3 }, 'ab', 'minLength', 'Must be at least 3 characters long.', { limit: 3 }],
  [{ minLength: 1 }, '', 'minLength', 'Must be at least 1 character long.', { limit: 1 }],
  [{ maxLength: 1 }, '😀😀', 'maxLength', 'Must be at most 1 character long.', { limit: 1 }],
  [{ minimum: 50 }, 1, 'minimum', 'Must be 50 or more.', { limit: 50 }],
  [{ maximum: 50 }, 51, 'maximum', 'Must be 50 or less.', { limit: 50 }],
  [{ exclusiveMinimum: 0 }, 0, 'exclusiveMinimum', 'Must be more than 0.', { limit: 0 }],
  [{ exclusiveMaximum: 0 }, 0, 'exclusiveMaximum', 'Must be less than 0.', { limit: 0 }],
  [{ multipleOf: 0.1 }, 0.25, 'multipleOf', 'Must be a multiple of 0.1.', { multipleOf: 0.1 }],
  [{ minItems: 1 }, [], 'minItems', 'Must have at least 1 item.', { limit: 1 }],
  [{ maxItems: 2 }, [1, 2, 3], 'maxItems', 'Must have at most 2 items.', { limit: 2 }],
  [{ maxItems: 0 }, [1], 'maxItems', 'Must be an empty list.', { limit: 0 }],
  [
    { uniqueItems: true },
    [1, { a: 1 }, 2, { a: 1 }],
    'uniqueItems',
    'Items 2 and 4 are the same.',
    { first: 2, second: 4 },
  ],
  [
    { contains: { const: 1 } },
    [],
    'contains',
    'Must have at least one item of the kind that is asked for.',
    { limit: 1 },
  ],
  [
    { contains: { const: 1 }, minContains: 2 },
    [1],
    'minContains',
    'Must have at least 2 items of the kind that is asked for.',
    { limit: 2 },
  ],
  [
    { contains: { const: 1 }, maxContains: 1 },
    [1, 1],
    'maxContains',
    'Must have at most 1 item of the kind that is limited.',
    { limit: 1 },
  ],
  [{ minProperties: 1 }, {}, 'minProperties', 'Must have at least 1 entry.', { limit: 1 }],
  [{ maxProperties: 1 }, { a: 1, b: 1 }, 'maxProperties', 'Must have at most 1 entry.', { limit: 1 }],
  [{ not: { type: 'string' } }, 'x', 'not', 'This value is not allowed.', {}],
  [{ prefixItems: [{}], items: false }, [1, 2], 'items', 'The list has too many items.', {}],
  [
    { anyOf: [A_FORM, B_FORM] },
    {},
    'anyOf',
    'Must fit at least one of the 2 allowed forms.',
    { branches: 2 },
  ],
  [{ oneOf: [A_FORM, B_FORM] }, {}, 'oneOf', 'Must fit one of the 2 allowed forms.', { branches: 2 }],
  [
    { oneOf: [A_FORM, B_FORM] },
    { a: 'x', b: 'x' },
    'oneOf',
    'Must fit exactly one of the 2 allowed forms, but fits 1 and 2.',
    { passing: [1, 2], branches: 2 },
  ],
  [
    {
      oneOf: [
        { const: 'a', title: 'A' },
        { const: 'b', title: 'B' },
      ],
    },
    'c',
    'oneOf',
    'Must be one of: "a", "b".',
    { allowedValues: ['a', 'b'] },
  ],
];

describe('a broken rule is told in a sentence, with its params:', () => {
  test.each(ROWS)('%j', (rule, value, code, detail, params) => {
    const faults = faultsOf(rule, value);
    expect(faults).toEqual([{ pointer: expect.stringMatching(/^\/v/), code, detail, params }]);
  });

  test.each<[JsonValue, JsonValue, FieldError]>([
    [
      { required: ['a'] },
      {},
      { pointer: '/v/a', code: 'required', detail: 'This is required.', params: { missingProperty: 'a' } },
    ],
    [
      { dependentRequired: { state: ['country'] } },
      { state: 'x' },
      {
        pointer: '/v/country',
        code: 'dependentRequired',
        detail: 'This is required when "state" is given.',
        params: { property: 'state', missingProperty: 'country' },
      },
    ],
    [
      { propertyNames: { pattern: '^[a-z]+$' } },
      { 'X/y': 1 },
      {
        pointer: '/v/X~1y',
        code: 'propertyNames',
        detail: 'The name "X/y" is not allowed here.',
        params: { propertyName: 'X/y' },
      },
    ],
    [
      { additionalProperties: false },
      { a: 1 },
      {
        pointer: '/v/a',
        code: 'additionalProperties',
        detail: 'There must be no entry of this name.',
        params: { propertyName: 'a' },
      },
    ],
    [
      { unevaluatedProperties: false },
      { a: 1 },
      {
        pointer: '/v/a',
        code: 'unevaluatedProperties',
        detail: 'There must be no entry of this name.',
        params: { propertyName: 'a' },
      },
    ],
    [false, 1, { pointer: '/v', code: 'false_schema', detail: 'This is not allowed here.', params: {} }],
  ])('%j, at the member that is meant', (rule, value, fault) => {
    expect(faultsOf(rule, value)).toEqual([fault]);
  });

  test('with the reasons of the branch that is nearest', () => {
    const rule = { anyOf: [{ type: 'string', maxLength: 3 }, { type: 'null' }] };
    expect(faultsOf(rule, 'long').map(({ code }) => code)).toEqual(['maxLength', 'anyOf']);
  });

  test('without a list of allowed values that is too long', () => {
    expect(faultsOf({ enum: numbered(51) }, 'x')[0]?.params).toEqual({});
  });
});
