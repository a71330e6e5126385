/** `createFetcher` of the Auth0 SPA SDK as it is, against the service: only what a browser lends it is made here. */
import { expect, test } from '@jest/globals';
import { Auth0Client } from '@auth0/auth0-spa-js';
import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader, type JWK } from 'jose';
import { requireDpop } from '../support/dpop.ts';
import { expectProblem } from '../support/problem.ts';
import { openScene } from '../support/scene.ts';
import { mintToken } from '../support/tokens.ts';

const { service, tenant } = await openScene({ env: await requireDpop() });

interface StoreRequest {
  result: unknown;
  onsuccess: (() => void) | undefined;
}

/** Answers once the caller has had time to listen. */
function answered(result: unknown): StoreRequest {
  const request: StoreRequest = { result, onsuccess: undefined };
  queueMicrotask(() => queueMicrotask(() => request.onsuccess?.()));
  return request;
}

/** As much of IndexedDB as the SDK uses to keep its key: two stores in memory. */
function createIndexedDb() {
  const stores = new Map<string, Map<unknown, unknown>>();
  const storeOf = (name: string) => {
    const store = stores.get(name) ?? new Map<unknown, unknown>();
    stores.set(name, store);
    return {
      get: (key: unknown) => answered(store.get(key)),
      put: (value: unknown, key: unknown) => answered(store.set(key, value)),
    };
  };
  return { open: () => answered({ transaction: () => ({ objectStore: storeOf }) }) };
}

Object.assign(globalThis, { window: globalThis, indexedDB: createIndexedDb(), sessionStorage: {} });

test('every request of a fetcher has a proof of its own, and what it sends is accepted', async () => {
  const client = new Auth0Client({
    domain: 'tenant.test',
    clientId: 'app',
    useDpop: true,
    cacheLocation: 'memory',
  });
  const sample = await client.generateDpopProof({ url: service.url, method: 'GET', accessToken: 'x' });
  const jwk: JWK = decodeProtectedHeader(sample).jwk ?? {};
  const user = tenant.user('auth0|sdk', { theme: 'dark' });
  const token = await mintToken({
    claims: { sub: user.id, cnf: { jkt: await calculateJwkThumbprint(jwk) } },
  });
  const sent: Request[] = [];
  const fetcher = client.createFetcher({
    dpopNonceId: 'metadata-bff',
    baseUrl: service.url,
    getAccessToken: async () => ({ access_token: token, token_type: 'DPoP', id_token: '', expires_in: 60 }),
    fetch: (request) => {
      sent.push(request.clone());
      return fetch(request);
    },
  });

  const read = await fetcher.fetchWithAuth('/me/metadata?fields=theme');
  expect([read.status, await read.json()]).toEqual([200, { theme: 'dark' }]);
  const written = await fetcher.fetchWithAuth('/me/metadata', {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: '{"theme":"light"}',
  });
  expect([written.status, user.stored]).toEqual([200, { theme: 'light' }]);
  const again = await fetcher.fetchWithAuth('/me/metadata/theme');
  expect([again.status, await again.json()]).toEqual([200, 'light']);

  const numbers = sent.map(({ headers }) => decodeJwt(headers.get('dpop') ?? '').jti);
  expect(new Set(numbers).size).toBe(3);
  const [first] = sent;
  if (first) await expectProblem(await fetch(first), 401, 'dpop_proof_invalid');
});
