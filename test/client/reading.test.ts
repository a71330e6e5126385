import { describe, expect, test } from '@jest/globals';
import { MetadataError } from '../../packages/client/src/errors.ts';
import { createMetadataClient } from '../../packages/client/src/client.ts';
import { platformRuntime } from '../../packages/client/src/runtime.ts';
import { createDeferred } from '../lib/deferred.ts';
import { openScene } from '../support/scene.ts';
import { createTestClient, getRejection } from './create-test-client.ts';

const SCHEMA = { type: 'object', properties: { theme: { type: 'string' } } };
const { person, service, managementCalls } = await openScene({
  policy: { userMetadata: { schema: SCHEMA } },
});

const loggedOut = () => Promise.reject(new Error('no user is logged in'));

async function openJane(document = { theme: 'dark', nested: { a: 1 } }) {
  const jane = await person(document);
  return {
    jane,
    ...createTestClient({ baseUrl: `${service.url}/`, getAccessToken: async () => jane.token }),
  };
}

describe('a read', () => {
  test('gives the document, its tag, how much room is left and where it came from', async () => {
    const { client, jane } = await openJane();
    const snapshot = await client.read();
    const response = await jane.ask('GET');
    expect(snapshot).toEqual({
      value: { theme: 'dark', nested: { a: 1 } },
      etag: response.headers.get('etag'),
      quota: { limit: 8192, used: 33 },
      cacheStatus: 'metadata-bff; fwd=miss; stored',
    });
  });

  test('of what is known is answered from the cache with 304, and gives a copy of the kept value', async () => {
    const { client, sent, jane } = await openJane();
    const first = await client.read();
    Reflect.set(first.value, 'theme', 'changed by the app');
    const second = await client.read();
    expect(sent.map(({ status }) => status)).toEqual([200, 304]);
    expect(second.value).toEqual({ theme: 'dark', nested: { a: 1 } });
    expect(second.etag).toBe(first.etag);
    expect(second.quota).toEqual(first.quota);
    expect([jane.user.reads, managementCalls()]).toEqual([1, 1]);
  });

  test('that asks for the tenant’s own state gets it', async () => {
    const { client, jane } = await openJane();
    await client.read();
    jane.user.stored = { theme: 'light' };
    expect((await client.read()).value).toMatchObject({ theme: 'dark' });
    expect((await client.read({ revalidate: true })).value).toEqual({ theme: 'light' });
  });

  test('that was overtaken by a later answer does not become what is kept', async () => {
    const { jane } = await openJane();
    const arrived = createDeferred<void>();
    const held = createDeferred<void>();
    const { client, sent } = createTestClient({
      baseUrl: service.url,
      getAccessToken: async () => jane.token,
      fetch: async (url, init) => {
        const response = await platformRuntime.fetch(url, init);
        if (init.method !== 'GET' || sent.length > 0) return response;
        arrived.resolve();
        await held.promise;
        return response;
      },
    });
    const slow = client.read();
    await arrived.promise;
    const { etag } = await client.patch({ theme: 'light' });
    held.resolve();
    expect((await slow).value).toMatchObject({ theme: 'dark' });
    await client.replace({ theme: 'other' });
    expect(sent.at(-1)?.headers.get('if-match')).toBe(etag);
  });

  test('through an intermediary that compresses is known by its strong tag', async () => {
    const { jane } = await openJane();
    const { client } = createTestClient({
      baseUrl: service.url,
      getAccessToken: async () => jane.token,
      fetch: async (url, init) => {
        const response = await platformRuntime.fetch(url, init);
        const headers = new Headers(response.headers);
        headers.set('etag', `W/${headers.get('etag')}`);
        headers.delete('metadata-quota');
        return new Response(await response.text(), { status: response.status, headers });
      },
    });
    const { quota } = await client.read();
    expect(quota).toEqual({ limit: Number.NaN, used: Number.NaN });
    expect((await client.replace({ theme: 'light' })).value).toEqual({ theme: 'light' });
  });

  test('of a key gives its value with a tag of its own, and is repeated with it', async () => {
    const { client, sent } = await openJane();
    expect((await client.readKey('nested')).value).toEqual({ a: 1 });
    expect((await client.readKey('nested')).value).toEqual({ a: 1 });
    expect(sent.map(({ status }) => status)).toEqual([200, 304]);
    const { code, status } = await getRejection(MetadataError, client.readKey('a/b?'));
    expect([code, status]).toEqual(['key_not_found', 404]);
  });

  test('of the schema needs no token and is kept by its tag', async () => {
    const { client, sent } = createTestClient({ baseUrl: service.url, getAccessToken: loggedOut });
    const first = await client.schema();
    expect(first).toMatchObject(SCHEMA);
    expect(await client.schema()).toEqual(first);
    expect(sent.map(({ status }) => status)).toEqual([200, 304]);
  });
});

test('the client as apps make it uses the platform', async () => {
  const jane = await person({ theme: 'dark' });
  const client = createMetadataClient({ baseUrl: service.url, getAccessToken: async () => jane.token });
  expect((await client.read()).value).toEqual({ theme: 'dark' });
});
