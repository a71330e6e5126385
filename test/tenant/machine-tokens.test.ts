import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createLocalJWKSet, jwtVerify, SignJWT } from 'jose';
import { startTenant, type Tenant } from '../../packages/local-tenant/src/tenant.ts';
import { postJson, requestJson } from './tenant-client.ts';

let tenant: Tenant;
let good: Record<string, string>;

beforeAll(async () => {
  tenant = await startTenant();
  good = {
    grant_type: 'client_credentials',
    client_id: 'local-bff',
    client_secret: 'local-secret',
    audience: tenant.managementAudience,
  };
});
beforeEach(() => postJson(`${tenant.url}/_local/reset`, {}));
afterAll(() => tenant.stop());

function ask(parameters: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = {}) {
  return requestJson(`${tenant.url}/oauth/token`, {
    method: 'POST',
    headers,
    body: new URLSearchParams(parameters),
  });
}

function askWith(client_assertion: string) {
  return ask({
    grant_type: 'client_credentials',
    audience: tenant.managementAudience,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion,
  });
}

function register(publicKey: unknown) {
  return postJson(`${tenant.url}/_local/clients/local-bff/keys`, { public_key: publicKey });
}

describe('client credentials', () => {
  test('a secret buys a token with exactly the scopes of the client grant', async () => {
    const { status, headers, body } = await ask(good);
    expect([status, body]).toEqual([
      200,
      {
        access_token: expect.any(String),
        expires_in: 86_400,
        scope: 'read:users update:users read:clients read:events',
        token_type: 'Bearer',
      },
    ]);
    expect(headers.get('cache-control')).toBe('no-store');
    const jwks = await (await fetch(`${tenant.url}/.well-known/jwks.json`)).text();
    const { payload } = await jwtVerify(String(body['access_token']), createLocalJWKSet(JSON.parse(jwks)));
    expect(payload).toEqual({
      iss: tenant.issuer,
      sub: 'local-bff@clients',
      aud: tenant.managementAudience,
      azp: 'local-bff',
      gty: 'client-credentials',
      scope: 'read:users update:users read:clients read:events',
      iat: expect.any(Number),
      exp: Number(payload.iat) + 86_400,
    });
  });

  test('JSON bodies and basic authentication do as well', async () => {
    expect((await postJson(`${tenant.url}/oauth/token`, good)).status).toBe(200);
    const { client_id: id, client_secret: secret, ...rest } = good;
    const basic = Buffer.from(`${id}:${secret}`).toString('base64');
    expect((await ask(rest, { authorization: `Basic ${basic}` })).status).toBe(200);
  });

  test('scopes can be narrowed, never widened', async () => {
    const { body } = await ask({ ...good, scope: 'read:users delete:users' });
    expect(body['scope']).toBe('read:users');
  });

  test.each([
    ['a wrong secret', { client_secret: 'wrong' }],
    ['no secret', { client_secret: '' }],
    ['an unknown client', { client_id: 'unknown' }],
  ])('%s is 401 access_denied', async (_what, change) => {
    const { status, body } = await ask({ ...good, ...change });
    expect([status, body]).toEqual([401, { error: 'access_denied', error_description: 'Unauthorized' }]);
  });

  test('an audience without a client grant is 403', async () => {
    const { status, body } = await ask({ ...good, audience: tenant.apiAudience });
    expect([status, body]).toEqual([
      403,
      {
        error: 'access_denied',
        error_description: `Client is not authorized to access "${tenant.apiAudience}". You need to create a "client-grant" associated to this API. See: https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants`,
      },
    ]);
  });

  test('an unknown audience is 403, and so is the Management audience without its slash', async () => {
    const unknown = ['https://elsewhere.example', tenant.managementAudience.slice(0, -1)];
    const answers = await Promise.all(unknown.map((audience) => ask({ ...good, audience })));
    expect(answers.map(({ status, body }) => [status, body['error_description']])).toEqual(
      unknown.map((audience) => [403, `Service not enabled within domain: ${audience}`]),
    );
  });

  test('the browser application may not use the grant', async () => {
    const { status, body } = await ask({ ...good, client_id: 'local-spa' });
    expect([status, body['error'], body['error_description']]).toEqual([
      403,
      'unauthorized_client',
      "Grant type 'client_credentials' not allowed for the client.",
    ]);
  });
});

describe('private_key_jwt', () => {
  const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });

  function assertion(change: Record<string, unknown> = {}, key: KeyObject = keys.privateKey, alg = 'RS256') {
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({
      iss: 'local-bff',
      sub: 'local-bff',
      aud: tenant.issuer,
      jti: randomUUID(),
      iat: now,
      exp: now + 60,
      ...change,
    })
      .setProtectedHeader({ alg })
      .sign(key);
  }

  test('a registered key, as PEM or JWK, signs in once per assertion', async () => {
    const signed = await assertion();
    expect((await askWith(signed)).status).toBe(401);
    expect((await register(keys.publicKey.export({ type: 'spki', format: 'pem' }))).status).toBe(201);
    expect((await askWith(signed)).status).toBe(200);
    expect((await askWith(signed)).status).toBe(401);

    const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect((await register(curve.publicKey.export({ format: 'jwk' }))).status).toBe(201);
    expect((await askWith(await assertion({}, curve.privateKey, 'ES256'))).status).toBe(200);
  });

  test('refuses what is not addressed to it, lives too long, has ended, or names two clients', async () => {
    await register(keys.publicKey.export({ type: 'spki', format: 'pem' }));
    const now = Math.floor(Date.now() / 1000);
    const bad = [
      { aud: tenant.url },
      { aud: `${tenant.url}/oauth/token` },
      { exp: now + 3600 },
      { exp: now - 60 },
      { iss: 'local-spa' },
      { jti: undefined },
    ];
    const statuses = await Promise.all(
      bad.map(async (change) => (await askWith(await assertion(change))).status),
    );
    expect(statuses).toEqual(bad.map(() => 401));
    const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });
    expect((await askWith(await assertion({}, stranger.privateKey))).status).toBe(401);
  });

  test('the control endpoint refuses what is no public key and clients that do not exist', async () => {
    expect((await register('nonsense')).body).toEqual({
      error: 'invalid_request',
      message: 'public_key: neither a PEM (SPKI) nor a JWK public key',
    });
    expect((await postJson(`${tenant.url}/_local/clients/unknown/keys`, { public_key: 'x' })).status).toBe(
      404,
    );
  });
});
