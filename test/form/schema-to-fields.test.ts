/** Which field each place of a document gets from its schema, its hints and the policy. */
import { describe, expect, test } from '@jest/globals';
import { type FieldSpec, schemaToFields } from '../../packages/form/src/schema-to-fields.ts';

type Schema = Parameters<typeof schemaToFields>[0];

/** The plan of one property, in a schema with these definitions. */
function planOf(schema: Schema, $defs: Schema = {}): FieldSpec {
  const plan = membersOf(schemaToFields({ properties: { key: schema ?? {} }, $defs: $defs ?? {} })).get(
    'key',
  );
  if (!plan) throw new Error('the property was left out');
  return plan;
}

function membersOf(spec: FieldSpec): ReadonlyMap<string, FieldSpec> {
  if (!('members' in spec)) throw new Error(`a field of the kind ${spec.kind} has no members`);
  return spec.members;
}

const kindsOf = (spec: FieldSpec): ReadonlyArray<readonly [string, string]> =>
  [...membersOf(spec)].map(([key, { kind }]) => [key, kind]);

describe('a property', () => {
  const ITEM = { type: 'object', properties: { name: { type: 'string' } } };
  const CARD = { type: 'object', title: 'Card', properties: { type: { const: 'card' }, number: {} } };
  const TRANSFER = { properties: { type: { enum: ['iban'] }, iban: { type: 'string' } } };
  const KINDS: ReadonlyArray<readonly [schema: Schema, plan: Partial<Record<string, unknown>>]> = [
    [
      { type: 'string', minLength: 1 },
      { kind: 'text', widget: 'text', schema: { minLength: 1 } },
    ],
    [
      { type: 'string', maxLength: 500 },
      { kind: 'text', widget: 'textarea' },
    ],
    [
      { type: 'string', 'x-ui': { widget: 'textarea' } },
      { kind: 'text', widget: 'textarea' },
    ],
    [
      { type: 'string', 'x-ui': { widget: 'tel' } },
      { kind: 'text', widget: 'tel' },
    ],
    [
      { type: 'string', 'x-ui': { widget: 'color' } },
      { kind: 'text', widget: 'color' },
    ],
    [
      { type: 'string', 'x-ui': { widget: 'hologram' } },
      { kind: 'text', widget: 'text' },
    ],
    [
      { type: 'string', format: 'date' },
      { kind: 'text', widget: 'date' },
    ],
    [
      { type: 'string', format: 'date-time' },
      { kind: 'text', widget: 'datetime-local' },
    ],
    [
      { type: 'string', format: 'time' },
      { kind: 'text', widget: 'time' },
    ],
    [
      { type: 'string', format: 'email' },
      { kind: 'text', widget: 'email' },
    ],
    [
      { type: 'string', format: 'uri' },
      { kind: 'text', widget: 'url' },
    ],
    [
      { type: 'string', format: 'hostname' },
      { kind: 'text', widget: 'text' },
    ],
    [{ type: ['string', 'null'] }, { kind: 'text' }],
    [{ anyOf: [{ type: 'string', format: 'date' }, { type: 'null' }] }, { kind: 'text', widget: 'date' }],
    [{ oneOf: [{ $ref: '#named' }, { type: 'null' }] }, { kind: 'choice', widget: 'radio' }],
    [{ type: 'number', minimum: 0.5 }, { kind: 'number' }],
    [
      { type: 'integer', 'x-ui': { widget: 'slider' } },
      { kind: 'number', widget: 'slider' },
    ],
    [{ type: 'boolean' }, { kind: 'checkbox' }],
    [
      { type: 'boolean', 'x-ui': { widget: 'switch' } },
      { kind: 'checkbox', widget: 'switch' },
    ],
    [
      { type: ['boolean', 'null'], 'x-ui': { optionLabels: { true: 'On' } } },
      { kind: 'choice', widget: 'radio', options: [{ value: true, label: 'On' }, { value: false }] },
    ],
    [{ enum: ['a', 1, null] }, { kind: 'choice', options: [{ value: 'a' }, { value: 1 }] }],
    [
      { enum: ['a', 'b'], 'x-ui': { widget: 'radio', optionLabels: { a: 'First' } } },
      { kind: 'choice', widget: 'radio', options: [{ label: 'First' }, { label: undefined }] },
    ],
    [{ const: 'yes' }, { kind: 'choice', options: [{ value: 'yes' }] }],
    [
      { oneOf: [{ const: 'de', title: 'Deutsch' }, { const: 'en' }] },
      { kind: 'choice', options: [{ value: 'de', label: 'Deutsch' }, { value: 'en' }] },
    ],
    [
      { anyOf: [{ const: 1 }, { $ref: '#/$defs/two' }] },
      { kind: 'choice', options: [{ value: 1 }, { value: 2 }] },
    ],
    [
      { type: 'object', properties: {} },
      { kind: 'group', rest: { kind: 'json' } },
    ],
    [{ properties: {} }, { kind: 'group' }],
    [
      { properties: { a: {} }, additionalProperties: { type: 'string' } },
      { kind: 'group', rest: { kind: 'entries', item: { kind: 'text' } } },
    ],
    [{ allOf: [ITEM, { title: 'Both', required: ['name'] }] }, { kind: 'group', label: 'Both' }],
    [
      { type: 'object', additionalProperties: { type: 'number' } },
      { kind: 'entries', item: { kind: 'number' } },
    ],
    [
      { type: 'array', items: { type: 'string' } },
      { kind: 'tags', item: { kind: 'text' } },
    ],
    [{ type: 'array', items: { type: 'string', format: 'email' } }, { kind: 'tags' }],
    [{ type: 'array', items: { type: 'string', format: 'date' } }, { kind: 'list' }],
    [
      { type: 'array', items: ITEM },
      { kind: 'list', item: { kind: 'group' } },
    ],
    [
      { type: 'array', items: { enum: ['a', 'b'] }, 'x-ui': { widget: 'chips', optionLabels: { b: 'Bee' } } },
      { kind: 'multi', widget: 'chips', options: [{ label: undefined }, { label: 'Bee' }] },
    ],
    [{ type: 'array', prefixItems: [{ type: 'number' }], items: false }, { kind: 'tuple' }],
    [{ oneOf: [CARD, TRANSFER] }, { kind: 'variant', discriminator: 'type' }],
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
    [{ type: 'object', additionalProperties: {} }],
    [{ type: 'array' }],
    [{ type: 'array', prefixItems: [{ type: 'string' }], items: { type: 'number' } }],
    [{ oneOf: [{ type: 'string' }, { type: 'number' }] }],
    [{ oneOf: [{ properties: { type: { const: 'a' } } }, { properties: { type: { const: 'a' } } }] }],
    [{ oneOf: [{ properties: { type: { const: 'a' } } }, { properties: { type: { type: 'string' } } }] }],
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
    expect(kindsOf(plan)).toEqual([
      ['name', 'text'],
      ['inner', 'json'],
    ]);
  });

  test('named like a member of Object.prototype is one like any other', () => {
    const schema = JSON.parse(
      '{"properties":{"__proto__":{"type":"boolean"},"constructor":{"type":"string"}}}',
    );
    expect([...membersOf(schemaToFields(schema)).keys()]).toEqual(['__proto__', 'constructor']);
  });

  test.each([
    ['display_name', 'Display name'],
    ['displayName', 'Display name'],
    ['text-size', 'Text size'],
    ['_', '_'],
  ])('%s without a title is called “%s”', (key, label) => {
    expect(membersOf(schemaToFields({ properties: { [key]: {} } })).get(key)).toMatchObject({ label });
  });

  test('with alternatives has the fields of each, without the constant that tells them apart', () => {
    const plan = planOf({ oneOf: [CARD, TRANSFER], properties: { note: { type: 'string' } } });
    if (plan.kind !== 'variant') throw new Error('no variant');
    expect(plan.choice).toMatchObject({
      label: 'Type',
      options: [
        { value: 'card', label: 'Card' },
        { value: 'iban', label: undefined },
      ],
    });
    expect([...plan.groups].map(([tag, group]) => [tag, [...group.members.keys()]])).toEqual([
      ['"card"', ['note', 'number']],
      ['"iban"', ['note', 'iban']],
    ]);
  });

  test('that must be there and can only be true or false is a choice, which can be left open', () => {
    const plan = schemaToFields({ properties: { news: { type: 'boolean' } }, required: ['news'] });
    expect(membersOf(plan).get('news')).toMatchObject({
      kind: 'choice',
      isRequired: true,
      options: [{ value: true }, { value: false }],
    });
  });
});

describe('hints', () => {
  test('give order, section, help and placeholder', () => {
    const schema = {
      properties: {
        last: { type: 'string' },
        second: { type: 'string', 'x-ui': { order: 2, group: 'Contact', help: 'Help.', placeholder: '+44' } },
        first: { type: 'string', description: 'Text.', examples: ['e.g.'], 'x-ui': { order: 1 } },
      },
    };
    const members = membersOf(schemaToFields(schema));
    expect([...members.keys()]).toEqual(['first', 'second', 'last']);
    expect(members.get('second')).toMatchObject({ section: 'Contact', placeholder: '+44' });
    expect(members.get('second')?.description.trim()).toBe('Help.');
    expect(members.get('first')).toMatchObject({ section: '', placeholder: 'e.g.' });
  });
});

describe('what the user may not change', () => {
  test.each([
    [{ type: 'string', readOnly: true }, 'schema'],
    [{ type: 'string', 'x-stamp': { source: '/terms', value: 'now' } }, 'stamped'],
    [{ type: 'string', 'x-write-once': true }, ''],
  ])('%j is locked for the reason %p', (schema, lock) => {
    expect(planOf(schema).lock).toBe(lock);
  });

  test('is locked with what is around it', () => {
    const inner = { type: 'object', properties: { name: { type: 'string' } } };
    const plan = planOf({ type: 'array', readOnly: true, items: inner });
    if (plan.kind !== 'list') throw new Error('no list');
    expect([plan.lock, plan.item.lock, membersOf(plan.item).get('name')?.lock]).toEqual([
      'schema',
      'schema',
      'schema',
    ]);
  });

  test('is what the policy says, which knows the caller; and what it leaves out does not exist', () => {
    const schema = {
      properties: {
        theme: { type: 'string' },
        plan: { type: 'string', readOnly: true },
        member: { type: 'object', properties: { since: { type: 'string' }, 'a/b': { type: 'string' } } },
        hidden: { type: 'string' },
        unknown: { type: 'string' },
      },
    };
    const spec = schemaToFields(schema, {
      '': { access: 'read_only', reason: 'scope' },
      '/theme': { access: 'read_only', reason: 'application' },
      '/plan': { access: 'read_write', step_up: { max_age: 300 } },
      '/member': { access: 'read_write' },
      '/member/since': { access: 'read_only', reason: 'write_once' },
      '/member/a~1b': { access: 'read_only', reason: 'delegation' },
      '/unknown': { access: 'read_only', reason: 'a reason of a newer service' },
    });
    const members = membersOf(spec);
    const member = members.get('member');
    expect([...members].map(([key, { lock }]) => [key, lock])).toEqual([
      ['theme', 'application'],
      ['plan', ''],
      ['member', ''],
      ['unknown', 'a reason of a newer service'],
    ]);
    expect(member && [...membersOf(member)].map(([key, { lock }]) => [key, lock])).toEqual([
      ['since', 'write_once'],
      ['a/b', 'delegation'],
    ]);
    expect(members.get('plan')?.isStepUp).toBe(true);
    // May other keys be added?
    expect('rest' in spec && spec.rest.lock).toBe('scope');
    expect(spec.lock).toBe('');
  });
});

test.each([[undefined], [true], [{}], [{ type: 'object' }], [null]])(
  'a document with the schema %j is a group without fields of its own',
  (schema) => {
    expect(schemaToFields(schema)).toMatchObject({ kind: 'whole', members: new Map() });
  },
);
