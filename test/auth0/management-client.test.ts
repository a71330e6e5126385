import { describe, expect, test } from '@jest/globals';
import { json } from '../lib/fake-http.ts';
import { appErrorOf } from '../lib/rejection.ts';
import { createWorld, JANE, stored } from './management-fixture.ts';

describe('reading a user', () => {
  test.each([
    [JANE, 'auth0%7Cjane'],
    ['auth0|a/b c%3A', 'auth0%7Ca%2Fb%20c%253A'],
    ['samlp|x|u@y', 'samlp%7Cx%7Cu%40y'],
    ['google-oauth2|1🙂', 'google-oauth2%7C1%F0%9F%99%82'],
    ['auth0|../../clients?x=#y', 'auth0%7C..%2F..%2Fclients%3Fx%3D%23y'],
    ['auth0|a&b+c', 'auth0%7Ca%26b%2Bc'],
  ])('named %j asks for exactly that user and the fields we use', async (userId, encoded) => {
    const { http, read } = createWorld();
    http.next(json(200, { ...stored, user_id: userId }));
    await read(userId);
    expect(http.sent).toEqual([
      {
        method: 'GET',
        url: `https://t.test/api/v2/users/${encoded}?fields=user_id,user_metadata,updated_at&include_fields=true`,
        operation: 'users.read',
        headers: {
          authorization: 'Bearer token-1',
          'x-correlation-id': expect.stringMatching(/^[\w-]{36}$/),
        },
        timeoutMs: 5_000,
      },
    ]);
  });

  test.each(['.', '..'])('named %j does not leave the users of the API', async (userId) => {
    const { http, read } = createWorld();
    http.next(json(200, { ...stored, user_id: userId }));
    await read(userId).catch(() => undefined);
    const paths = http.sent.map(({ url }) => new URL(url).pathname);
    expect(paths.filter((path) => !path.startsWith('/api/v2/users/'))).toEqual([]);
    expect(paths.filter((path) => path === '/api/v2/users/')).toEqual([]);
  });

  test('keeps only the fields it knows of the answer', async () => {
    const { http, read } = createWorld();
    http.next(
      json(200, {
        ...stored,
        email: 'x',
        app_metadata: { role: 'admin' },
        identities: [{ access_token: 'x' }],
      }),
    );
    expect(await read(JANE)).toEqual({
      userMetadata: { a: 1 },
      appMetadata: {},
      updatedAt: '2026-01-01T00:00:00.000Z',
    });
  });

  test('asks for app_metadata where something of it may be read, and keeps no other key', async () => {
    const { http, read, change } = createWorld({ appMetadataKeys: ['plan', 'gone'] });
    http.next(json(200, { ...stored, app_metadata: { plan: 'pro', stripe: 'LEAK', toString: 1 } }));
    expect((await read(JANE)).appMetadata).toEqual({ plan: 'pro' });
    expect((await change(JANE, { a: 1 })).appMetadata).toEqual({ plan: 'pro' });
    expect(http.sent[0]?.url).toContain(
      '?fields=user_id,user_metadata,updated_at,app_metadata&include_fields=true',
    );
  });

  test('takes a user without metadata for one with none', async () => {
    const { http, read } = createWorld({ appMetadataKeys: ['plan'] });
    http.next(json(200, { user_id: JANE }));
    expect(await read(JANE)).toEqual({
      userMetadata: {},
      appMetadata: {},
      updatedAt: undefined,
    });
  });
});

describe('changing a user', () => {
  test('sends nothing but user_metadata', async () => {
    const { http, change } = createWorld();
    http.next(json(200, { ...stored, user_metadata: { a: 2 } }));
    expect((await change(JANE, { a: 2, b: null })).userMetadata).toEqual({ a: 2 });
    expect(http.sent).toEqual([
      {
        method: 'PATCH',
        url: 'https://t.test/api/v2/users/auth0%7Cjane',
        operation: 'users.change',
        headers: {
          'content-type': 'application/json',
          authorization: 'Bearer token-1',
          'x-correlation-id': expect.stringMatching(/^[\w-]{36}$/),
        },
        body: '{"user_metadata":{"a":2,"b":null}}',
        timeoutMs: 5_000,
      },
    ]);
  });

  test('with nothing to change is refused before anything is sent, because it would wipe everything', async () => {
    const { http, change } = createWorld();
    await expect(change(JANE, {})).rejects.toThrow('would wipe');
    expect(http.sent).toEqual([]);
  });
});

test('settings of an application are read by its encoded id, and no other application answers for it', async () => {
  const { http, readClient } = createWorld({ clientMetadataKeys: ['theme'] });
  http.next(
    json(200, { client_id: 'a/b', client_metadata: { theme: 'dark', key: 'LEAK' }, client_secret: 'x' }),
    json(200, { client_id: 'other', client_metadata: {} }),
    json(404, {}),
  );
  expect(await readClient('a/b')).toEqual({ theme: 'dark' });
  expect(http.sent[0]?.url).toBe(
    'https://t.test/api/v2/clients/a%2Fb?fields=client_id,client_metadata&include_fields=true',
  );
  expect((await appErrorOf(readClient('a/b'))).code).toBe('upstream_malformed');
  expect((await appErrorOf(readClient('a/b'))).code).toBe('client_not_allowed');
});
