import { describe, expect, test } from '@jest/globals';
import { ConflictError, MetadataError } from '../../packages/client/src/errors.ts';
import { platformRuntime } from '../../packages/client/src/runtime.ts';
import { openScene } from '../support/scene.ts';
import { createTestClient, getRejection } from './create-test-client.ts';

const { person, service } = await openScene();
const BEFORE = { theme: 'dark', nested: { a: 1, b: 1 }, list: [1, 2] };

/** Jane with a client that has read, and another device of hers. */
async function openJane(baseUrl = service.url) {
  const jane = await person(BEFORE);
  const fixture = createTestClient({ baseUrl, getAccessToken: async () => jane.token });
  const read = await fixture.client.read();
  const elsewhere = (json: unknown) => jane.ask('PATCH', '', { json });
  const writes = () => fixture.sent.filter(({ method }) => method !== 'GET');
  return { jane, ...fixture, read, elsewhere, writes };
}

describe('a patch', () => {
  test('is merged at every depth by the service, without a precondition', async () => {
    const { client, jane, elsewhere, writes } = await openJane();
    await elsewhere({ nested: { b: 2 } });
    const { value, etag } = await client.patch({ nested: { a: null, c: 3 }, list: [3] });
    expect(value).toEqual({ theme: 'dark', nested: { b: 2, c: 3 }, list: [3] });
    expect(etag).toBe((await jane.ask('GET')).headers.get('etag'));
    expect(writes().map(({ headers }) => headers.get('if-match'))).toEqual([null]);
  });

  test('on a state is sent again on the one that others made of it, if they changed something else', async () => {
    const { client, read, elsewhere, writes } = await openJane();
    await elsewhere({ theme: 'light', nested: { b: 2 } });
    const { value } = await client.patch({ nested: { a: 5 }, list: null }, { ifMatch: read.etag });
    expect(value).toEqual({ theme: 'light', nested: { a: 5, b: 2 } });
    expect(writes().map(({ status }) => status)).toEqual([412, 200]);
  });

  test('on a state is no conflict with a change to the same', async () => {
    const { client, elsewhere } = await openJane();
    await elsewhere({ theme: 'light', nested: { a: null } });
    const { value } = await client.patch({ theme: 'light', nested: { a: null } }, { ifMatch: 'latest' });
    expect(value).toMatchObject({ theme: 'light', nested: { b: 1 } });
  });

  test('on a state that others changed in the same place changes nothing and tells all three', async () => {
    const { client, jane, elsewhere, read } = await openJane();
    await elsewhere({ nested: { a: 2 }, theme: 'light' });
    const changes = { nested: { a: 3 } };
    const conflict = await getRejection(ConflictError, client.patch(changes, { ifMatch: 'latest' }));
    expect(conflict).toMatchObject({
      name: 'ConflictError',
      code: 'precondition_failed',
      status: 412,
      changes,
    });
    expect(conflict.base).toEqual(read.value);
    expect(conflict.current).toEqual({ theme: 'light', nested: { a: 2, b: 1 }, list: [1, 2] });
    expect(jane.user.stored).toEqual(conflict.current);

    await elsewhere({ theme: 'blue' });
    const chosen = await client.patch(changes, { ifMatch: conflict.etag ?? '' });
    expect(chosen.value).toEqual({ theme: 'blue', nested: { a: 3, b: 1 }, list: [1, 2] });
  });

  test('on a state that this client never saw is not sent again', async () => {
    const { client, elsewhere } = await openJane();
    await elsewhere({ other: true });
    const conflict = await getRejection(
      ConflictError,
      client.patch({ theme: 'x' }, { ifMatch: '"unknown"' }),
    );
    expect(conflict.base).toBeUndefined();
  });

  test('is sent six times at most while others keep writing', async () => {
    const { jane, elsewhere } = await openJane();
    let count = 0;
    const { client, sent } = createTestClient({
      baseUrl: service.url,
      getAccessToken: async () => jane.token,
      fetch: async (url, init) => {
        count += 1;
        if (init.method === 'PATCH') await elsewhere({ other: count });
        return platformRuntime.fetch(url, init);
      },
    });
    await client.read();
    await getRejection(ConflictError, client.patch({ theme: 'x' }, { ifMatch: 'latest' }));
    expect(sent.map(({ status }) => status)).toEqual([200, 412, 412, 412, 412, 412, 412]);
  });

  test('that is refused says where, and that it was not stored', async () => {
    const { client, jane } = await openJane();
    const error = await getRejection(MetadataError, client.patch({ 'a.b': 1 }));
    expect(error).toMatchObject({ code: 'metadata_invalid', status: 422, errors: [{ pointer: '/a.b' }] });
    expect(error.requestId).toMatch(/^[\w-]{8,}$/);
    expect(jane.user.stored).toEqual(BEFORE);
  });
});

describe('a write with a token that may not read', () => {
  test('is stored, and shows nothing', async () => {
    const jane = await person(BEFORE, { scope: 'update:metadata' });
    const { client } = createTestClient({ baseUrl: service.url, getAccessToken: async () => jane.token });
    expect(await client.patch({ theme: 'light' })).toMatchObject({ value: null, etag: '' });
    expect(await client.replaceKey('list', [3])).toMatchObject({ value: null, etag: '' });
    expect(jane.user.stored).toMatchObject({ theme: 'light', list: [3] });
  });

  test('is a conflict that shows nothing, where another state is stored', async () => {
    const jane = await person(BEFORE, { scope: 'update:metadata' });
    const { client } = createTestClient({ baseUrl: service.url, getAccessToken: async () => jane.token });
    const wrong = { ifMatch: '"another"' };
    const conflict = await getRejection(ConflictError, client.patch({ theme: 'light' }, wrong));
    expect([conflict.code, conflict.current, conflict.etag]).toEqual([
      'precondition_failed',
      undefined,
      undefined,
    ]);
    expect(jane.user.stored).toEqual(BEFORE);
  });
});

describe('a replacement', () => {
  test('of the state last seen is stored, and so is the next', async () => {
    const { client, jane, writes } = await openJane();
    await client.replace({ theme: 'light' });
    await client.replace({ theme: 'blue' });
    expect(jane.user.stored).toEqual({ theme: 'blue' });
    expect(writes().map(({ headers }) => headers.has('if-match'))).toEqual([true, true]);
  });

  test('of a state that others changed is a conflict, whatever they changed', async () => {
    const { client, jane, elsewhere, read } = await openJane();
    await elsewhere({ other: 1 });
    const wanted = { theme: 'light', nested: { b: 1 }, list: [1, 2] };
    const conflict = await getRejection(ConflictError, client.replace(wanted));
    expect(conflict.base).toEqual(read.value);
    expect(conflict.current).toEqual({ ...BEFORE, other: 1 });
    expect(conflict.changes).toEqual({ theme: 'light', nested: { a: null } });
    await client.replace(wanted, { ifMatch: false });
    expect(jane.user.stored).toEqual(wanted);
  });

  test('with nothing seen before has no precondition', async () => {
    const jane = await person(BEFORE);
    const { client, sent } = createTestClient({
      baseUrl: service.url,
      getAccessToken: async () => jane.token,
    });
    await client.replace({ theme: 'light' });
    expect(sent[0]?.headers.has('if-match')).toBe(false);
  });
});

describe('a removal', () => {
  test('of everything leaves nothing, and forgets what was kept', async () => {
    const { client, jane, elsewhere } = await openJane();
    await elsewhere({ other: 1 });
    const conflict = await getRejection(ConflictError, client.remove({ ifMatch: 'latest' }));
    expect(conflict.changes).toEqual({ theme: null, nested: null, list: null });
    expect(await client.remove()).toBeUndefined();
    expect(jane.user.stored).toEqual({});
    expect((await client.replace({ theme: 'new' })).value).toEqual({ theme: 'new' });
  });
});

describe('a key', () => {
  test('is replaced and removed alone', async () => {
    const { client, jane } = await openJane();
    expect((await client.replaceKey('theme', 'light')).value).toBe('light');
    await client.removeKey('list');
    await client.removeKey('list');
    expect(jane.user.stored).toEqual({ theme: 'light', nested: { a: 1, b: 1 } });
  });

  test.each(['', '.', '..'])('that cannot be, %j, is not taken for the whole document', async (name) => {
    const { client, sent, jane } = await openJane();
    await expect(client.removeKey(name)).rejects.toThrow('cannot be a key');
    expect([sent.length, jane.user.stored]).toEqual([1, BEFORE]);
  });

  test('that others changed is a conflict about that key alone', async () => {
    const { client, elsewhere } = await openJane();
    await client.readKey('theme');
    await elsewhere({ theme: 'light', list: null });
    const how = { ifMatch: 'latest' };
    const conflict = await getRejection(ConflictError, client.replaceKey('theme', 'blue', how));
    const { current, base, changes } = conflict;
    expect({ current, base, changes }).toEqual({
      current: { theme: 'light' },
      base: { theme: 'dark' },
      changes: { theme: 'blue' },
    });
    await client.replaceKey('theme', 'blue', { ifMatch: conflict.etag ?? '' });
    await elsewhere({ theme: null });
    const gone = await getRejection(ConflictError, client.removeKey('theme', how));
    expect([gone.current, gone.etag, gone.changes]).toEqual([{}, undefined, { theme: null }]);
  });
});
