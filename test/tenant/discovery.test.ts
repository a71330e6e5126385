import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTenant, type Tenant } from '../../packages/local-tenant/src/tenant.ts';
import { requestJson } from './tenant-client.ts';

let tenant: Tenant;

beforeAll(async () => {
  tenant = await startTenant();
});
afterAll(() => tenant.stop());

function preflight(origin: string) {
  return fetch(`${tenant.url}/oauth/token`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'auth0-client,content-type,dpop',
    },
  });
}

describe('what the tenant publishes', () => {
  test('discovery, under both names, has a slash at the end of the issuer', async () => {
    const names = ['openid-configuration', 'oauth-authorization-server'];
    const answers = await Promise.all(names.map((name) => requestJson(`${tenant.url}/.well-known/${name}`)));
    for (const { body } of answers) {
      expect(body).toMatchObject({
        issuer: `${tenant.url}/`,
        jwks_uri: `${tenant.url}/.well-known/jwks.json`,
        token_endpoint: `${tenant.url}/oauth/token`,
        id_token_signing_alg_values_supported: expect.arrayContaining(['RS256']),
      });
    }
  });

  test('keys carry a certificate and its thumbprint', async () => {
    const { body } = await requestJson(`${tenant.url}/.well-known/jwks.json`);
    const [key] = [body['keys']].flat();
    expect(key).toMatchObject({ kty: 'RSA', use: 'sig', alg: 'RS256', x5c: [expect.any(String)] });
    const { x5c, x5t } = Object(key);
    const certificate = Buffer.from(String(x5c[0]), 'base64');
    expect(createHash('sha1').update(certificate).digest('base64url')).toBe(x5t);
  });

  test('preflights from pages on this machine are allowed, others are not', async () => {
    const allowed = (await preflight('http://127.0.0.1:3000')).headers;
    expect(allowed.get('access-control-allow-origin')).toBe('http://127.0.0.1:3000');
    for (const name of ['auth0-client', 'content-type', 'authorization', 'dpop']) {
      expect(allowed.get('access-control-allow-headers')).toContain(name);
    }
    expect((await preflight('https://example.com')).headers.get('access-control-allow-origin')).toBeNull();
  });
});
