import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose';
import { startTenant, type Tenant } from '../../packages/local-tenant/src/tenant.ts';
import { type Browser, createBrowser } from './browser.ts';
import { type JsonAnswer, postJson, putJson, requestJson } from './tenant-client.ts';

const jane = { username: 'jane@example.com', password: 'local' };
let tenant: Tenant;

beforeAll(async () => {
  tenant = await startTenant();
});
afterAll(() => tenant.stop());

async function keySet() {
  const response = await fetch(`${tenant.url}/.well-known/jwks.json`);
  return createLocalJWKSet(JSON.parse(await response.text()));
}

async function logIn(credentials = jane): Promise<{ browser: Browser; tokens: JsonAnswer }> {
  const browser = createBrowser(tenant.url);
  return { browser, tokens: await browser.exchangeCode(await browser.logIn(credentials)) };
}

function refresh(browser: Browser, refreshToken: unknown) {
  return browser.postToken({
    client_id: 'local-spa',
    grant_type: 'refresh_token',
    refresh_token: String(refreshToken),
  });
}

async function messageOf(response: Response): Promise<Record<string, unknown>> {
  const data = /var data = (\{.*\});/.exec(await response.text())?.[1] ?? '{}';
  return JSON.parse(data).response;
}

const silently = { prompt: 'none', response_mode: 'web_message' };
const unknownToken = { error: 'invalid_grant', error_description: 'Unknown or invalid refresh token.' };

describe('refresh tokens', () => {
  test('rotate, carry audience and scope, and end the family when one is used twice', async () => {
    const { browser, tokens } = await logIn();
    const first = tokens.body['refresh_token'];
    const second = await refresh(browser, first);
    expect(second.status).toBe(200);
    expect(second.body['refresh_token']).not.toBe(first);
    expect(second.body).toHaveProperty('id_token');
    const claims = decodeJwt(String(second.body['access_token']));
    expect(claims).toMatchObject({
      aud: [tenant.apiAudience, `${tenant.url}/userinfo`],
      gty: 'refresh_token',
    });
    expect(claims['scope']).toBe(tokens.body['scope']);

    const reused = await refresh(browser, first);
    expect([reused.status, reused.body]).toEqual([403, unknownToken]);
    const descendant = await refresh(browser, second.body['refresh_token']);
    expect([descendant.status, descendant.body]).toEqual([403, unknownToken]);
  });

  test('can be sent as JSON', async () => {
    const { tokens } = await logIn();
    const answer = await postJson(`${tenant.url}/oauth/token`, {
      client_id: 'local-spa',
      grant_type: 'refresh_token',
      refresh_token: tokens.body['refresh_token'],
    });
    expect(answer.status).toBe(200);
  });

  test('are worth nothing once revoked', async () => {
    const { browser, tokens } = await logIn();
    const revoked = await postJson(`${tenant.url}/oauth/revoke`, {
      client_id: 'local-spa',
      token: tokens.body['refresh_token'],
      token_type_hint: 'refresh_token',
    });
    expect(revoked.status).toBe(200);
    expect((await refresh(browser, tokens.body['refresh_token'])).body).toEqual(unknownToken);
  });

  test('and sessions outlive a key rotation, and new tokens use the new key', async () => {
    const { browser, tokens } = await logIn();
    const { body } = await postJson(`${tenant.url}/_local/keys/rotate`, {});
    const renewed = await refresh(browser, tokens.body['refresh_token']);
    const set = await keySet();
    const issued = [renewed.body['access_token'], renewed.body['id_token']];
    const verified = await Promise.all(issued.map((token) => jwtVerify(String(token), set)));
    expect(verified.map(({ protectedHeader }) => protectedHeader.kid)).toEqual([body['kid'], body['kid']]);
    // The key before is still published.
    await jwtVerify(String(tokens.body['access_token']), set);
    expect(await messageOf(await browser.authorize(silently))).toHaveProperty('code');
  });
});

describe('silent log-in and log-out', () => {
  test('a session answers prompt=none by web message, until it is ended', async () => {
    const { browser } = await logIn();
    const silent = await browser.authorize(silently);
    const message = await messageOf(silent);
    expect(message).toMatchObject({ code: expect.any(String), state: 'the-state' });
    expect((await browser.exchangeCode(String(message['code']))).body).toHaveProperty('refresh_token');

    const out = await browser.fetch(
      '/v2/logout?client_id=local-spa&returnTo=http%3A%2F%2Flocalhost%3A5173%2Fbye',
    );
    expect([out.status, out.headers.get('location')]).toEqual([302, 'http://localhost:5173/bye']);
    const after = await browser.authorize(silently);
    expect(after.status).toBe(200);
    expect(await messageOf(after)).toMatchObject({ error: 'login_required', state: 'the-state' });
  });

  test('prompt=login asks again in spite of a session', async () => {
    const { browser } = await logIn();
    const response = await browser.authorize({ prompt: 'login' });
    expect(response.headers.get('location')).toMatch(/\/u\/login\//);
  });

  test('the logout of OpenID Connect ends the session, too, and gives the state back', async () => {
    const { browser } = await logIn();
    const { body } = await requestJson(`${tenant.url}/.well-known/openid-configuration`);
    const endpoint = String(body['end_session_endpoint']);
    const query = new URLSearchParams({
      client_id: 'local-spa',
      post_logout_redirect_uri: 'http://localhost:5173/bye?from=app',
      state: 'a state',
    });
    const out = await browser.fetch(`${endpoint}?${query.toString()}`);
    expect([out.status, out.headers.get('location')]).toEqual([
      302,
      'http://localhost:5173/bye?from=app&state=a+state',
    ]);
    expect(await messageOf(await browser.authorize(silently))).toMatchObject({ error: 'login_required' });
    query.set('post_logout_redirect_uri', 'https://example.com');
    expect((await browser.fetch(`${endpoint}?${query.toString()}`)).status).toBe(400);
  });

  test('log-out goes nowhere but to this machine', async () => {
    const out = await createBrowser(tenant.url).fetch('/v2/logout?returnTo=https%3A%2F%2Fexample.com');
    expect([out.status, out.headers.get('location')]).toEqual([400, null]);
  });

  test('a user deleted meanwhile has to log in again', async () => {
    await putJson(`${tenant.url}/_local/users/auth0%7Cgone`, {
      email: 'gone@example.com',
      password: 'local',
    });
    const { browser, tokens } = await logIn({ username: 'gone@example.com', password: 'local' });
    await fetch(`${tenant.url}/_local/users/auth0%7Cgone`, { method: 'DELETE' });
    expect(await messageOf(await browser.authorize(silently))).toMatchObject({ error: 'login_required' });
    expect((await refresh(browser, tokens.body['refresh_token'])).status).toBe(403);
  });
});
