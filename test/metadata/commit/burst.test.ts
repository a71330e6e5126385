/** A burst of writes of one user before a real tenant that takes its time: nothing is lost, little is sent. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { startTenant } from '../../../packages/local-tenant/src/tenant.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { represent } from '../../../src/metadata/representation.ts';
import { startService } from '../../support/service.ts';

const WRITES = 60;
const PATCHES_MAX = 6;
const tenant = await startTenant({ latencyMs: 40 });
afterAll(() => tenant.stop());
const service = await startService({
  env: {
    AUDIENCE: tenant.apiAudience,
    ISSUER_BASE_URL: tenant.url,
    AUTH0_MANAGEMENT_URL: tenant.url,
    AUTH0_CLIENT_ID: 'local-bff',
    AUTH0_CLIENT_SECRET: 'local-secret',
    USER_WRITES_PER_MINUTE: '1000',
    USER_READS_PER_MINUTE: '1000',
  },
});
const numbers = Array.from({ length: WRITES }, (_, index) => index);

async function local<T>(path: string, method = 'GET', json?: unknown): Promise<T> {
  const response = await fetch(`${tenant.url}/_local/${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  });
  return JSON.parse((await response.text()) || 'null');
}

interface Stored {
  readonly user_metadata: JsonObject;
}

async function createUser(sub: string, metadata: JsonObject) {
  const path = `users/${encodeURIComponent(sub)}`;
  await local(path, 'PUT', { user_metadata: metadata });
  const scope = 'read:metadata update:metadata';
  const { access_token: token } = await local<{ access_token: string }>('token', 'POST', { sub, scope });
  await local('calls', 'DELETE');
  return {
    stored: async () => (await local<Stored>(path)).user_metadata,
    ask: (method: string, suffix: string, json: unknown) =>
      fetch(`${service.url}/me/metadata${suffix}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(json),
      }),
  };
}

async function callsOf(method: string): Promise<number> {
  const calls = await local<ReadonlyArray<{ method: string; path: string }>>('calls');
  return calls.filter((call) => call.method === method && call.path.startsWith('/api/v2/users/')).length;
}

describe('sixty writers of different keys below one key', () => {
  test('are all kept in a few PATCHes, each with an answer of its own', async () => {
    const jane = await createUser('auth0|burst', { prefs: { old: true }, other: 1 });
    const responses = await Promise.all(
      numbers.map((n) => jane.ask('PATCH', '', { prefs: { [`key${n}`]: n } })),
    );
    expect(responses.map(({ status }) => status)).toEqual(numbers.map(() => 200));
    const documents: JsonObject[] = await Promise.all(
      responses.map(async (response) => JSON.parse(await response.text())),
    );
    for (const n of numbers) {
      expect(documents[n]).toMatchObject({ prefs: { old: true, [`key${n}`]: n }, other: 1 });
      expect(responses[n]?.headers.get('etag')).toBe(represent(documents[n] ?? {}).etag);
    }
    const all = Object.fromEntries(numbers.map((n) => [`key${n}`, n]));
    expect(await jane.stored()).toEqual({ prefs: { old: true, ...all }, other: 1 });
    expect(new Set(documents.map((document) => JSON.stringify(document))).size).toBe(WRITES);
    expect(await callsOf('PATCH')).toBeLessThanOrEqual(PATCHES_MAX);
    expect(await callsOf('GET')).toBeLessThanOrEqual(PATCHES_MAX);
  });
});

test('sixty writers of root keys, of whom a third is refused, lose nothing either', async () => {
  const jane = await createUser('auth0|roots', { kept: true });
  const responses = await Promise.all(
    numbers.map((n) => jane.ask('PUT', `/key${n}`, n % 3 === 0 ? null : n)),
  );
  expect(responses.map(({ status }) => status)).toEqual(numbers.map((n) => (n % 3 === 0 ? 422 : 200)));
  const accepted = numbers.filter((n) => n % 3 !== 0);
  expect(await jane.stored()).toEqual({
    kept: true,
    ...Object.fromEntries(accepted.map((n) => [`key${n}`, n])),
  });
  expect(await callsOf('PATCH')).toBeLessThanOrEqual(PATCHES_MAX);
});
