/** Which field each place of a document gets from its schema, and which one where the stored value does not fit. */
import { describe, expect, test } from '@jest/globals';
import { getFieldForValue } from '../../packages/form/src/field-for-value.ts';
import { type FieldSpec, schemaToFields } from '../../packages/form/src/schema-to-fields.ts';

type Schema = Parameters<typeof schemaToFields>[0];

/** The plan of one property, in a schema with these definitions. */
function planOf(schema: Schema, $defs: Schema = {}): FieldSpec {
  const plan = schemaToFields({ properties: { key: schema ?? {} }, $defs: $defs ?? {} }).members.get('key');
  if (!plan) throw new Error('the property was left out');
  return plan;
}

describe('a property', () => {
  const KINDS: ReadonlyArray<readonly [schema: Schema, plan: Partial<Record<string, unknown>>]> = [
    [
      { type: 'string', minLength: 1, maxLength: 60 },
      { kind: 'text', input: 'text', minLength: 1, maxLength: 60 },
    ],
    [
      { type: 'string', maxLength: 500 },
      { kind: 'text', input: 'textarea' },
    ],
    [
      { type: 'string', format: 'date' },
      { kind: 'text', input: 'date' },
    ],
    [
      { type: 'string', format: 'date-time' },
      { kind: 'text', input: 'datetime-local' },
    ],
    [
      { type: 'string', format: 'time' },
      { kind: 'text', input: 'time' },
    ],
    [
      { type: 'string', format: 'email' },
      { kind: 'text', input: 'email' },
    ],
    [
      { type: 'string', format: 'uri' },
      { kind: 'text', input: 'url' },
    ],
    [
      { type: 'string', format: 'hostname' },
      { kind: 'text', input: 'text' },
    ],
    [{ type: ['string', 'null'] }, { kind: 'text' }],
    [
      { type: 'string', 'x-autocomplete': 'tel' },
      { kind: 'text', autocomplete: 'tel' },
    ],
    [
      { type: 'number', minimum: 0.5 },
      { kind: 'number', min: 0.5, step: undefined },
    ],
    [
      { type: 'integer', exclusiveMinimum: 0, exclusiveMaximum: 10 },
      { kind: 'number', min: 1, max: 9, step: 1 },
    ],
    [
      { type: 'number', multipleOf: 5, minimum: 10 },
      { kind: 'number', min: 10, step: 5 },
    ],
    // Counted from 3, the steps of an input would be 3, 8, 13.
    [
      { type: 'number', multipleOf: 5, minimum: 3 },
      { kind: 'number', min: 3, step: undefined },
    ],
    [{ type: 'boolean' }, { kind: 'checkbox' }],
    [{ enum: ['a', 1, null] }, { kind: 'choice', options: [{ value: 'a' }, { value: 1 }] }],
    [{ const: 'yes' }, { kind: 'choice', options: [{ value: 'yes' }] }],
    [
      { oneOf: [{ const: 'de', title: 'Deutsch' }, { const: 'en' }] },
      { kind: 'choice', options: [{ value: 'de', label: 'Deutsch' }, { value: 'en' }] },
    ],
    [
      { anyOf: [{ const: 1 }, { $ref: '#/$defs/two' }] },
      { kind: 'choice', options: [{ value: 1 }, { value: 2 }] },
    ],
    [{ type: 'object', properties: {} }, { kind: 'group' }],
    [{ properties: {} }, { kind: 'group' }],
    [
      { type: 'array', items: { type: 'string' }, maxItems: 3 },
      { kind: 'list', min: 0, max: 3 },
    ],
    [
      { $ref: '#/$defs/two', title: 'Two' },
      { kind: 'choice', label: 'Two' },
    ],
    [{ $ref: '#named' }, { kind: 'checkbox' }],
  ];
  test.each(KINDS)('%j gets the field that suits it', (schema, plan) => {
    const definitions = { two: { const: 2 }, other: { $anchor: 'named', type: 'boolean' } };
    expect(planOf(schema, definitions)).toMatchObject(plan);
  });

  test.each([
    [{}],
    [true],
    [{ type: ['string', 'number'] }],
    [{ type: 'object' }],
    [{ type: 'object', additionalProperties: { type: 'string' } }],
    [{ type: 'array' }],
    [{ type: 'array', prefixItems: [{ type: 'string' }], items: { type: 'number' } }],
    [{ oneOf: [{ type: 'string' }, { type: 'number' }] }],
    [{ anyOf: [{ const: 1 }, { type: 'string' }] }],
    [{ $ref: '#/$defs/nowhere' }],
    [{ $ref: 'https://example.com/elsewhere' }],
    [{ $ref: '#/$defs/circle' }],
    [{ $ref: '#/%' }],
  ])('%j, which has no field of its own, is edited as JSON', (schema) => {
    expect(planOf(schema, { circle: { $ref: '#/$defs/circle' } })).toMatchObject({
      kind: 'json',
      label: 'Key',
    });
  });

  test('that contains itself ends in JSON', () => {
    const node = {
      type: 'object',
      properties: { name: { type: 'string' }, inner: { $ref: '#/$defs/node' } },
    };
    const plan = planOf({ $ref: '#/$defs/node' }, { node });
    expect(plan.kind === 'group' && [...plan.members].map(([key, { kind }]) => [key, kind])).toEqual([
      ['name', 'text'],
      ['inner', 'json'],
    ]);
  });

  test('named like a member of Object.prototype is one like any other', () => {
    const schema = JSON.parse(
      '{"properties":{"__proto__":{"type":"boolean"},"constructor":{"type":"string"}}}',
    );
    expect([...schemaToFields(schema).members.keys()]).toEqual(['__proto__', 'constructor']);
  });

  test.each([
    ['display_name', 'Display name'],
    ['displayName', 'Display name'],
    ['text-size', 'Text size'],
    ['_', '_'],
  ])('%s without a title is called “%s”', (key, label) => {
    expect(schemaToFields({ properties: { [key]: {} } }).members.get(key)).toMatchObject({ label });
  });

  test('is read-only with what is around it', () => {
    const inner = { type: 'object', properties: { name: { type: 'string' } } };
    const plan = planOf({ type: 'array', readOnly: true, items: inner });
    expect(plan).toMatchObject({ kind: 'list', readOnly: true, item: { kind: 'group', readOnly: true } });
    const { item } = Object(plan);
    expect(item.members.get('name')).toMatchObject({ readOnly: true });
  });

  test('that must be there and can only be true or false is a choice, which can be left open', () => {
    const plan = schemaToFields({ properties: { news: { type: 'boolean' } }, required: ['news'] });
    expect(plan.members.get('news')).toMatchObject({
      kind: 'choice',
      options: [{ value: true }, { value: false }],
    });
  });
});

test.each([[undefined], [true], [{}], [{ type: 'object' }], [null]])(
  'a document with the schema %j is a group without fields of its own',
  (schema) => {
    expect(schemaToFields(schema)).toMatchObject({ kind: 'group', isWhole: true, members: new Map() });
  },
);

describe('a stored value', () => {
  test.each([
    [{ type: 'string', format: 'date' }, '2020-02-29', { input: 'date' }],
    [{ type: 'string', format: 'date' }, '2021-02-29', { input: 'text' }],
    [{ type: 'string', format: 'date' }, 'in spring', { input: 'text' }],
    [{ type: 'string', format: 'date-time' }, '2020-01-01T10:00:00Z', { input: 'datetime-local' }],
    [{ type: 'string', format: 'date-time' }, '2020-01-01T10:00:00', { input: 'text' }],
    [{ type: 'string', format: 'date-time' }, '2020-01-01T10:00:00.123456Z', { input: 'text' }],
    [{ type: 'string', format: 'time' }, '08:30:00+02:00', { input: 'time' }],
    [{ type: 'string', format: 'time' }, '08:30', { input: 'text' }],
    [{ type: 'string', format: 'email' }, 'a@example.com', { input: 'email' }],
    [{ type: 'string', format: 'email' }, ' a@b ', { input: 'text' }],
    [{ type: 'string', format: 'email' }, 'a@bücher.example', { input: 'text' }],
    [{ type: 'string' }, 'two\nlines', { input: 'textarea' }],
    [{ type: 'string' }, 1, { kind: 'json' }],
    [{ type: 'integer' }, '1', { kind: 'json' }],
    [{ type: 'integer' }, 1.5, { kind: 'number' }],
    [{ type: 'boolean' }, 'yes', { kind: 'json' }],
    [{ type: 'object', properties: {} }, [], { kind: 'json' }],
    [{ type: 'array', items: {} }, {}, { kind: 'json' }],
    [{ enum: ['a'] }, 'no longer offered', { kind: 'choice' }],
  ])('of %j that is %j is shown by a field that can hold it', (schema, value, expected) => {
    expect(getFieldForValue(planOf(schema), value)).toMatchObject(expected);
  });
});
