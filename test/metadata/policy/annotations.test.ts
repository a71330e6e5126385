/** `x-write-once`, `x-stamp` and `x-step-up`: by every way to write, wherever a schema can lead to a place. */
import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../../src/lib/json.ts';
import { openCompat } from '../../http/compat/compat.ts';
import { expectProblem } from '../../support/problem.ts';
import { openScene } from '../../support/scene.ts';
import { AppError } from '../../../src/lib/app-error.ts';
import { createSchemaRules } from '../../../src/metadata/schema-rules.ts';
import { send, waysFrom } from './changing.ts';

const SCHEMA: JsonObject = {
  type: 'object',
  properties: {
    theme: { type: 'string' },
    country: { type: 'string', 'x-write-once': true },
    terms: {
      type: 'object',
      properties: {
        version: { type: 'string' },
        at: {
          type: 'string',
          format: 'date-time',
          readOnly: true,
          'x-stamp': { source: '/terms/version', value: 'now' },
        },
        through: { type: 'string', 'x-stamp': { source: '/terms/version', value: 'client_id' } },
      },
    },
    terms_actor: { type: 'string', 'x-stamp': { source: '/terms/version', value: 'actor' } },
    payout: { type: 'string', 'x-step-up': { max_age: 300 } },
    limit: { type: 'integer', 'x-step-up': { max_age: 60, acr_values: ['mfa', 'hw'] } },
  },
};
const policy = { userMetadata: { schema: SCHEMA }, delegation: { access: 'write' } };
const scene = await openScene({ policy });
const erasing = await openScene({ policy: { ...policy, erasure: { writeOnce: true } } });
const named = await openScene({
  policy: {
    ...policy,
    stepUp: { authTimeClaim: 'https://app.example.com/at', acrClaim: 'https://app.example.com/acr' },
  },
});
const compat = await openCompat({ policy });
const { person, service, tenant } = scene;

const seconds = () => Math.floor(service.clock.now() / 1000);
const stamped = (version: string, at: unknown = expect.any(String)) => ({
  version,
  at,
  through: 'the-application',
});

async function readCountryPolicy(document: Record<string, unknown>): Promise<unknown> {
  const jane = await person(document);
  const { user_metadata: places } = Object(await (await jane.ask('GET', '/../policy')).json());
  return places['/country'];
}

describe('what can be set once', () => {
  const before = { country: 'CH', theme: 'dark' };

  test.each(waysFrom({ theme: 'dark' }, before).map((way) => [way.name, way] as const))(
    'is set by %s',
    async (_name, way) => {
      const jane = await person({ theme: 'dark' });
      expect((await send(jane, way)).status).toBe(200);
      expect(jane.user.stored).toEqual(before);
    },
  );

  test.each(
    [
      ...waysFrom(before, { ...before, country: 'DE' }),
      ...waysFrom(before, { theme: 'dark' }).filter(({ name }) => name !== 'PUT'),
    ].map((way) => [way.name, way] as const),
  )('is not changed or removed by %s', async (_name, way) => {
    const jane = await person({ ...before });
    await expectProblem(await send(jane, way), 403, 'key_read_only', {
      errors: [{ pointer: '/country', code: 'write_once' }],
    });
    expect(jane.user.stored).toEqual(before);
  });

  test('stays when PUT leaves it out, and may be sent as it is', async () => {
    const jane = await person({ ...before });
    expect((await jane.ask('PUT', '', { json: { theme: 'light' } })).status).toBe(200);
    expect((await jane.ask('PATCH', '', { json: { country: 'CH' } })).status).toBe(200);
    expect(jane.user.stored).toEqual({ country: 'CH', theme: 'light' });
  });

  test('outlives DELETE of the document, unless the policy lets it be erased', async () => {
    const [jane, omar] = [await person({ ...before }), await erasing.person({ ...before })];
    expect([(await jane.ask('DELETE')).status, (await omar.ask('DELETE')).status]).toEqual([204, 204]);
    expect([jane.user.stored, omar.user.stored]).toEqual([{ country: 'CH' }, {}]);
  });

  test('is not erased by PUT or by its own address, whatever the policy says', async () => {
    const omar = await erasing.person({ ...before });
    expect((await omar.ask('PUT', '', { json: {} })).status).toBe(200);
    await expectProblem(await omar.ask('DELETE', '/country'), 403, 'key_read_only', {
      errors: [{ pointer: '/country', code: 'write_once' }],
    });
    expect(omar.user.stored).toEqual({ country: 'CH' });
  });

  test('is set by the first of two writers that are sent together, and refused to the second', async () => {
    const jane = await person({});
    const gate = tenant.hold('read');
    const leading = jane.ask('PATCH', '', { json: { theme: 'dark' } });
    await gate.arrived;
    const first = jane.ask('PATCH', '', { json: { country: 'CH' } });
    const second = jane.ask('PATCH', '', { json: { country: 'DE' } });
    gate.open();
    const statuses = (await Promise.all([leading, first, second])).map(({ status }) => status);
    expect(statuses.slice(1).toSorted((a, b) => a - b)).toEqual([200, 403]);
    expect(jane.user.patches.length).toBeLessThanOrEqual(2);
    expect(['CH', 'DE']).toContain(jane.user.stored?.['country']);
  });

  test('is refused on the drop-in', async () => {
    const jane = await compat.user({ ...before });
    const response = await jane.ask('PATCH', '', { json: { user_metadata: { country: 'DE' } } });
    expect(response.status).toBe(403);
    expect(jane.user.stored).toEqual(before);
  });

  test('is read-only at /me/policy once it is stored', async () => {
    expect(await readCountryPolicy({})).toEqual({ access: 'read_write' });
    expect(await readCountryPolicy(before)).toEqual({ access: 'read_only', reason: 'write_once' });
  });
});

describe('what the service stamps', () => {
  const accept: JsonObject = { terms: { version: '2' } };

  test.each(waysFrom({}, accept).map((way) => [way.name, way] as const))(
    'is set by %s of its source, in the same request, and is what the answer shows',
    async (_name, way) => {
      const jane = await person({});
      const earliest = service.clock.now();
      const response = await send(jane, way);
      const body: unknown = await response.json();
      const stored = Object(jane.user.stored?.['terms']);
      expect(body).toEqual(way.path === '' ? jane.user.stored : stored);
      expect(stored).toEqual(stamped('2'));
      expect(Date.parse(stored.at)).toBeGreaterThanOrEqual(earliest);
      expect(jane.user.patches).toHaveLength(1);
    },
  );

  test('is set anew when the source changes, and stays when anything else does', async () => {
    const jane = await person({ terms: stamped('1', '2020-01-01T00:00:00Z') });
    await jane.ask('PATCH', '', { json: { theme: 'dark', terms: { version: '1' } } });
    expect(jane.user.stored).toMatchObject({ terms: { at: '2020-01-01T00:00:00Z' } });
    await jane.ask('PATCH', '', { json: { terms: { version: '2' } } });
    expect(Object(jane.user.stored?.['terms']).at).not.toBe('2020-01-01T00:00:00Z');
  });

  test.each([
    ['its source', { terms: { version: null } }, {}],
    ['what it stands in', { terms: null }, undefined],
  ])('goes with %s', async (_name, patch, terms) => {
    const jane = await person({ terms: stamped('1', '2020-01-01T00:00:00Z'), terms_actor: 'auth0|desk' });
    expect((await jane.ask('PATCH', '', { json: patch })).status).toBe(200);
    expect(jane.user.stored).toEqual(terms === undefined ? {} : { terms });
  });

  test.each<[string, JsonObject, string]>([
    ['changed', { terms: { at: '2021-01-01T00:00:00Z' } }, '/terms/at'],
    ['changed with its source', { terms: { version: '3', at: '2021-01-01T00:00:00Z' } }, '/terms/at'],
    ['removed', { terms: { through: null } }, '/terms/through'],
    ['set elsewhere', { terms_actor: 'auth0|jane' }, '/terms_actor'],
  ])('cannot be %s by a caller', async (_name, patch, pointer) => {
    const jane = await person({ terms: stamped('1', '2020-01-01T00:00:00Z') });
    await expectProblem(await jane.ask('PATCH', '', { json: patch }), 403, 'key_read_only', {
      errors: [{ pointer, code: 'stamped' }],
    });
    expect(jane.user.patches).toEqual([]);
  });

  test('stays through PUT that keeps the source, and goes with DELETE', async () => {
    const jane = await person({ terms: stamped('1', '2020-01-01T00:00:00Z'), theme: 'dark' });
    expect((await jane.ask('PUT', '', { json: { terms: { version: '1' } } })).status).toBe(200);
    expect(jane.user.stored).toEqual({ terms: stamped('1', '2020-01-01T00:00:00Z') });
    expect((await jane.ask('DELETE')).status).toBe(204);
    expect(jane.user.stored).toEqual({});
  });

  test('names who acts, and no one where the user does so in person', async () => {
    const jane = await person({}, { act: { sub: 'auth0|desk' } });
    await jane.ask('PATCH', '', { json: accept });
    expect(jane.user.stored).toMatchObject({ terms_actor: 'auth0|desk' });
    const inPerson = await person(undefined, { sub: jane.user.id });
    await inPerson.ask('PATCH', '', { json: { terms: { version: '3' } } });
    expect(jane.user.stored).not.toHaveProperty('terms_actor');
  });

  test('is set on the drop-in, which replaces the key whole', async () => {
    const jane = await compat.user({});
    await jane.ask('PATCH', '', { json: { user_metadata: accept } });
    expect(jane.user.stored).toEqual({ terms: stamped('2') });
  });

  test('is read-only at /me/policy', async () => {
    const { user_metadata: places } = Object(
      await (await (await person({})).ask('GET', '/../policy')).json(),
    );
    expect(places['/terms/at']).toEqual({ access: 'read_only', reason: 'stamped' });
    expect(places['/terms/version']).toEqual({ access: 'read_write' });
  });
});

describe('what needs a recent or a stronger login', () => {
  test.each<[string, () => Record<string, unknown>, JsonObject]>([
    ['is changed after a login just now', () => ({ auth_time: seconds() }), { payout: 'x' }],
    ['is changed within the time', () => ({ auth_time: seconds() - 200 }), { payout: 'x' }],
    ['is changed after a strong login', () => ({ auth_time: seconds(), acr: 'hw' }), { limit: 1 }],
    ['does not matter where it is not touched', () => ({}), { theme: 'dark' }],
  ])('%s', async (_name, claims, patch) => {
    const jane = await person({ payout: 'a' }, claims());
    expect((await jane.ask('PATCH', '', { json: { payout: 'a', ...patch } })).status).toBe(200);
  });

  test.each<[string, () => Record<string, unknown>, JsonObject, object]>([
    ['the login is too old', () => ({ auth_time: seconds() - 400 }), { payout: 'x' }, { max_age: 300 }],
    ['the token does not say when', () => ({}), { payout: 'x' }, { max_age: 300 }],
    ['it says so in text', () => ({ auth_time: 'now' }), { payout: 'x' }, { max_age: 300 }],
    ['it says a time to come', () => ({ auth_time: seconds() + 100 }), { payout: 'x' }, { max_age: 300 }],
    [
      'the login is of another class',
      () => ({ auth_time: seconds(), acr: 'pwd' }),
      { limit: 1 },
      { max_age: 60, acr_values: ['mfa', 'hw'] },
    ],
    [
      'two values are touched',
      () => ({ auth_time: seconds() - 100, acr: 'mfa' }),
      { limit: 1, payout: 'x' },
      { max_age: 60, acr_values: ['mfa', 'hw'] },
    ],
  ])('is refused where %s', async (_name, claims, patch, needs) => {
    const jane = await person({}, claims());
    const response = await jane.ask('PATCH', '', { json: patch });
    expect([response.status, jane.user.stored]).toEqual([401, {}]);
    expect(await response.json()).toMatchObject({ code: 'step_up_required', ...needs });
  });

  test('the challenge is that of RFC 9470', async () => {
    const jane = await person({});
    const response = await jane.ask('PUT', '/limit', { json: 1 });
    const challenge = response.headers.get('www-authenticate') ?? '';
    expect(challenge).toContain('Bearer realm="metadata-bff", error="insufficient_user_authentication"');
    expect(challenge).toContain('max_age="60", acr_values="mfa hw", scope="update:metadata"');
  });

  test('it is asked for by every way to remove the value, DELETE of the document included', async () => {
    const jane = await person({ payout: 'x' });
    const answers = [
      await jane.ask('DELETE'),
      await jane.ask('DELETE', '/payout'),
      await jane.ask('PUT', '', { json: {} }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401]);
  });

  test('no login is asked for where a change is refused all the same', async () => {
    const jane = await person({});
    expect((await jane.ask('PATCH', '', { json: { payout: 1 } })).status).toBe(422);
  });

  test('the policy names the claims', async () => {
    const claims = { 'https://app.example.com/at': seconds(), 'https://app.example.com/acr': 'mfa' };
    const jane = await named.person({}, claims);
    expect((await jane.ask('PUT', '/limit', { json: 1 })).status).toBe(200);
    const omar = await named.person({}, { auth_time: seconds(), acr: 'mfa' });
    expect((await omar.ask('PUT', '/limit', { json: 1 })).status).toBe(401);
  });

  test('/me/policy says what it takes', async () => {
    const { user_metadata: places } = Object(
      await (await (await person({})).ask('GET', '/../policy')).json(),
    );
    expect(places['/limit']).toEqual({
      access: 'read_write',
      step_up: { max_age: 60, acr_values: ['mfa', 'hw'] },
    });
  });
});

const once: JsonObject = { 'x-write-once': true };
const due: JsonObject = { 'x-step-up': { max_age: 60 } };
/** As text, because an object with a member `then` is taken for a promise. */
const when = (branch: JsonObject): JsonObject =>
  JSON.parse(
    JSON.stringify({ if: { required: ['a'] }, yes: { properties: { a: branch } } }).replace(
      '"yes":',
      '"then":',
    ),
  );

const LEADING: ReadonlyArray<
  readonly [by: string, (annotation: JsonObject) => JsonObject, JsonObject, JsonObject]
> = [
  ['$ref', (f) => ({ properties: { a: { $ref: '#/$defs/f' } }, $defs: { f } }), { a: 1 }, { a: 2 }],
  ['allOf', (f) => ({ allOf: [{ properties: { a: f } }] }), { a: 1 }, { a: 2 }],
  ['anyOf', (f) => ({ anyOf: [{ properties: { a: f } }] }), { a: 1 }, { a: 2 }],
  ['oneOf', (f) => ({ oneOf: [{ properties: { a: f } }] }), { a: 1 }, { a: 2 }],
  ['then', when, { a: 1 }, { a: 2 }],
  ['dependentSchemas', (f) => ({ dependentSchemas: { a: { properties: { a: f } } } }), { a: 1 }, { a: 2 }],
  ['patternProperties', (f) => ({ patternProperties: { '^a': f } }), { a: 1 }, { a: 2 }],
  ['additionalProperties', (f) => ({ additionalProperties: f }), { a: 1 }, { a: 2 }],
  ['unevaluatedProperties', (f) => ({ unevaluatedProperties: f }), { a: 1 }, { a: 2 }],
  ['items', (f) => ({ properties: { a: { items: f } } }), { a: [1] }, { a: [2] }],
  ['prefixItems', (f) => ({ properties: { a: { prefixItems: [f] } } }), { a: [1] }, { a: [2] }],
  ['contains', (f) => ({ properties: { a: { contains: f } } }), { a: [1] }, { a: [2] }],
];

function codeOf(schema: JsonObject, before: JsonObject, after: JsonObject): unknown {
  try {
    return createSchemaRules(schema).assertChange(before, after);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.extras.errors?.map(({ code }) => code);
  }
}

describe.each(LEADING)('by %s', (_by, lead, before, after) => {
  test('what can be set once is found', () => {
    expect(codeOf(lead(once), before, after)).toEqual(['write_once']);
    expect(codeOf(lead(once), {}, after)).toEqual(after);
  });

  test('what needs a login is found', () => {
    expect(codeOf(lead(due), before, after)).toEqual(['step_up']);
  });
});

const stamp = (source: string): JsonObject => ({ 'x-stamp': { source, value: 'now' } });

describe('a stamp is set', () => {
  test.each<[string, JsonObject, JsonObject, JsonObject]>([
    [
      'in an object that is not there yet',
      { properties: { c: { properties: { at: stamp('/v') } } } },
      { v: 1 },
      { v: 1, c: { at: 'T' } },
    ],
    [
      'through $ref',
      { properties: { c: { $ref: '#/$defs/s' } }, $defs: { s: stamp('/v') } },
      { v: 1 },
      { v: 1, c: 'T' },
    ],
    [
      'by a condition that holds',
      {
        if: { required: ['v'] },
        ...JSON.parse('{"then":{"properties":{"c":{"x-stamp":{"source":"/v","value":"now"}}}}}'),
      },
      { v: 1 },
      { v: 1, c: 'T' },
    ],
    [
      'in each item',
      { properties: { l: { items: { properties: { at: stamp('/v') } } } } },
      { v: 1, l: [{}, {}] },
      { v: 1, l: [{ at: 'T' }, { at: 'T' }] },
    ],
    [
      'nowhere in a place of another type',
      { properties: { c: { properties: { at: stamp('/v') } } } },
      { v: 1, c: 5 },
      { v: 1, c: 5 },
    ],
  ])('%s', (_name, schema, after, expected) => {
    const stamps = { now: 'T', client_id: undefined, actor: undefined };
    expect(createSchemaRules(schema).assertChange({}, after, { stamps })).toEqual(expected);
  });

  test('and judged by the schema', () => {
    const schema = { properties: { c: { pattern: '^x$', ...stamp('/v') } } };
    const stamps = { now: 'T', client_id: undefined, actor: undefined };
    expect(() => createSchemaRules(schema).assertChange({}, { v: 1 }, { stamps })).toThrow(
      /schema of this app/,
    );
  });
});

const stampsAt = (source: string, v: JsonObject): JsonObject => ({
  type: 'object',
  properties: { v, at: stamp(source) },
  additionalProperties: false,
});

describe('a stamp is refused at the start whose source', () => {
  test.each<[string, JsonObject, RegExp]>([
    [
      'a closed schema does not name',
      stampsAt('/w', {}),
      /at\/x-stamp: the schema allows no value at .* \/w$/,
    ],
    ['is below a text', stampsAt('/v/w', { type: 'string' }), /allows no value at the source \/v\/w/],
    ['is below one of some values', stampsAt('/v/w', { enum: ['a', { b: 1 }] }), /allows no value/],
    [
      'is behind a tuple that is closed',
      stampsAt('/v/1', { type: 'array', prefixItems: [{}], items: false }),
      /allows no/,
    ],
    [
      'no branch allows',
      { properties: { at: stamp('/v') }, oneOf: [{ properties: { v: false } }, { type: 'string' }] },
      /allows no value/,
    ],
    [
      'is closed by unevaluatedProperties',
      { allOf: [{ properties: { v: {} } }], properties: { at: stamp('/w') }, unevaluatedProperties: false },
      /allows no value/,
    ],
    [
      'is closed through $ref',
      {
        properties: { at: stamp('/v/w'), v: { $ref: '#/$defs/v' } },
        $defs: { v: { additionalProperties: false } },
      },
      /allows no value/,
    ],
    ['is the stamp', stampsAt('/at', {}), /the source \/at is the stamp or lies in it/],
    ['lies in the stamp', { properties: { at: stamp('/at/v') } }, /\/at\/v is the stamp or lies in it/],
    [
      'contains the stamp',
      { properties: { v: { properties: { at: stamp('/v') } } } },
      /v\/properties\/at\/x-stamp: the source \/v contains the stamp/,
    ],
    [
      'contains the stamp in each item',
      { properties: { v: { items: { properties: { at: stamp('/v') } } } } },
      /the source \/v contains the stamp/,
    ],
    [
      'is read-only',
      stampsAt('/v', { readOnly: true }),
      /no caller can change the source \/v, because of userMetadata\.schema\/properties\/v\/readOnly/,
    ],
    [
      'stands in what is read-only',
      stampsAt('/v/w', { allOf: [{ readOnly: true }] }),
      /because of userMetadata\.schema\/properties\/v\/allOf\/0\/readOnly/,
    ],
    [
      'is a stamp',
      { properties: { a: stamp('/v'), at: stamp('/a') } },
      /no caller can change the source \/a, because of .*properties\/a\/x-stamp/,
    ],
  ])('%s', (_name, schema, message) => {
    expect(() => createSchemaRules(schema)).toThrow(message);
  });
});

describe('a stamp is taken whose source', () => {
  test.each<[string, JsonObject]>([
    ['an open schema does not name', { properties: { at: stamp('/v/w') } }],
    ['a pattern allows', { patternProperties: { '^v': {} }, ...stampsAt('/vw', {}) }],
    [
      'one of two branches allows',
      { properties: { at: stamp('/v') }, anyOf: [{ properties: { v: false } }, {}] },
    ],
    ['is in one of some values', stampsAt('/v/b', { enum: ['a', { b: 1 }] })],
    ['is an item', stampsAt('/v/1', { type: 'array', prefixItems: [{}], items: {} })],
    ['can be set once', stampsAt('/v', once)],
    ['has a part that is read-only', stampsAt('/v', { properties: { w: { readOnly: true } } })],
    [
      'is read-only in one branch',
      { properties: { at: stamp('/v') }, anyOf: [{ properties: { v: { readOnly: true } } }, {}] },
    ],
    [
      'is evaluated by a branch',
      { properties: { at: stamp('/v') }, anyOf: [{ properties: { v: {} } }], unevaluatedProperties: false },
    ],
  ])('%s', (_name, schema) => {
    expect(createSchemaRules(schema).permitsAll).toBe(false);
  });
});

const by = (value: string, rule: JsonObject): JsonObject => ({
  properties: { at: { 'x-stamp': { source: '/v', value }, ...rule } },
});

describe('a stamp is refused at the start where the schema never allows', () => {
  test.each<[string, JsonObject, string]>([
    ['a text for the time', by('now', { type: 'integer' }), 'type'],
    ['a text for the application', by('client_id', { type: ['object', 'null'] }), 'type'],
    ['a text for the actor', by('actor', { type: 'boolean' }), 'type'],
    ['a time with milliseconds', by('now', { enum: ['2026-01-01', 'now'] }), 'enum'],
    ['any but one text for the time', by('now', { const: 'now' }), 'const'],
    ['a text for the actor among its values', by('actor', { enum: [1, null] }), 'enum'],
    ['a time with a date', by('now', { type: 'string', format: 'date' }), 'format'],
    ['a text through allOf', by('now', { allOf: [{ type: 'number' }] }), 'allOf/0/type'],
    ['a text around it', { properties: { at: { type: 'number', anyOf: [stamp('/v')] } } }, 'type'],
  ])('%s', (_name, schema, keyword) => {
    expect(() => createSchemaRules(schema)).toThrow(
      new RegExp(`x-stamp: userMetadata.schema/properties/at/${keyword} never allows what`),
    );
  });

  test.each<[string, JsonObject]>([
    ['a date with time', by('now', { type: ['string', 'null'], format: 'date-time' })],
    ['one of two applications', by('client_id', { enum: ['app-a', 'app-b'] })],
    ['one actor', by('actor', { const: 'auth0|support' })],
    ['a text in one branch', by('now', { anyOf: [{ type: 'number' }, { type: 'string' }] })],
  ])('and is taken where it allows %s', (_name, schema) => {
    expect(createSchemaRules(schema).permitsAll).toBe(false);
  });
});

describe('a schema is refused at the start', () => {
  test.each<[string, JsonObject, RegExp]>([
    ['x-write-once of another type', { 'x-write-once': 1 }, /a\/x-write-once: must be true or false/],
    ['x-stamp without a pointer', { 'x-stamp': { source: 'v', value: 'now' } }, /a\/x-stamp: source must be/],
    [
      'x-stamp of an unknown value',
      { 'x-stamp': { source: '/v', value: 'ip' } },
      /a\/x-stamp: value must be/,
    ],
    ['x-step-up that asks for nothing', { 'x-step-up': {} }, /a\/x-step-up: needs max_age/],
    ['x-step-up with spaces', { 'x-step-up': { acr_values: ['a b'] } }, /a\/x-step-up: acr_values/],
    ['x-write-once below not', { not: { 'x-write-once': true } }, /not\/x-write-once: cannot be enforced/],
  ])('%s', (_name, rule, message) => {
    expect(() => createSchemaRules({ properties: { a: rule } })).toThrow(message);
  });
});
