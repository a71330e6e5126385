/** `/me` and `/me/app-metadata`: what is shown of a profile, to whom, and in which form. */
import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../../support/problem.ts';
import { openResources, UPDATED_AT } from './resources.ts';

const { user, tenant, managementCalls } = await openResources({
  policy: { appMetadata: { readable: ['plan', 'constructor'] } },
});
const closed = await openResources();
const DOCUMENTS = { user: { theme: 'dark' }, app: { plan: 'pro', internal: 'LEAK', roles: ['LEAK'] } };
const PROFILE = (sub: string) => ({
  sub,
  user_metadata: { theme: 'dark' },
  app_metadata: { plan: 'pro' },
  updated_at: UPDATED_AT,
});

describe('/me', () => {
  test('shows the subject, both kinds of metadata and when they changed', async () => {
    const { id, ask } = await user(DOCUMENTS);
    const response = await ask('/me');
    expect(await response.json()).toEqual(PROFILE(id));
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'private, no-cache',
      vary: 'Authorization, Origin',
      'cache-status': 'metadata-bff; fwd=miss; stored',
    });
    expect(response.headers.get('content-disposition')).toBeNull();
  });

  test('leaves app_metadata out without its scope, and is refused without its own', async () => {
    const { id, ask } = await user(DOCUMENTS, { scope: 'read:metadata' });
    const { app_metadata: _left, ...rest } = PROFILE(id);
    expect(await (await ask('/me')).json()).toEqual(rest);
    const other = await user(DOCUMENTS, { scope: 'read:app_metadata' });
    await expectProblem(await other.ask('/me'), 403, 'scope_missing');
  });

  test('shows {} for a user who never had metadata', async () => {
    const { id, ask } = await user();
    expect(await (await ask('/me')).json()).toEqual({
      sub: id,
      user_metadata: {},
      app_metadata: {},
      updated_at: UPDATED_AT,
    });
  });

  test('leaves updated_at out where the tenant has none', async () => {
    const { id, ask } = await user({ user: { a: 1 } });
    tenant.answerWith('read', { status: 200, body: { user_id: id, user_metadata: { a: 1 } } });
    expect(await (await ask('/me')).json()).toEqual({ sub: id, user_metadata: { a: 1 }, app_metadata: {} });
  });

  test.each([
    ['?fields=sub,updated_at', ['sub', 'updated_at']],
    ['?fields=user_metadata&include_fields=false', ['app_metadata', 'sub', 'updated_at']],
    ['?fields=email,internal', []],
    ['?fields=', ['app_metadata', 'sub', 'updated_at', 'user_metadata']],
  ])('is projected by %s', async (query, names) => {
    const { ask } = await user(DOCUMENTS);
    expect(Object.keys(Object(await (await ask(`/me${query}`)).json())).toSorted()).toEqual(names);
  });

  test('has a tag of its own projection, and is not sent twice', async () => {
    const { ask } = await user(DOCUMENTS);
    const etag = (await ask('/me')).headers.get('etag') ?? '';
    const again = await ask('/me', 'GET', { 'if-none-match': etag });
    expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag]);
    expect((await ask('/me?fields=sub', 'GET', { 'if-none-match': etag })).status).toBe(200);
    expect((await ask('/me/metadata')).headers.get('etag')).not.toBe(etag);
  });

  test('answers HEAD as GET, without the body', async () => {
    const { ask } = await user(DOCUMENTS);
    const [get, head] = [await ask('/me'), await ask('/me', 'HEAD')];
    expect(await head.text()).toBe('');
    for (const name of ['etag', 'content-length', 'content-type']) {
      expect(head.headers.get(name)).toBe(get.headers.get(name));
    }
  });

  test.each(['GET', 'HEAD'])('is a file to keep with download=1, by %s', async (method) => {
    const { ask } = await user(DOCUMENTS);
    const response = await ask('/me?download=1', method);
    expect([response.status, response.headers.get('content-disposition')]).toEqual([
      200,
      'attachment; filename="my-profile.json"',
    ]);
    expect((await ask('/me?download=0')).headers.get('content-disposition')).toBeNull();
  });

  test('shares one read of the tenant with /me/metadata and /me/app-metadata', async () => {
    const { ask } = await user(DOCUMENTS);
    await ask('/me');
    const others = [await ask('/me/metadata'), await ask('/me/app-metadata')];
    expect(others.map(({ headers }) => headers.get('cache-status'))).toEqual([
      expect.stringMatching(/^metadata-bff; hit; ttl=\d+$/),
      expect.stringMatching(/^metadata-bff; hit; ttl=\d+$/),
    ]);
    expect(managementCalls()).toBe(1);
  });
});

describe('/me/app-metadata', () => {
  test('shows what the policy lists, and nothing inherited', async () => {
    const { ask } = await user(DOCUMENTS);
    expect(await (await ask('/me/app-metadata')).text()).toBe('{"plan":"pro"}');
  });

  test('is projected, tagged, and answers HEAD', async () => {
    const { ask } = await user(DOCUMENTS);
    expect(await (await ask('/me/app-metadata?fields=internal')).json()).toEqual({});
    const head = await ask('/me/app-metadata', 'HEAD');
    const etag = head.headers.get('etag') ?? '';
    expect((await ask('/me/app-metadata', 'GET', { 'if-none-match': etag })).status).toBe(304);
  });

  test('needs its scope, which no other gives', async () => {
    const { ask } = await user(DOCUMENTS, { scope: 'read:metadata update:metadata read:client_metadata' });
    const response = await ask('/me/app-metadata');
    expect(response.headers.get('www-authenticate')).toContain('scope="read:app_metadata"');
    await expectProblem(response, 403, 'scope_missing');
    expect(managementCalls()).toBe(0);
  });

  test('is {} where the policy lists nothing, and then the tenant is not asked for it', async () => {
    const { ask } = await closed.user(DOCUMENTS);
    expect(await (await ask('/me/app-metadata')).json()).toEqual({});
    expect(await (await ask('/me')).json()).toMatchObject({ app_metadata: {} });
    expect(tenant.calls.filter(({ target }) => target.includes('app_metadata'))).toEqual([]);
  });
});

test('a user can erase everything, and what they then take with them is empty', async () => {
  const { ask } = await user({ user: { theme: 'dark', notes: { private: 'LEAK-erased' } } });
  await ask('/me');
  expect((await ask('/me/metadata', 'DELETE')).status).toBe(204);
  const file = await ask('/me?download=1');
  expect(await file.json()).toMatchObject({ user_metadata: {} });
  expect(await (await ask('/me/metadata')).text()).toBe('{}');
});
