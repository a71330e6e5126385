/** Good tokens of the wrong caller: machines, anonymous sessions, other applications, missing scopes. */
import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../support/problem.ts';
import { openScene, type Scene } from '../support/scene.ts';
import { mintToken } from '../support/tokens.ts';

const open = await openScene();
const closed = await openScene({ env: { ALLOWED_CLIENTS: 'the-app, other-app' } });
const withPermissions = await openScene({ env: { AUTH_PERMISSIONS_CLAIM: 'true' } });

async function ask(
  scene: Scene,
  claims: Readonly<Record<string, unknown>>,
  method = 'GET',
): Promise<Response> {
  scene.tenant.user('auth0|user-1', { a: 1 });
  const authorization = `Bearer ${await mintToken({ claims })}`;
  const headers = { authorization, 'content-type': 'application/json', 'cache-control': 'no-cache' };
  const body = method === 'PATCH' ? { body: '{"a":2}' } : {};
  return fetch(`${scene.service.url}/me/metadata`, { method, headers, ...body });
}

describe('a subject', () => {
  const MACHINES: ReadonlyArray<readonly [string, Readonly<Record<string, unknown>>]> = [
    ['none', { sub: undefined }],
    ['empty', { sub: '' }],
    ['a client', { sub: 'the-machine-client@clients' }],
    ['an anonymous session', { sub: 'anon@8f3c' }],
    ['an agent', { sub: 'agt_8f3c' }],
    ['a user, by a grant for machines', { gty: 'client-credentials' }],
    ['beyond all length', { sub: `auth0|${'x'.repeat(600)}` }],
    ['a lone surrogate', { sub: 'auth0|\ud800' }],
    ['a step up in an address', { sub: '..' }],
    ['a step nowhere in an address', { sub: '.' }],
  ];

  test.each(MACHINES)('that is %s is no user', async (_name, claims) => {
    const read = await ask(open, claims);
    expect(read.headers.get('www-authenticate')).toBeNull();
    await expectProblem(read, 403, 'caller_not_a_user');
    await expectProblem(await ask(open, claims, 'PATCH'), 403, 'caller_not_a_user');
    expect(open.managementCalls()).toBe(0);
  });

  test.each([[null], [7], [['auth0|user-1']], [{ id: 'auth0|user-1' }], [true]])(
    'that is %j makes no valid token',
    async (sub) => {
      await expectProblem(await ask(open, { sub }), 401, 'token_invalid');
      expect(open.managementCalls()).toBe(0);
    },
  );

  test.each([
    'auth0|5f7c8ec7c33c6c004bbafe82',
    'google-oauth2|1234',
    'samlp|corp|jane@clients.example',
    'waad|a/b\\c?d#e%2F',
    'email|anon@example.com',
    'oidc|conn|../../tenants/settings',
    'sms|+49 151',
    'auth0|ünï✓',
  ])('%s is asked for exactly, and for no other user', async (sub) => {
    open.tenant.user(sub, { mine: true });
    const response = await ask(open, { sub });
    expect(await response.json()).toEqual({ mine: true });
    const [call] = open.tenant.calls;
    const [path = ''] = (call?.target ?? '').split('?');
    expect(path).toBe(`/api/v2/users/${encodeURIComponent(sub)}`);
  });
});

describe('with ALLOWED_CLIENTS', () => {
  test.each([
    ['azp', { azp: 'the-app' }],
    ['client_id', { azp: undefined, client_id: 'other-app' }],
    ['both', { azp: 'the-app', client_id: 'the-app' }],
  ])('a listed client is let in by %s', async (_name, claims) => {
    expect((await ask(closed, claims)).status).toBe(200);
  });

  test.each([
    ['not listed', { azp: 'evil-app' }],
    ['a part of one', { azp: 'the-ap' }],
    ['more than one', { azp: 'the-app, other-app' }],
    ['in other case', { azp: 'The-App' }],
    ['unnamed', { azp: undefined }],
    ['empty', { azp: '' }],
    ['in a list', { azp: ['the-app'] }],
    ['listed as client_id, but another as azp', { azp: 'evil-app', client_id: 'the-app' }],
  ])('a client that is %s is not', async (_name, claims) => {
    await expectProblem(await ask(closed, claims), 403, 'client_not_allowed');
    expect(closed.managementCalls()).toBe(0);
  });
});

describe('a scope', () => {
  test.each([
    ['GET', 'read:metadata'],
    ['PATCH', 'openid update:metadata profile'],
    ['DELETE', '  update:metadata '],
  ])('lets %s pass with %j', async (method, scope) => {
    expect((await ask(open, { scope }, method)).ok).toBe(true);
  });

  test.each([
    ['missing', undefined],
    ['empty', ''],
    ['the other one', 'update:metadata'],
    ['a prefix', 'read:meta'],
    ['a longer word', 'read:metadata:all xread:metadata'],
    ['a part of a list with commas', 'read:metadata,openid'],
    ['in other case', 'READ:METADATA'],
    ['one for everything', 'read:* * admin'],
    ['for something else', 'read:app_metadata read:client_metadata read:users'],
    ['a list', ['read:metadata']],
    ['an object', { 'read:metadata': true }],
    ['between other white space', 'openid\tread:metadata'],
  ])('that is %s does not let a read pass', async (_name, scope) => {
    const response = await ask(open, { scope });
    expect(response.headers.get('www-authenticate')).toContain('scope="read:metadata"');
    await expectProblem(response, 403, 'scope_missing');
    expect(open.managementCalls()).toBe(0);
  });

  test.each(['PUT', 'PATCH', 'DELETE'])('to read does not let %s pass', async (method) => {
    await expectProblem(await ask(open, { scope: 'read:metadata' }, method), 403, 'scope_missing');
    expect(open.managementCalls()).toBe(0);
  });
});

describe('permissions', () => {
  const claims = { scope: 'openid', permissions: ['read:metadata'] };

  test('count as scopes where AUTH_PERMISSIONS_CLAIM is set', async () => {
    expect((await ask(withPermissions, claims)).status).toBe(200);
    expect((await ask(withPermissions, { permissions: ['other'] })).status).toBe(200);
  });

  test('do not count where it is not', async () => {
    await expectProblem(await ask(open, claims), 403, 'scope_missing');
    expect(open.managementCalls()).toBe(0);
  });

  test.each([
    ['text', 'read:metadata'],
    ['an object', { 0: 'read:metadata' }],
    ['lists', [['read:metadata']]],
    ['others', ['read:metadata:all', 'update:metadata', 7, null]],
  ])('that are %s do not count', async (_name, permissions) => {
    await expectProblem(await ask(withPermissions, { scope: '', permissions }), 403, 'scope_missing');
    expect(withPermissions.managementCalls()).toBe(0);
  });
});
