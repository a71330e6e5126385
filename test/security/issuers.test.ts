/** Several domains of one tenant: each is an issuer with keys of its own. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { parseObject } from '../support/json.ts';
import { expectProblem } from '../support/problem.ts';
import { openHttpsScene } from '../support/scene.ts';
import { startService, type TestService } from '../support/service.ts';
import { createTenant } from '../support/tenant.ts';
import { interceptTenant } from '../support/tenant-on-nock.ts';
import { createSigningKey, ISSUER, issuerKey, mintToken, type SigningKey } from '../support/tokens.ts';

const CUSTOM = 'https://login.example.com/';
const customKey = await createSigningKey('key-custom');
const nextKey = await createSigningKey('key-2');
const custom = createTenant(CUSTOM);
interceptTenant(custom);
custom.keys = [customKey.jwk];

// One with its slash, one without.
const env = { ISSUER_BASE_URL: `${ISSUER},${CUSTOM.slice(0, -1)}` };
const { tenant, service } = await openHttpsScene({ env });

beforeEach(() => {
  tenant.keys = [issuerKey.jwk];
  custom.keys = [customKey.jwk];
  custom.heal();
});

async function ask(iss: unknown, key: SigningKey, { url }: TestService = service, kid = key.kid) {
  tenant.user('auth0|user-1', { a: 1 });
  const token = await mintToken({ claims: { iss }, key, header: { kid } });
  return fetch(`${url}/me/metadata`, { headers: { authorization: `Bearer ${token}` } });
}

const fetches = () => tenant.countOf('discovery', 'jwks') + custom.countOf('discovery', 'jwks');

test.each([
  ['the tenant’s own domain', ISSUER, issuerKey],
  ['a custom domain', CUSTOM, customKey],
])('a token of %s is accepted with the keys of that domain', async (_name, iss, key) => {
  expect((await ask(iss, key)).status).toBe(200);
});

test.each([
  ['a key of the other issuer', ISSUER, customKey, 'key-custom'],
  ['a key of the other issuer under a key id of its own', CUSTOM, issuerKey, 'key-custom'],
])('a token that names an issuer and is signed with %s is refused', async (_name, iss, key, kid) => {
  const response = await ask(iss, key, service, kid);
  expect(response.headers.get('www-authenticate')).toContain('signature');
  await expectProblem(response, 401, 'token_invalid');
});

test.each<readonly [string, unknown]>([
  ['another issuer', 'https://evil.example/'],
  ['a longer host', 'https://login.example.com.evil.example/'],
  ['a listed one in other case', CUSTOM.toUpperCase()],
  ['a listed one by http', CUSTOM.replace('https', 'http')],
  ['both', `${ISSUER},${CUSTOM}`],
  ['both in a list', [ISSUER, CUSTOM]],
  ['none', undefined],
  ['a prototype', '__proto__'],
])('a token of %s is refused before any key is fetched', async (_name, iss) => {
  const before = fetches();
  await expectProblem(await ask(iss, nextKey), 401, 'token_invalid', {
    detail: 'The access token comes from another issuer.',
  });
  expect(fetches()).toBe(before);
});

test('a listed issuer without its slash, which is not how it names itself, is refused', async () => {
  const response = await ask(CUSTOM.slice(0, -1), customKey);
  expect(response.headers.get('www-authenticate')).toContain('another issuer');
  await expectProblem(response, 401, 'token_invalid');
});

test('unknown key ids of one issuer do not use up the look-ups of another', async () => {
  const own = await startService({ env });
  for (let count = 0; count < 8; count += 1) await ask(ISSUER, nextKey, own, `unknown-${count}`);
  custom.keys = [customKey.jwk, nextKey.jwk];
  expect((await ask(CUSTOM, nextKey, own)).status).toBe(200);
});

describe('while one issuer cannot be reached', () => {
  test('its tokens are an outage, those of the other are served, and the service is ready but degraded', async () => {
    custom.answerWith('discovery', { status: 500 });
    const own = await startService({ env, awaitReady: false });
    expect((await ask(ISSUER, issuerKey, own)).status).toBe(200);
    await expectProblem(await ask(CUSTOM, customKey, own), 503, 'keys_unavailable');
    const readiness = await fetch(`${own.opsUrl}/readyz`);
    expect([readiness.status, parseObject(await readiness.text())]).toEqual([
      200,
      expect.objectContaining({
        status: 'degraded',
        checks: expect.objectContaining({ signing_keys: 'failing' }),
      }),
    ]);
    const metrics = await (await fetch(`${own.opsUrl}/metrics`)).text();
    expect(metrics).toContain('metadata_bff_jwks_state{state="none"} 1');
    custom.heal();
    own.clock.advance(5);
    expect((await ask(CUSTOM, customKey, own)).status).toBe(200);
    expect(await (await fetch(`${own.opsUrl}/readyz`)).text()).toContain('"signing_keys":"ok"');
  });

  test('without keys of any, the service is not ready', async () => {
    custom.answerWith('discovery', { status: 500 });
    tenant.answerWith('discovery', { status: 500 });
    const own = await startService({ env, awaitReady: false });
    expect((await fetch(`${own.opsUrl}/readyz`)).status).toBe(503);
  });
});

test('the description of the resource and the OpenAPI document name each issuer', async () => {
  const description = await fetch(`${service.url}/.well-known/oauth-protected-resource`);
  expect(parseObject(await description.text())).toMatchObject({ authorization_servers: [ISSUER, CUSTOM] });
  const document = await (await fetch(`${service.url}/openapi.json`)).text();
  expect(document).toContain(`An access token of \`${ISSUER}\` or \`${CUSTOM}\` for`);
});
