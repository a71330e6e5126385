/** Post-login Actions in the flows that run them, and what a fresh or stronger login is. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import type { PostLoginEvent, TenantAction } from '../../packages/local-tenant/src/post-login-action.ts';
import { startTenant, type Tenant, type TenantOptions } from '../../packages/local-tenant/src/tenant.ts';
import { pageAt } from '../docs/documents.ts';
import { type Browser, createBrowser } from './browser.ts';
import { type JsonAnswer, putJson, requestJson } from './tenant-client.ts';

const MULTI_FACTOR = 'http://schemas.openid.net/pape/policies/2007/06/multi-factor';
const LANGUAGE = 'https://app.example.com/language';
const AUTH_TIME = 'https://app.example.com/auth_time';
const ACR = 'https://app.example.com/acr';
const jane = { username: 'jane@example.com', password: 'local' };
const running: Tenant[] = [];
afterEach(() => Promise.all(running.splice(0).map((tenant) => tenant.stop())));

async function start(actions: readonly TenantAction[], options: TenantOptions = {}): Promise<Tenant> {
  const tenant = await startTenant({ ...options, actions });
  running.push(tenant);
  return tenant;
}

async function logIn(tenant: Tenant, parameters: Readonly<Record<string, string>> = {}) {
  const browser = createBrowser(tenant.url);
  return { browser, tokens: await browser.exchangeCode(await browser.logIn(jane, parameters)) };
}

function refresh(browser: Browser, { body }: JsonAnswer) {
  return browser.postToken({
    client_id: 'local-spa',
    grant_type: 'refresh_token',
    refresh_token: String(body['refresh_token']),
  });
}

const claimsOf = ({ body }: JsonAnswer, name = 'access_token') => decodeJwt(String(body[name]));
const paramsOf = (response: Response) => new URL(response.headers.get('location') ?? '').searchParams;
const storedJane = async (tenant: Tenant) =>
  (await requestJson(`${tenant.url}/_local/users/auth0%7Cjane`)).body;

/** Submits the login form, and resolves to the response that follows. */
async function submitLogin(browser: Browser, page: Response): Promise<Response> {
  const form = page.headers.get('location') ?? '';
  const submitted = await browser.fetch(form, { method: 'POST', body: new URLSearchParams(jane) });
  return browser.fetch(submitted.headers.get('location') ?? '');
}

const MAP_LANGUAGE = `
  exports.onExecutePostLogin = async (event, api) => {
    const { language } = event.user.user_metadata;
    api.accessToken.setCustomClaim('${LANGUAGE}', language);
    api.idToken.setCustomClaim('${LANGUAGE}', language);
  };`;

describe('an Action', () => {
  test('adds claims to both tokens at a login, and those of the changed metadata at a refresh', async () => {
    const tenant = await start([MAP_LANGUAGE]);
    const { browser, tokens } = await logIn(tenant);
    expect([claimsOf(tokens)[LANGUAGE], claimsOf(tokens, 'id_token')[LANGUAGE]]).toEqual(['en', 'en']);
    await putJson(`${tenant.url}/_local/users/auth0%7Cjane`, { user_metadata: { language: 'de' } });
    const renewed = await refresh(browser, tokens);
    expect([claimsOf(renewed)[LANGUAGE], claimsOf(renewed, 'id_token')[LANGUAGE]]).toEqual(['de', 'de']);
    expect(claimsOf(renewed, 'id_token')).toMatchObject({ sub: 'auth0|jane', email: 'jane@example.com' });
  });

  test('runs at a silent login, too', async () => {
    const tenant = await start([MAP_LANGUAGE]);
    const { browser } = await logIn(tenant);
    await putJson(`${tenant.url}/_local/users/auth0%7Cjane`, { user_metadata: { language: 'fr' } });
    const silent = await browser.authorize({ prompt: 'none' });
    const tokens = await browser.exchangeCode(paramsOf(silent).get('code') ?? '');
    expect(claimsOf(tokens)[LANGUAGE]).toBe('fr');
  });

  test('sees the user, the application, the request and the transaction under the names of Auth0', async () => {
    const events: PostLoginEvent[] = [];
    const tenant = await start([{ code: (event) => events.push(event), secrets: { key: 'value' } }]);
    const { browser, tokens } = await logIn(tenant, { acr_values: 'a b', max_age: '60', login_hint: 'jane' });
    await refresh(browser, tokens);
    expect(events[0]).toMatchObject({
      user: {
        user_id: 'auth0|jane',
        email: 'jane@example.com',
        user_metadata: { theme: 'dark' },
        app_metadata: { plan: 'pro' },
      },
      client: { client_id: 'local-spa', name: 'Local single-page app', metadata: { brand: 'Local' } },
      connection: { name: 'Username-Password-Authentication', strategy: 'auth0' },
      request: { method: 'GET', query: { audience: tenant.apiAudience, max_age: '60', login_hint: 'jane' } },
      transaction: {
        protocol: 'oidc-basic-profile',
        acr_values: ['a', 'b'],
        redirect_uri: 'http://localhost:5173/callback',
        requested_scopes: expect.arrayContaining(['offline_access', 'read:metadata']),
      },
      authentication: { methods: [{ name: 'pwd', timestamp: expect.stringMatching(/^20.*Z$/) }] },
      resource_server: { identifier: tenant.apiAudience },
      stats: { logins_count: 1 },
      secrets: { key: 'value' },
    });
    expect(events[1]).toMatchObject({
      transaction: { protocol: 'oauth2-refresh-token', acr_values: [] },
      request: { method: 'POST', query: {}, body: { grant_type: 'refresh_token', client_id: 'local-spa' } },
      resource_server: { identifier: tenant.apiAudience },
      authentication: events[0]?.authentication,
      stats: { logins_count: 1 },
    });
  });

  test('cannot set claims of the protocol, nor plain names in a token for the Management API', async () => {
    const tenant = await start([
      (_event, api) => {
        for (const name of ['sub', 'auth_time', 'acr', 'permissions', 'plain', 'https://a.example/b']) {
          api.accessToken.setCustomClaim(name, 'forged');
        }
      },
    ]);
    const own = claimsOf((await logIn(tenant)).tokens);
    expect(own).toMatchObject({ sub: 'auth0|jane', plain: 'forged', 'https://a.example/b': 'forged' });
    for (const name of ['auth_time', 'acr', 'permissions']) expect(own).not.toHaveProperty(name);
    const scope = 'openid read:current_user';
    const { tokens } = await logIn(tenant, { audience: tenant.managementAudience, scope });
    expect(claimsOf(tokens)).toMatchObject({ 'https://a.example/b': 'forged' });
    expect(claimsOf(tokens)).not.toHaveProperty('plain');
  });

  test('refuses a login with its reason, and Actions after it do not run', async () => {
    const later: string[] = [];
    const tenant = await start([
      `exports.onExecutePostLogin = async (event, api) => {
        api.user.setUserMetadata('attempts', 1);
        if (event.transaction.protocol !== 'oauth2-refresh-token') api.access.deny('Not on weekdays.');
      };`,
      () => later.push('ran'),
    ]);
    const browser = createBrowser(tenant.url);
    const params = paramsOf(await submitLogin(browser, await browser.authorize()));
    expect([params.get('error'), params.get('error_description'), params.get('state')]).toEqual([
      'access_denied',
      'Not on weekdays.',
      'the-state',
    ]);
    expect(later).toEqual([]);
    expect((await storedJane(tenant))['user_metadata']).toMatchObject({ attempts: 1, theme: 'dark' });
  });

  test('refuses the use of a refresh token, which can be used again later', async () => {
    let refused = true;
    const tenant = await start([
      ({ transaction }, api) => {
        if (refused && transaction.protocol === 'oauth2-refresh-token') api.access.deny('Too late.');
      },
    ]);
    const { browser, tokens } = await logIn(tenant);
    const answer = await refresh(browser, tokens);
    expect([answer.status, answer.body]).toEqual([
      403,
      { error: 'access_denied', error_description: 'Too late.' },
    ]);
    refused = false;
    expect((await refresh(browser, tokens)).status).toBe(200);
  });

  test('changes metadata with the other Actions in one write, which removes what is set to null', async () => {
    const tenant = await start([
      (_event, api) => {
        api.user.setUserMetadata('seen', [1]);
        api.user.setAppMetadata('plan', 'free');
      },
      ({ user }, api) => {
        // All Actions see the user as it was before.
        api.user.setUserMetadata('theme', user.user_metadata['seen'] === undefined ? null : 'wrong');
      },
    ]);
    const before = Date.parse(String((await storedJane(tenant))['updated_at']));
    await logIn(tenant);
    const after = await storedJane(tenant);
    expect(after).toMatchObject({
      user_metadata: { language: 'en', seen: [1] },
      app_metadata: { plan: 'free' },
    });
    expect(after['user_metadata']).not.toHaveProperty('theme');
    expect(Date.parse(String(after['updated_at']))).toBeGreaterThan(before);
  });

  test('that throws ends the login, and the error says so', async () => {
    const tenant = await start(['exports.onExecutePostLogin = async () => { throw new Error("broken"); };']);
    const browser = createBrowser(tenant.url);
    const params = paramsOf(await submitLogin(browser, await browser.authorize()));
    expect([params.get('error'), params.get('error_description')]).toEqual([
      'server_error',
      'An Action failed: Error: broken',
    ]);
  });

  test('can require what Node and the project have', async () => {
    const tenant = await start([
      `const { createHash } = require('node:crypto');
       exports.onExecutePostLogin = async (event, api) => {
         const hash = createHash('sha256').update(event.user.user_id).digest('hex');
         api.idToken.setCustomClaim('https://app.example.com/hash', hash);
       };`,
    ]);
    const { tokens } = await logIn(tenant);
    expect(claimsOf(tokens, 'id_token')['https://app.example.com/hash']).toMatch(/^[0-9a-f]{64}$/);
  });
});

/** What docs/policy.md gives for step-up, in its order. */
const STEP_UP = pageAt('docs/policy.md')
  .fences.filter(({ info }) => info === 'js step-up action')
  .map(({ text }) => text);

describe('a fresh login', () => {
  test('is asked for by max_age if the session is older, and its time is in the ID token', async () => {
    const tenant = await start([]);
    const { browser, tokens } = await logIn(tenant, { max_age: '300' });
    expect(claimsOf(tokens, 'id_token')['auth_time']).toEqual(expect.any(Number));
    const recent = await browser.authorize({ max_age: '300' });
    expect(paramsOf(recent).has('code')).toBe(true);
    const page = await browser.authorize({ max_age: '0' });
    expect(page.headers.get('location')).toMatch(/\/u\/login\//);
    const silent = await browser.authorize({ max_age: '0', prompt: 'none' });
    expect(paramsOf(silent).get('error')).toBe('login_required');
  });

  test('has its time in the access token by an Action, and a refresh does not renew it', async () => {
    const tenant = await start(STEP_UP);
    const { browser, tokens } = await logIn(tenant, { max_age: '300' });
    const { [AUTH_TIME]: loggedInAt } = claimsOf(tokens);
    expect(loggedInAt).toBe(claimsOf(tokens, 'id_token')['auth_time']);
    expect(claimsOf(tokens)).not.toHaveProperty(ACR);
    expect(claimsOf(await refresh(browser, tokens))[AUTH_TIME]).toBe(loggedInAt);
  });
});

describe('a stronger login', () => {
  test('is asked for by acr_values: a second factor, within the session', async () => {
    const tenant = await start(STEP_UP);
    const { browser } = await logIn(tenant);
    const page = (await browser.authorize({ acr_values: MULTI_FACTOR })).headers.get('location') ?? '';
    expect(page).toMatch(/\/u\/mfa\//);
    expect(await (await browser.fetch(page)).text()).toContain('autocomplete="one-time-code"');
    const enter = (code: string) =>
      browser.fetch(page, { method: 'POST', body: new URLSearchParams({ code }) });
    const wrong = await enter('123456');
    expect([wrong.status, await wrong.text()]).toEqual([400, expect.stringContaining('Wrong code.')]);
    const resumed = await browser.fetch((await enter('000000')).headers.get('location') ?? '');
    const tokens = await browser.exchangeCode(paramsOf(resumed).get('code') ?? '');
    expect(claimsOf(tokens)[ACR]).toBe(MULTI_FACTOR);
    expect(claimsOf(tokens, 'id_token')).toMatchObject({ acr: MULTI_FACTOR, amr: ['mfa'] });
    expect(claimsOf(await refresh(browser, tokens))[ACR]).toBe(MULTI_FACTOR);
  });

  test('cannot be had silently', async () => {
    const tenant = await start(STEP_UP);
    const { browser } = await logIn(tenant);
    const silent = await browser.authorize({ acr_values: MULTI_FACTOR, prompt: 'none' });
    expect(paramsOf(silent).get('error')).toBe('interaction_required');
  });

  test('is not to be had with a refresh token', async () => {
    const tenant = await start([
      ({ transaction }, api) => {
        if (transaction.protocol === 'oauth2-refresh-token') api.multifactor.enable('any');
      },
    ]);
    const { browser, tokens } = await logIn(tenant);
    const answer = await refresh(browser, tokens);
    expect([answer.status, answer.body['error']]).toEqual([403, 'mfa_required']);
  });
});
