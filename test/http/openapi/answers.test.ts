/** Every kind of answer, asked for live and held against the document by `ask`. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { openScene } from '../../support/scene.ts';
import { APPLICATION } from '../../support/tokens.ts';
import { CASES, JSON_TYPE, titled } from './cases.ts';
import { asNode, openContract } from './contract.ts';

const SCHEMA = {
  type: 'object',
  properties: { theme: { enum: ['dark', 'light'] }, since: { type: 'string', readOnly: true } },
};
const POLICY = {
  userMetadata: { schema: SCHEMA },
  appMetadata: { readable: ['plan'] },
  clientMetadata: { readable: ['support_email'] },
};
const SCOPES =
  'read:metadata update:metadata read:app_metadata read:client_metadata read:current_user update:current_user_metadata';

const { service, person, tenant } = await openScene({
  // A 429 must not be waited out.
  env: { AUTH0_COMPAT: 'true', UPSTREAM_WAIT_MS: '0' },
  policy: POLICY,
});
/** Waits briefly for a tenant that does not answer. */
const impatient = await openScene({
  env: { AUTH0_COMPAT: 'true', UPSTREAM_TIMEOUT_MS: '600' },
  policy: POLICY,
});
const careful = await openScene({ env: { REQUIRE_IF_MATCH: 'true' }, policy: POLICY });
const contract = await openContract(service);
const carefulContract = await openContract(careful.service);
const impatientContract = await openContract(impatient.service);

/** A user with every scope, and their headers. */
async function caller(claims: Readonly<Record<string, unknown>> = {}) {
  const jane = await person({ theme: 'dark', since: '2020' }, { scope: SCOPES, ...claims });
  return { user: jane.user, headers: { authorization: `Bearer ${jane.token}` } };
}

const PUBLIC = [
  '/schemas/user-metadata',
  '/.well-known/oauth-protected-resource',
  '/openapi.json',
  '/docs',
] as const;

const withId = (text: string, id: string): string => text.replace('{id}', encodeURIComponent(id));

test.each(titled(CASES))('%s', async (_title, [status, method, template, ask = {}]) => {
  const { user, headers } = await caller();
  tenant.answerWith('unknown', {
    status: 200,
    body: { client_id: APPLICATION, client_metadata: { support_email: 'a@example.com' } },
  });
  const path = withId(ask.path ?? template, user.id);
  const response = await contract.ask(method, template, {
    ...ask,
    path,
    headers: { ...headers, ...ask.headers },
  });
  expect(response.status).toBe(status);
});

describe.each([
  '/me/metadata',
  '/me',
  '/me/events',
  '/me/policy',
  '/me/app-metadata',
  '/client/metadata',
  '/api/v2/users/{id}',
])('GET %s', (template) => {
  test.each([
    [401, 'without a token', {}],
    [401, 'with a token that is none', { authorization: 'Bearer a.b.c' }],
    [401, 'with the scheme DPoP and no proof', { authorization: 'DPoP a.b.c' }],
  ])('is %i %s', async (status, _name, headers) => {
    expect((await contract.ask('GET', template, { headers })).status).toBe(status);
  });

  test.each([
    [403, 'without the scope', { scope: 'openid' }],
    [403, 'for a machine', { gty: 'client-credentials' }],
  ])('is %i %s', async (status, _name, claims) => {
    const { headers } = await caller(claims);
    expect((await contract.ask('GET', template, { headers })).status).toBe(status);
  });
});

describe.each(['/me/metadata', '/api/v2/users/{id}'])('GET %s', (template) => {
  // Whatever the service remembers of a tenant in trouble is over by then.
  afterEach(() => service.clock.advance(60));

  test.each([
    [404, { status: 404, body: {} }],
    [502, { status: 403, body: {} }],
    [502, { status: 200, body: 'no JSON' }],
    [503, { status: 429, body: {} }],
    [503, { status: 500, body: {} }],
  ])('is %i when the tenant answers %j', async (status, answer) => {
    const { user, headers } = await caller();
    tenant.answerWith('read', answer);
    const path = withId(template, user.id);
    expect((await contract.ask('GET', template, { path, headers })).status).toBe(status);
  });
});

test.each([
  ['/me/metadata', 'update:metadata'],
  ['/api/v2/users/{id}', 'update:current_user_metadata'],
])('PATCH %s with the scope %s alone is 204', async (template, scope) => {
  const { user, headers } = await caller({ scope });
  const response = await contract.ask('PATCH', template, {
    path: withId(template, user.id),
    headers: { ...headers, ...JSON_TYPE },
    body: '{"user_metadata":{"a":1}}',
  });
  expect([response.status, response.headers.get('etag')]).toEqual([204, null]);
});

test.each(['/me/metadata', '/api/v2/users/{id}'])(
  'PATCH %s is 504 with an unknown outcome when the tenant does not answer in time',
  async (template) => {
    const { user, headers } = await caller();
    const gate = tenant.hold('change');
    const response = await impatientContract.ask('PATCH', template, {
      path: withId(template, user.id),
      headers: { ...headers, ...JSON_TYPE },
      body: '{"user_metadata":{"a":1}}',
    });
    gate.open();
    expect(response.status).toBe(504);
  },
);

test('a stream of events is 200 for as long as its token lasts', async () => {
  const { headers } = await caller({ exp: Math.floor(Date.now() / 1000) + 1 });
  expect((await contract.ask('GET', '/me/events', { headers })).status).toBe(200);
});

test('a write without a precondition is 428 where one is required', async () => {
  const { headers } = await caller();
  const response = await carefulContract.ask('DELETE', '/me/metadata', { headers });
  expect(response.status).toBe(428);
});

describe.each(PUBLIC)('%s', (path) => {
  test.each([
    [200, 'GET', {}],
    [200, 'HEAD', {}],
    [304, 'GET', { 'if-none-match': '*' }],
  ])('is %i for %s with %j', async (status, method, headers) => {
    expect((await contract.ask(method, path, { headers })).status).toBe(status);
  });
});

test.each([
  [200, 'swagger-ui.css', {}],
  [200, 'start.js', {}],
  [304, 'start.js', { 'if-none-match': '*' }],
  [404, 'other.js', {}],
])('%i for the file %s of the page with %j', async (status, file, headers) => {
  const response = await contract.ask('GET', '/docs/{file}', { path: `/docs/${file}`, headers });
  expect(response.status).toBe(status);
});

test('every success that the document describes was seen', () => {
  const described = Object.entries(contract.paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, operation]) =>
      Object.keys(asNode(asNode(operation)['responses']))
        .filter((status) => status < '400')
        .map((status) => `${method.toUpperCase()} ${path} ${status}`),
    ),
  );
  expect(described.filter((answer) => !contract.seen.has(answer))).toEqual([]);
});
