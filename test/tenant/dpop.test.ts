import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { calculateJwkThumbprint, decodeJwt, SignJWT } from 'jose';
import { startTenant, type Tenant } from '../../packages/local-tenant/src/tenant.ts';
import { CALLBACK, createBrowser } from './browser.ts';

let tenant: Tenant;

beforeAll(async () => {
  tenant = await startTenant();
});
afterAll(() => tenant.stop());

describe('DPoP', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = publicKey.export({ format: 'jwk' });

  function proof(nonce?: string) {
    return new SignJWT({ htm: 'POST', htu: `${tenant.url}/oauth/token`, ...(nonce ? { nonce } : {}) })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: { ...jwk, kty: 'EC' } })
      .setIssuedAt()
      .setJti(randomUUID())
      .sign(privateKey);
  }

  test('asks a public client for a nonce, then binds the token to the key', async () => {
    const browser = createBrowser(tenant.url);
    const request = {
      client_id: 'local-spa',
      grant_type: 'authorization_code',
      code: await browser.logIn({ username: 'jane@example.com', password: 'local' }),
      code_verifier: browser.verifier,
      redirect_uri: CALLBACK,
    };
    const first = await browser.postToken(request, { dpop: await proof() });
    const nonce = first.headers.get('dpop-nonce') ?? '';
    expect([first.status, first.body]).toEqual([
      400,
      {
        error: 'use_dpop_nonce',
        error_description: 'Authorization server requires nonce in DPoP proof',
      },
    ]);
    expect(first.headers.get('access-control-expose-headers')?.toLowerCase()).toContain('dpop-nonce');

    const second = await browser.postToken(request, { dpop: await proof(nonce) });
    expect([second.status, second.body['token_type']]).toEqual([200, 'DPoP']);
    expect(decodeJwt(String(second.body['access_token']))['cnf']).toEqual({
      jkt: await calculateJwkThumbprint({ ...jwk, kty: 'EC' }),
    });
  });
});
