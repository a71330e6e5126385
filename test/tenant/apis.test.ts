import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { startTenant, type Tenant } from '../../packages/local-tenant/src/tenant.ts';
import { createBrowser } from './browser.ts';
import { fetchMachineToken } from './tenant-client.ts';

const FIRST = 'https://notes.example';
const SECOND = 'https://bills.example';
const jane = { username: 'jane@example.com', password: 'local' };
let tenant: Tenant;

beforeAll(async () => {
  tenant = await startTenant({
    apis: [
      { identifier: FIRST, scopes: ['read:notes'], token_lifetime: 300 },
      {
        identifier: SECOND,
        scopes: ['read:bills'],
        allow_offline_access: false,
        token_dialect: 'rfc9068_profile',
      },
    ],
    clients: [{ client_id: 'robot', client_secret: 'secret', grants: { [SECOND]: ['read:bills'] } }],
  });
});
afterAll(() => tenant.stop());

async function logIn(audience: string) {
  const browser = createBrowser(tenant.url);
  const scope = 'openid offline_access read:notes read:bills read:metadata';
  return (await browser.exchangeCode(await browser.logIn(jane, { audience, scope }))).body;
}

test('the first API is that of the service, and of a token that names none', () => {
  expect([tenant.apiAudience, tenant.env['AUDIENCE']]).toEqual([FIRST, FIRST]);
  const claims = decodeJwt(tenant.token({ sub: 'auth0|jane' }));
  expect([claims.aud, Number(claims.exp) - Number(claims.iat)]).toEqual([FIRST, 300]);
});

test('each API grants its own scopes for its own time, and nothing of another API', async () => {
  const tokens = await logIn(FIRST);
  const { aud, iat, exp, scope } = decodeJwt(String(tokens['access_token']));
  expect([aud, Number(exp) - Number(iat), scope]).toEqual([
    [FIRST, `${tenant.url}/userinfo`],
    300,
    'openid offline_access read:notes',
  ]);
  expect([tokens['expires_in'], tokens]).toEqual([
    300,
    expect.objectContaining({ refresh_token: expect.any(String) }),
  ]);
});

test('an API can refuse refresh tokens and have tokens in the form of RFC 9068', async () => {
  const tokens = await logIn(SECOND);
  expect(tokens).not.toHaveProperty('refresh_token');
  expect(tokens['scope']).toBe('openid read:bills');
  const token = String(tokens['access_token']);
  expect(decodeProtectedHeader(token).typ).toBe('at+jwt');
  expect(decodeJwt(token)).toMatchObject({ client_id: 'local-spa', jti: expect.any(String) });
  expect(decodeJwt(token)).not.toHaveProperty('azp');
});

test('a machine gets the scopes that it was granted for an API, and no token for others', async () => {
  const secrets = { client_id: 'robot', client_secret: 'secret' };
  const token = await fetchMachineToken(tenant.url, { ...secrets, audience: SECOND });
  expect(decodeJwt(token)).toMatchObject({ sub: 'robot@clients', aud: SECOND, scope: 'read:bills' });
  await expect(fetchMachineToken(tenant.url, { ...secrets, audience: FIRST })).rejects.toThrow(
    'client-grant',
  );
  await expect(fetchMachineToken(tenant.url, { ...secrets, audience: 'https://x.example' })).rejects.toThrow(
    'Service not enabled within domain',
  );
});
