import { createHmac, createPublicKey, createVerify } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, type JWK, jwtVerify } from 'jose';
import { startTenant, type Tenant } from '../../packages/local-tenant/src/tenant.ts';
import { postJson, sendJson } from './tenant-client.ts';

let tenant: Tenant;

beforeAll(async () => {
  tenant = await startTenant();
});
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

describe('POST /_local/token', () => {
  test('mints what the tenant would issue to the browser application', async () => {
    const token = await mint({});
    const { payload, protectedHeader } = await jwtVerify(
      token,
      createLocalJWKSet({ keys: await publishedKeys() }),
    );
    expect(protectedHeader).toEqual({ alg: 'RS256', typ: 'JWT', kid: expect.any(String) });
    expect(payload).toEqual({
      iss: tenant.issuer,
      sub: 'auth0|jane',
      aud: 'https://metadata-bff.local',
      azp: 'local-spa',
      scope: 'a b',
      iat: expect.any(Number),
      exp: Number(payload.iat) + 86_400,
    });
  });

  test('overrides claims and header members, leaves out what is null, and mints expired tokens', async () => {
    const token = await mint({
      audience: ['x', 'y'],
      client_id: 'other',
      expires_in: -60,
      claims: { permissions: ['p'], scope: null, sub: 'auth0|omar' },
      header: { typ: 'at+jwt', kid: 'nope', crit: ['b64'] },
    });
    const claims = decodeJwt(token);
    expect(claims).toMatchObject({ aud: ['x', 'y'], azp: 'other', permissions: ['p'], sub: 'auth0|omar' });
    expect(claims).not.toHaveProperty('scope');
    expect(Number(claims.exp)).toBeLessThan(Date.now() / 1000);
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'RS256', typ: 'at+jwt', kid: 'nope', crit: ['b64'] });
    expect(decodeProtectedHeader(await mint({ header: { kid: null } }))).not.toHaveProperty('kid');
  });

  test('takes a chain of actors as it is given', async () => {
    const act = { sub: 'auth0|omar', act: { sub: 'agt_1', act: null } };
    expect(decodeJwt(await mint({ claims: { act } }))).toMatchObject({ act });
  });

  test('signs with other RSA algorithms of the same key', async () => {
    const [key] = await publishedKeys();
    const publicKey = createPublicKey({ key: { ...key }, format: 'jwk' });
    const algorithms = ['RS512', 'PS256', 'PS384'];
    const verified = await Promise.all(
      algorithms.map(async (alg) => jwtVerify(await mint({ header: { alg } }), publicKey)),
    );
    expect(verified.map(({ protectedHeader }) => protectedHeader.alg)).toEqual(algorithms);
  });

  test('forges: no signature, the public key as an HMAC secret, an unknown key', async () => {
    expect((await mint({ header: { alg: 'none' } })).split('.')[2]).toBe('');
    expect((await mint({ header: { alg: 'nOnE' } })).split('.')[2]).toBe('');

    const [header, payload, signature] = (await mint({ header: { alg: 'HS256' } })).split('.');
    const [jwk] = await publishedKeys();
    const pem = createPublicKey({ key: { ...jwk }, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    const expected = createHmac('sha256', pem).update(`${header}.${payload}`).digest('base64url');
    expect(signature).toBe(expected);

    const elsewhere = ['ES256', 'ES512', 'EdDSA'].map((alg) => mint({ header: { alg } }));
    const lengths = (await Promise.all(elsewhere)).map((token) => token.split('.')[2]?.length ?? 0);
    expect(Math.min(...lengths)).toBeGreaterThan(60);
    const [head, body, sign] = (await mint({ header: { alg: 'RS256', kid: 'forged' } })).split('.');
    const genuine = createVerify('sha256').update(`${head}.${body}`);
    expect(genuine.verify(createPublicKey(pem), Buffer.from(sign ?? '', 'base64url'))).toBe(true);
  });

  test.each([
    ['{}', /^sub: /],
    ['{"sub":"a","expires_in":"soon"}', /^expires_in: /],
    ['{"sub":"a","scopes":"typo"}', /scopes/],
    ['{"sub":"a","header":{"alg":"XX1"}}', /^header\.alg: /],
    ['[]', /^body: /],
    ['{', /JSON/],
  ])('refuses %s', async (body, message) => {
    const answer = await sendJson('POST', `${tenant.url}/_local/token`, body);
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({ error: 'invalid_request', message: expect.stringMatching(message) });
  });
});
