import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { decodeProtectedHeader, type JWK } from 'jose';
import { startTenant, type Tenant } from '../../packages/local-tenant/src/tenant.ts';
import { fetchMachineToken, postJson, putJson, requestJson, sendJson } from './tenant-client.ts';

let tenant: Tenant;
let machineToken: string;

beforeAll(async () => {
  tenant = await startTenant();
  machineToken = await fetchMachineToken(tenant.url, {
    client_id: 'local-bff',
    client_secret: 'local-secret',
    audience: tenant.managementAudience,
  });
});
beforeEach(() => postJson(`${tenant.url}/_local/reset`, {}));
afterAll(() => tenant.stop());

async function mint(order: Record<string, unknown>): Promise<string> {
  const { body } = await postJson(`${tenant.url}/_local/token`, {
    sub: 'auth0|jane',
    scope: 'a b',
    ...order,
  });
  return String(body['access_token']);
}

async function publishedKeys(): Promise<JWK[]> {
  return JSON.parse(await (await fetch(`${tenant.url}/.well-known/jwks.json`)).text()).keys;
}

function readUser(id = 'auth0%7Cjane') {
  return requestJson(`${tenant.url}/api/v2/users/${id}`, {
    headers: { authorization: `Bearer ${machineToken}` },
  });
}

describe('/_local/users', () => {
  test.each([['text'], [['a', 'list']], [7], [false]])(
    'stores metadata that is no object (%j), onto which a PATCH merges as onto nothing',
    async (value) => {
      const address = `${tenant.url}/_local/users/auth0%7Cjane`;
      await putJson(address, { user_metadata: value, app_metadata: value });
      expect((await readUser()).body).toMatchObject({ user_metadata: value, app_metadata: value });
      const headers = { authorization: `Bearer ${machineToken}`, 'content-type': 'application/json' };
      const patched = await requestJson(`${tenant.url}/api/v2/users/auth0%7Cjane`, {
        method: 'PATCH',
        headers,
        body: '{"user_metadata":{"a":1}}',
      });
      expect(patched.body).toMatchObject({ user_metadata: { a: 1 }, app_metadata: value });
    },
  );

  test('shows, edits root fields whole, removes with null, creates and deletes', async () => {
    const address = `${tenant.url}/_local/users/auth0%7Cjane`;
    const before = await requestJson(address);
    expect(before.body).toMatchObject({ user_id: 'auth0|jane', app_metadata: { plan: 'pro' } });
    expect(JSON.stringify(before.body)).not.toContain('password');

    await putJson(address, { user_metadata: { only: 'this' }, app_metadata: null });
    const after = (await readUser()).body;
    expect(after['user_metadata']).toEqual({ only: 'this' });
    expect(after).not.toHaveProperty('app_metadata');
    expect(after['email']).toBe('jane@example.com');
    expect(String(after['updated_at']) > String(before.body['updated_at'])).toBe(true);

    expect((await fetch(address, { method: 'DELETE' })).status).toBe(204);
    expect((await readUser()).status).toBe(404);
    expect((await requestJson(address)).body).toEqual({
      error: 'not_found',
      message: 'There is no such user',
    });
  });

  test('takes ids raw, encoded, with slashes and with percent signs of their own', async () => {
    const id = 'oauth2|siwe|a/b%3Ac d';
    const encoded = encodeURIComponent(id);
    const created = await putJson(`${tenant.url}/_local/users/${encoded}`, { user_metadata: { a: 1 } });
    expect(created.body).toMatchObject({ user_id: id });
    expect((await readUser(encoded)).body).toMatchObject({ user_id: id, user_metadata: { a: 1 } });
    expect((await requestJson(`${tenant.url}/_local/users/auth0|omar`)).status).toBe(200);
  });

  test('keeps keys that other tools lose', async () => {
    const body = '{"user_metadata":{"__proto__":{"a":1},"constructor":2}}';
    await sendJson('PUT', `${tenant.url}/_local/users/auth0%7Cjane`, body);
    const text = await (await fetch(`${tenant.url}/_local/users/auth0%7Cjane`)).text();
    expect(text).toContain('"user_metadata":{"__proto__":{"a":1},"constructor":2}');
  });

  test.each([
    ['auth0%7Cjane', { user_id: 'auth0|other' }, /user_id/],
    ['no-provider', {}, /^id: /],
  ])('refuses to put %s %j', async (id, body, message) => {
    const answer = await putJson(`${tenant.url}/_local/users/${id}`, body);
    expect([answer.status, answer.body]).toEqual([
      400,
      { error: 'invalid_request', message: expect.stringMatching(message) },
    ]);
  });
});

describe('/_local/calls', () => {
  test('lists Management API and token calls as received, and nothing else', async () => {
    await readUser('auth0|jane?fields=email');
    await sendJson('PATCH', `${tenant.url}/api/v2/users/auth0%7Cjane`, {}, machineToken);
    await postJson(`${tenant.url}/oauth/token`, {});
    await requestJson(`${tenant.url}/.well-known/jwks.json`);
    const calls = await requestJson(`${tenant.url}/_local/calls`);
    expect(calls.body).toEqual([
      { method: 'GET', path: '/api/v2/users/auth0|jane?fields=email', status: 200, at: expect.any(String) },
      { method: 'PATCH', path: '/api/v2/users/auth0%7Cjane', status: 400, at: expect.any(String) },
      { method: 'POST', path: '/oauth/token', status: 400, at: expect.any(String) },
    ]);
    expect((await fetch(`${tenant.url}/_local/calls`, { method: 'DELETE' })).status).toBe(204);
    expect((await requestJson(`${tenant.url}/_local/calls`)).body).toEqual([]);
  });
});

describe('POST /_local/keys/rotate', () => {
  test('makes a new key current and keeps or retires the one before', async () => {
    const [before] = await publishedKeys();
    const kept = (await postJson(`${tenant.url}/_local/keys/rotate`, {})).body['kid'];
    expect((await publishedKeys()).map(({ kid }) => kid)).toEqual(
      expect.arrayContaining([kept, before?.kid]),
    );
    expect(decodeProtectedHeader(await mint({})).kid).toBe(kept);
    expect((await readUser()).status).toBe(200);

    const alone = (await postJson(`${tenant.url}/_local/keys/rotate`, { retire: true })).body['kid'];
    expect((await publishedKeys()).map(({ kid }) => kid)).toEqual([alone]);
    expect((await readUser()).status).toBe(401);

    machineToken = await fetchMachineToken(tenant.url, {
      client_id: 'local-bff',
      client_secret: 'local-secret',
      audience: tenant.managementAudience,
    });
    expect((await readUser()).status).toBe(200);
  });
});

describe('the control endpoints', () => {
  test('reset restores users, faults and calls', async () => {
    await putJson(`${tenant.url}/_local/users/auth0%7Cextra`, {});
    await putJson(`${tenant.url}/_local/users/auth0%7Cjane`, { user_metadata: {} });
    await putJson(`${tenant.url}/_local/faults`, { route: 'jwks', status: 500 });
    await readUser();
    expect((await postJson(`${tenant.url}/_local/reset`, {})).status).toBe(204);
    expect((await requestJson(`${tenant.url}/_local/calls`)).body).toEqual([]);
    expect((await requestJson(`${tenant.url}/_local/faults`)).body).toEqual([]);
    expect((await requestJson(`${tenant.url}/_local/users/auth0%7Cextra`)).status).toBe(404);
    expect((await readUser()).body).toMatchObject({ user_metadata: { theme: 'dark' } });
  });

  test('refuse pages of other origins, and the tenant refuses foreign host names', async () => {
    const foreign = await requestJson(`${tenant.url}/_local/calls`, {
      headers: { origin: 'https://example.com' },
    });
    expect([foreign.status, foreign.body['error']]).toEqual([403, 'origin_not_allowed']);
    const rebound = await new Promise((resolve, reject) => {
      httpRequest(`${tenant.url}/_local/calls`, { headers: { host: 'rebound.example' } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(rebound).toBe(421);
  });

  test('say so when there is no such endpoint', async () => {
    const { status, body } = await requestJson(`${tenant.url}/_local/nothing`);
    expect([status, body['error']]).toEqual([404, 'not_found']);
  });
});
