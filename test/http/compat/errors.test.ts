/** Whatever goes wrong below `/api/v2` is told in Auth0's shape: tokens, scopes, addresses, methods, the tenant. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { UPSTREAM_TEXT } from '../../support/sentinels.ts';
import { type CompatUser, openCompat, refusalOf } from './compat.ts';

const { user, tenant, service, managementCalls } = await openCompat();
const BODY = { json: { user_metadata: { a: { b: 2 } } } };
const METHODS = ['GET', 'PATCH'] as const;

const send = (who: CompatUser, method: string, headers: Readonly<Record<string, string>> = {}) =>
  who.ask(method, '', { ...(method === 'PATCH' ? BODY : {}), headers });

describe.each(METHODS)('%s', (method) => {
  test.each([
    ['no token', { authorization: '' }, 401, 'Missing authentication'],
    ['another scheme', { authorization: 'Basic abc' }, 401, 'Missing authentication'],
    ['a token that is none', { authorization: 'Bearer abc' }, 401, 'Invalid token'],
  ])('with %s is refused', async (_name, headers, status, message) => {
    const jane = await user({ a: 1 });
    const response = await send(jane, method, headers);
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer realm="metadata-bff"/);
    const [seen, , text] = await refusalOf(response);
    expect([seen, text]).toEqual([status, message]);
    expect(managementCalls()).toBe(0);
  });

  test.each([
    ['an expired token', { exp: 1 }, 401, 'invalid_token'],
    ['another audience', { aud: 'https://other.example.com' }, 401, 'invalid_token'],
    ['a machine', { sub: 'abc@clients', gty: 'client-credentials' }, 403, 'caller_not_a_user'],
  ])('with %s is refused', async (_name, claims, status, errorCode) => {
    const jane = await user({ a: 1 }, claims);
    expect((await refusalOf(await send(jane, method))).slice(0, 2)).toEqual([status, errorCode]);
    expect(managementCalls()).toBe(0);
  });

  test.each([
    [404, { status: 404, body: {} }, 'inexistent_user'],
    [502, { status: 403, body: { message: UPSTREAM_TEXT } }, 'upstream_refused'],
    method === 'GET'
      ? ([502, { status: 400, body: { message: UPSTREAM_TEXT } }, 'upstream_refused'] as const)
      : ([400, { status: 400, body: { message: UPSTREAM_TEXT } }, 'invalid_body'] as const),
    [502, { status: 200, body: 'no JSON' }, 'upstream_malformed'],
    [503, { status: 429, body: { message: UPSTREAM_TEXT } }, 'upstream_rate_limited'],
    [503, { status: 500, body: UPSTREAM_TEXT }, 'upstream_unavailable'],
  ])('is %i when the tenant answers %j', async (status, answer, errorCode) => {
    const jane = await user({ a: 1 });
    tenant.answerWith(method === 'GET' ? 'read' : 'change', answer);
    expect((await refusalOf(await send(jane, method))).slice(0, 2)).toEqual([status, errorCode]);
  });
});

// Whatever the service remembers of a tenant in trouble is over by then.
afterEach(() => service.clock.advance(61));

test('a user who does not exist is told in the words of Auth0', async () => {
  const jane = await user({ a: 1 });
  tenant.remove(jane.user);
  expect(await refusalOf(await send(jane, 'GET'))).toEqual([
    404,
    'inexistent_user',
    'The user does not exist.',
  ]);
});

describe('scopes', () => {
  test.each([
    ['GET', 'read:current_user'],
    ['PATCH', 'update:current_user_metadata'],
    ['PATCH', 'create:current_user_metadata'],
  ])('%s needs %s, and no other', async (method, scope) => {
    const jane = await user({ a: 1 }, { scope });
    expect((await send(jane, method)).ok).toBe(true);
  });

  test.each([
    ['GET', 'read:metadata update:current_user_metadata read:users', 'read:current_user'],
    [
      'PATCH',
      'update:metadata read:current_user update:users',
      'update:current_user_metadata,create:current_user_metadata',
    ],
  ])('%s with %s is refused, naming those that would do', async (method, scope, wanted) => {
    const jane = await user({ a: 1 }, { scope });
    const response = await send(jane, method);
    const challenge = response.headers.get('www-authenticate');
    expect(challenge).toContain(`error="insufficient_scope"`);
    expect(challenge).toContain(`scope="${wanted.replace(',', ' ')}"`);
    expect(await refusalOf(response)).toEqual([
      403,
      'insufficient_scope',
      `Insufficient scope, expected any of: ${wanted}`,
    ]);
    expect(managementCalls()).toBe(0);
  });
});

describe('addresses', () => {
  test.each([
    ['GET', ''],
    ['GET', '/users'],
    ['GET', '/users/'],
    ['GET', '/clients'],
    ['POST', '/users'],
    ['POST', '/users/auth0%7Cabc/identities'],
    ['GET', '/users/auth0%7Cabc/enrollments'],
    ['DELETE', '/users/auth0%7Cabc/multifactor/guardian'],
  ])('%s /api/v2%s is not there', async (method, path) => {
    const jane = await user({ a: 1 });
    const headers = { authorization: `Bearer ${jane.token}` };
    const response = await fetch(`${service.url}/api/v2${path}`, { method, headers });
    expect((await refusalOf(response)).slice(0, 2)).toEqual([404, 'route_not_found']);
  });

  test.each(['PUT', 'POST', 'DELETE'])('%s of a user is not allowed', async (method) => {
    const jane = await user({ a: 1 });
    const response = await jane.ask(method, '', method === 'DELETE' ? {} : BODY);
    expect(response.headers.get('allow')).toBe('GET, HEAD, PATCH, OPTIONS');
    expect((await refusalOf(response)).slice(0, 2)).toEqual([405, 'method_not_allowed']);
    expect(jane.user.patches).toEqual([]);
  });

  test('OPTIONS lists the methods', async () => {
    const response = await fetch(`${service.url}/api/v2/users/a`, { method: 'OPTIONS' });
    expect([response.status, response.headers.get('allow')]).toEqual([204, 'GET, HEAD, PATCH, OPTIONS']);
  });

  test('an id that cannot be decoded is taken as it is written, and so is another user', async () => {
    const jane = await user({ a: 1 });
    expect((await refusalOf(await jane.ask('GET', '', {}, '%'))).slice(0, 2)).toEqual([403, 'user_mismatch']);
  });
});

test.each(['?include_fields=yes', '?fields=a&fields=b'])('the query %s is refused', async (query) => {
  const jane = await user({ a: 1 });
  expect((await refusalOf(await jane.ask('GET', query))).slice(0, 2)).toEqual([400, 'invalid_query_string']);
});

test('a PATCH of unknown outcome forgets what was held', async () => {
  const jane = await user({ a: 1 });
  await jane.ask('GET');
  tenant.answerWith('change', { status: 500 }, 1);
  expect((await refusalOf(await send(jane, 'PATCH')))[0]).toBe(503);
  jane.user.stored = { a: 'applied all the same' };
  service.clock.advance(61);
  expect(await (await jane.ask('GET', '?fields=user_metadata')).json()).toEqual({
    user_metadata: jane.user.stored,
  });
});
