/** `/me/policy`: which places of their metadata callers may change, and why not the others. */
import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../../src/lib/json.ts';
import { FREE_POLICY } from '../../metadata/rules.ts';
import { createAccess } from '../../../src/metadata/policy.ts';
import { createPolicyDocument } from '../../../src/metadata/policy-document.ts';
import { createSchemaRules } from '../../../src/metadata/schema-rules.ts';
import { GENERAL } from '../../metadata/rules.ts';
import { expectProblem } from '../../support/problem.ts';
import { openScene } from '../../support/scene.ts';

const SCHEMA = {
  type: 'object',
  properties: {
    theme: { enum: ['dark', 'light'] },
    newsletter: { type: 'boolean' },
    member_since: { type: 'string', readOnly: true },
    notifications: {
      type: 'object',
      properties: { email: { type: 'boolean' }, since: { type: 'string', readOnly: true } },
    },
    interests: { type: 'array', items: { type: 'string' } },
  },
};
const scene = await openScene({
  policy: {
    userMetadata: { schema: SCHEMA },
    appMetadata: { readable: ['plan', 'a/b'] },
    scopedKeys: { 'update:newsletter': { readable: ['newsletter'], writable: ['newsletter'] } },
    clients: { kiosk: { readable: ['theme', 'newsletter', 'extra'], writable: ['theme'] } },
    delegation: { access: 'read' },
    claims: {
      'https://app.example.com/theme': '/user_metadata/theme',
      'https://app.example.com/plan': '/app_metadata/plan',
    },
  },
});
const { person, service } = scene;

const OPEN = { access: 'read_write' };
const fixed = (reason: string) => ({ access: 'read_only', reason });
const THEME = { claim: 'https://app.example.com/theme' };

async function read(claims: Readonly<Record<string, unknown>> = {}, document = {}): Promise<JsonObject> {
  const jane = await person(document, claims);
  const response = await jane.ask('GET', '/../policy');
  expect(response.status).toBe(200);
  const body: JsonObject = JSON.parse(await response.text());
  return body;
}

describe('a caller with the general scopes', () => {
  test('may change what the schema does not fix, at every place that it names, and add other keys', async () => {
    expect(await read({}, { theme: 'dark', interests: ['a', 'b'], other: 1 })).toEqual({
      user_metadata: {
        '': OPEN,
        '/theme': { ...OPEN, ...THEME },
        '/newsletter': OPEN,
        '/member_since': fixed('schema'),
        '/notifications': OPEN,
        '/notifications/email': OPEN,
        '/notifications/since': fixed('schema'),
        '/interests': OPEN,
      },
    });
  });

  test('sees what it may read of app_metadata with its scope', async () => {
    const scope = 'read:metadata update:metadata read:app_metadata';
    expect(await read({ scope })).toMatchObject({
      app_metadata: {
        '/plan': { ...fixed('app_metadata'), claim: 'https://app.example.com/plan' },
        '/a~1b': fixed('app_metadata'),
      },
    });
  });
});

describe('a place is read-only', () => {
  test('for want of a scope', async () => {
    const { user_metadata: places } = await read({ scope: 'read:metadata update:newsletter' });
    expect(places).toMatchObject({
      '': fixed('scope'),
      '/theme': { ...fixed('scope'), ...THEME },
      '/newsletter': OPEN,
      '/member_since': fixed('schema'),
      '/notifications/email': fixed('scope'),
    });
  });

  test('because of the application, which does not see other keys, and learns of those that it may read', async () => {
    expect(await read({ azp: 'kiosk' })).toEqual({
      user_metadata: {
        '': fixed('application'),
        '/theme': { ...OPEN, ...THEME },
        '/newsletter': fixed('application'),
        '/extra': fixed('application'),
      },
    });
  });

  test('for an actor', async () => {
    const { user_metadata: places } = await read({ act: { sub: 'auth0|desk' } });
    expect(places).toMatchObject({
      '': fixed('delegation'),
      '/theme': fixed('delegation'),
      '/member_since': fixed('schema'),
    });
  });

  test('and with a scope that opens one key, only that key is there', async () => {
    expect(await read({ scope: 'update:newsletter' })).toEqual({
      user_metadata: { '': fixed('scope'), '/newsletter': OPEN },
    });
  });
});

describe('the answer', () => {
  test('has a tag and the headers of /me, and is 304 for who holds it', async () => {
    const jane = await person({ theme: 'dark' });
    const first = await jane.ask('GET', '/../policy');
    expect(first.headers.get('cache-control')).toBe('private, no-cache');
    expect(first.headers.get('vary')).toContain('Authorization');
    expect(first.headers.get('cache-status')).toMatch(/^metadata-bff; /);
    expect(first.headers.get('ratelimit')).toMatch(/^"reads"/);
    const etag = first.headers.get('etag') ?? '';
    const again = await jane.ask('GET', '/../policy', { headers: { 'if-none-match': etag } });
    expect([again.status, again.headers.get('etag')]).toEqual([304, etag]);
    const head = await jane.ask('HEAD', '/../policy');
    expect([head.status, head.headers.get('etag')]).toEqual([200, etag]);
  });

  test('has another tag for another scope, application or actor', async () => {
    const claims = [{}, { azp: 'kiosk' }, { scope: 'read:metadata' }, { act: { sub: 'auth0|desk' } }];
    const tags = await Promise.all(
      claims.map(async (each) => {
        const jane = await person({ theme: 'dark' }, each);
        return (await jane.ask('GET', '/../policy')).headers.get('etag');
      }),
    );
    expect(new Set(tags).size).toBe(claims.length);
  });

  test.each(['PUT', 'PATCH', 'DELETE', 'POST'])('to %s is 405', async (method) => {
    const jane = await person({});
    const response = await jane.ask(method, '/../policy', method === 'DELETE' ? {} : { json: {} });
    expect(response.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
    await expectProblem(response, 405, 'method_not_allowed');
  });

  test('to OPTIONS lists the methods', async () => {
    const response = await fetch(`${service.url}/me/policy`, { method: 'OPTIONS' });
    expect([response.status, response.headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS']);
  });

  test('to a token without the scope to read is 403', async () => {
    const jane = await person({}, { scope: 'update:metadata' });
    await expectProblem(await jane.ask('GET', '/../policy'), 403, 'scope_missing');
    expect(jane.user.reads).toBe(0);
  });
});

/** What a caller with the general scopes is told under this schema. */
function describeBy(schema: JsonObject | undefined, document: JsonObject): unknown {
  const access = createAccess(FREE_POLICY)({ userId: 'auth0|jane', clientId: undefined, ...GENERAL });
  const rules = { schema: createSchemaRules(schema), appMetadataReadable: new Set<string>(), claims: {} };
  return createPolicyDocument(rules)(access, document, { withAppMetadata: false })['user_metadata'];
}

const fixedX: JsonObject = { properties: { x: { readOnly: true } } };
const kindIs = (kind: string): JsonObject => ({ properties: { kind: { const: kind } }, required: ['kind'] });
const node: JsonObject = {
  $defs: { node: { properties: { id: { readOnly: true }, child: { $ref: '#/$defs/node' } } } },
  $ref: '#/$defs/node',
};
/** As text, because an object with a member `then` is taken for a promise. */
const conditional: JsonObject = JSON.parse(
  JSON.stringify({ if: kindIs('a'), yes: fixedX }).replace('"yes":', '"then":'),
);

describe('by the schema', () => {
  test.each<[string, JsonObject | undefined, JsonObject, JsonObject]>([
    ['that is not there, keys may be added', undefined, { a: 1 }, { '': OPEN }],
    ['that is closed, none may', { additionalProperties: false }, { a: 1 }, { '': fixed('schema') }],
    ['that is closed in a part', { allOf: [{ additionalProperties: false }] }, {}, { '': fixed('schema') }],
    ['that is closed after all', { unevaluatedProperties: false }, {}, { '': fixed('schema') }],
    [
      'that fixes keys of any name',
      { additionalProperties: { readOnly: true } },
      {},
      { '': fixed('schema') },
    ],
    [
      'that fixes the document, so is what stands in it',
      { readOnly: true, properties: { a: {} } },
      {},
      { '': fixed('schema'), '/a': fixed('schema') },
    ],
    [
      'that fixes a place, so is what stands in it',
      { properties: { a: { readOnly: true, properties: { b: {} } } } },
      {},
      { '': OPEN, '/a': fixed('schema'), '/a/b': fixed('schema') },
    ],
    ['that allows nothing', { properties: { a: false } }, {}, { '': OPEN, '/a': fixed('schema') }],
    [
      'of a pattern, a member that is there is listed if it is fixed',
      { patternProperties: { '^ro_': { readOnly: true }, '^rw_': {} } },
      { ro_a: 1, rw_a: 1 },
      { '': OPEN, '/ro_a': fixed('schema') },
    ],
    [
      'of items, a part that is there is listed if it is fixed',
      { properties: { l: { items: fixedX } } },
      { l: [{ x: 1, y: 1 }, { y: 1 }] },
      { '': OPEN, '/l': OPEN, '/l/0/x': fixed('schema'), '/l/1/x': fixed('schema') },
    ],
    [
      'that refers to itself, down to one level below what is there',
      node,
      { child: { id: 1 } },
      {
        '': OPEN,
        '/id': fixed('schema'),
        '/child': OPEN,
        '/child/id': fixed('schema'),
        '/child/child': OPEN,
        '/child/child/id': fixed('schema'),
        '/child/child/child': OPEN,
      },
    ],
    [
      'of a branch that holds',
      { oneOf: [{ ...kindIs('a'), allOf: [fixedX] }, kindIs('b')] },
      { kind: 'a' },
      { '': OPEN, '/kind': OPEN, '/x': fixed('schema') },
    ],
    [
      'of a branch that does not hold, which names a place all the same',
      { oneOf: [{ ...kindIs('a'), allOf: [fixedX] }, kindIs('b')] },
      { kind: 'b' },
      { '': OPEN, '/kind': OPEN, '/x': OPEN },
    ],
    [
      'of a condition that holds',
      conditional,
      { kind: 'a' },
      { '': OPEN, '/kind': OPEN, '/x': fixed('schema') },
    ],
    ['of one that does not', conditional, { kind: 'b' }, { '': OPEN, '/kind': OPEN, '/x': OPEN }],
    [
      'with names that a pointer escapes',
      { properties: { 'a/b': { properties: { 'c~d': {} } } } },
      {},
      { '': OPEN, '/a~1b': OPEN, '/a~1b/c~0d': OPEN },
    ],
  ])('%s', (_name, schema, document, expected) => {
    expect(describeBy(schema, document)).toEqual(expected);
  });

  test('that branches without end, the answer is bounded', () => {
    const $defs = Object.fromEntries(
      Array.from({ length: 40 }, (_, index) => [
        `n${index}`,
        { properties: { l: { $ref: `#/$defs/n${index + 1}` }, r: { $ref: `#/$defs/n${index + 1}` } } },
      ]),
    );
    const described = describeBy({ $ref: '#/$defs/n0', $defs: { ...$defs, n40: {} } }, {});
    expect(Object.keys(Object(described))).toHaveLength(1_000);
  });
});
