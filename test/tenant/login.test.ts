import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose';
import { startTenant, type Tenant } from '../../packages/local-tenant/src/tenant.ts';
import { CALLBACK, createBrowser } from './browser.ts';
import { type JsonAnswer, putJson, requestJson } from './tenant-client.ts';

const jane = { username: 'jane@example.com', password: 'local' };
const omar = { username: 'omar@example.com', password: 'local' };
let tenant: Tenant;

beforeAll(async () => {
  tenant = await startTenant();
});
afterAll(() => tenant.stop());

async function keySet() {
  const response = await fetch(`${tenant.url}/.well-known/jwks.json`);
  return createLocalJWKSet(JSON.parse(await response.text()));
}

async function logIn(credentials = jane, parameters = {}): Promise<JsonAnswer> {
  const browser = createBrowser(tenant.url);
  return browser.exchangeCode(await browser.logIn(credentials, parameters));
}

describe('logging in with the code flow', () => {
  test('gives tokens in the form Auth0 gives a single-page application', async () => {
    const tokens = await logIn();
    const { body } = tokens;
    expect([tokens.status, body]).toEqual([
      200,
      expect.objectContaining({ token_type: 'Bearer', expires_in: 86_400 }),
    ]);
    expect(tokens.headers.get('access-control-allow-origin')).toBe('http://localhost:5173');
    // launch:missiles was asked for and is dropped without a word.
    expect(String(body['scope']).split(' ').toSorted()).toEqual([
      'email',
      'offline_access',
      'openid',
      'profile',
      'read:metadata',
      'update:metadata',
    ]);

    const access = await jwtVerify(String(body['access_token']), await keySet());
    expect(access.protectedHeader).toEqual({ alg: 'RS256', typ: 'JWT', kid: expect.any(String) });
    expect(access.payload).toEqual({
      iss: tenant.issuer,
      sub: 'auth0|jane',
      aud: [tenant.apiAudience, `${tenant.url}/userinfo`],
      azp: 'local-spa',
      scope: body['scope'],
      iat: expect.any(Number),
      exp: Number(access.payload.iat) + 86_400,
    });

    const id = await jwtVerify(String(body['id_token']), await keySet());
    expect(id.protectedHeader.alg).toBe('RS256');
    expect(id.payload).toMatchObject({
      iss: tenant.issuer,
      aud: 'local-spa',
      sub: 'auth0|jane',
      nonce: 'the-nonce',
      email: 'jane@example.com',
      name: 'Jane Rivera',
    });
    expect(id.payload).not.toHaveProperty('user_metadata');
  });

  test('gives the audience as a string when openid was not asked for', async () => {
    const tokens = await logIn(jane, { scope: 'read:metadata' });
    expect(decodeJwt(String(tokens.body['access_token']))).toMatchObject({
      aud: tenant.apiAudience,
      scope: 'read:metadata',
    });
    expect(tokens.body).not.toHaveProperty('refresh_token');
  });

  test('gives Management API tokens with the scopes of the current user only', async () => {
    const scope = 'openid read:current_user update:current_user_metadata update:users';
    const tokens = await logIn(omar, { audience: tenant.managementAudience, scope });
    expect(decodeJwt(String(tokens.body['access_token']))['scope']).toBe(
      'openid read:current_user update:current_user_metadata',
    );
    const headers = { authorization: `Bearer ${String(tokens.body['access_token'])}` };
    const own = await requestJson(`${tenant.url}/api/v2/users/auth0%7Comar?fields=email`, { headers });
    expect([own.status, own.body]).toEqual([200, { email: 'omar@example.com' }]);
  });

  test('serves userinfo to the access token', async () => {
    const tokens = await logIn();
    const headers = { authorization: `Bearer ${String(tokens.body['access_token'])}` };
    const { body } = await requestJson(`${tenant.url}/userinfo`, { headers });
    expect(body).toMatchObject({ sub: 'auth0|jane', email: 'jane@example.com', nickname: 'jane' });
    expect((await fetch(`${tenant.url}/userinfo`)).status).toBe(401);
  });

  test('takes a code once, with its verifier, at its own callback', async () => {
    const browser = createBrowser(tenant.url);
    const code = await browser.logIn(jane);
    const wrong = { client_id: 'local-spa', grant_type: 'authorization_code', code, redirect_uri: CALLBACK };
    const refused = await browser.postToken({ ...wrong, code_verifier: 'x'.repeat(43) });
    expect([refused.status, refused.body['error']]).toEqual([403, 'invalid_grant']);
    expect((await browser.exchangeCode(code)).status).toBe(200);
    const again = await browser.exchangeCode(code);
    expect([again.status, again.body]).toEqual([
      403,
      { error: 'invalid_grant', error_description: 'Invalid authorization code' },
    ]);
  });

  test.each([
    'https://example.com/callback',
    'http://localhost.example.com/callback',
    'http://192.0.2.1:3000/',
  ])('refuses to return to %s', async (redirectUri) => {
    const response = await createBrowser(tenant.url).authorize({ redirect_uri: redirectUri });
    expect([response.status, response.headers.get('location')]).toEqual([400, null]);
  });

  test('returns to the application with an error for an audience it does not know', async () => {
    const response = await createBrowser(tenant.url).authorize({ audience: 'https://unknown.example' });
    const returned = new URL(response.headers.get('location') ?? '').searchParams;
    expect([returned.get('error'), returned.get('error_description'), returned.get('state')]).toEqual([
      'access_denied',
      'Service not found: https://unknown.example',
      'the-state',
    ]);
  });
});

describe('the log-in form', () => {
  test('can be filled in by people and password managers', async () => {
    const browser = createBrowser(tenant.url);
    const address = (await browser.authorize()).headers.get('location') ?? '';
    const html = await (await browser.fetch(address)).text();
    expect(html).toMatch(/<label for="username">[\s\S]+name="username"[^>]+autocomplete="username"/);
    expect(html).toMatch(/<label for="password">[\s\S]+name="password"[^>]+autocomplete="current-password"/);
    expect(html.match(/type="submit"/g)).toHaveLength(1);
  });

  test('comes back with a message, and the name escaped, after wrong credentials', async () => {
    const browser = createBrowser(tenant.url);
    const address = (await browser.authorize()).headers.get('location') ?? '';
    const body = new URLSearchParams({ username: '"><script>', password: 'wrong' });
    const response = await browser.fetch(address, { method: 'POST', body });
    const html = await response.text();
    expect(response.status).toBe(400);
    expect(html).toContain('Wrong email or password.');
    expect(html).not.toContain('"><script>');
  });

  test('cannot be answered by another browser than the one it was shown to', async () => {
    const address = (await createBrowser(tenant.url).authorize()).headers.get('location') ?? '';
    const response = await createBrowser(tenant.url).fetch(address, {
      method: 'POST',
      body: new URLSearchParams(jane),
    });
    expect(response.status).toBe(400);
  });

  test('does not let a blocked user in', async () => {
    await putJson(`${tenant.url}/_local/users/auth0%7Cblocked`, {
      email: 'blocked@example.com',
      password: 'local',
      blocked: true,
    });
    const browser = createBrowser(tenant.url);
    const address = (await browser.authorize()).headers.get('location') ?? '';
    const body = new URLSearchParams({ username: 'blocked@example.com', password: 'local' });
    const submitted = await browser.fetch(address, { method: 'POST', body });
    const resumed = await browser.fetch(submitted.headers.get('location') ?? '');
    const returned = new URL(resumed.headers.get('location') ?? '').searchParams;
    expect([returned.get('error'), returned.get('error_description')]).toEqual([
      'unauthorized',
      'user is blocked',
    ]);
  });
});
