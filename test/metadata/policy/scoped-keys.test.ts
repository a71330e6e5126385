/** Scopes that open some keys: united with each other and the general ones, and cut by the application's own view. */
import { describe, expect, test } from '@jest/globals';
import { openCompat } from '../../http/compat/compat.ts';
import { openSse } from '../../support/sse.ts';
import { expectProblem } from '../../support/problem.ts';
import { openScene } from '../../support/scene.ts';
import { getErrors } from '../../config/environment.ts';

const POLICY = {
  scopedKeys: {
    'update:newsletter': { readable: ['newsletter'], writable: ['newsletter'] },
    'read:theme': { readable: ['theme'] },
    'update:language': { writable: ['language'] },
  },
  clients: { kiosk: { readable: ['theme', 'newsletter'], writable: ['theme'] } },
  appMetadata: { readable: ['plan'] },
};
const { person, service, managementCalls } = await openScene({ policy: POLICY });
const rbac = await openScene({ policy: POLICY, env: { AUTH_PERMISSIONS_CLAIM: 'true' } });
const compat = await openCompat({ policy: POLICY });

const DOCUMENT = { newsletter: true, theme: 'dark', language: 'en', note: 'unopened' };
const JSON_PATCH = { 'content-type': 'application/json-patch+json' };
const FRESH = { 'cache-control': 'no-cache' };

const withScope = (scope: string, claims: Readonly<Record<string, unknown>> = {}) =>
  person({ ...DOCUMENT }, { scope, ...claims });

describe('a token reads', () => {
  test.each<[string, Record<string, unknown>]>([
    ['update:newsletter', { newsletter: true }],
    ['update:newsletter read:theme', { newsletter: true, theme: 'dark' }],
    ['update:language', { language: 'en' }],
    ['read:metadata update:newsletter', DOCUMENT],
    ['update:metadata read:theme', { theme: 'dark' }],
    ['openid read:theme update:unknown', { theme: 'dark' }],
  ])('with %s what these scopes open together', async (scope, visible) => {
    const jane = await withScope(scope);
    expect(await (await jane.ask('GET')).json()).toEqual(visible);
    expect(await (await jane.ask('GET', '/../../me')).json()).toMatchObject({ user_metadata: visible });
    for (const key of Object.keys(DOCUMENT)) {
      const response = await jane.ask('GET', `/${key}`);
      expect([key, response.status]).toEqual([key, Object.hasOwn(visible, key) ? 200 : 404]);
    }
  });

  test.each<[string, Record<string, unknown>]>([
    ['read:metadata', { newsletter: true, theme: 'dark' }],
    ['update:newsletter update:language', { newsletter: true }],
    ['update:language', {}],
  ])('with %s no more than its application may', async (scope, visible) => {
    const jane = await withScope(scope, { azp: 'kiosk' });
    expect(await (await jane.ask('GET')).json()).toEqual(visible);
  });

  test('with a scope in permissions, where these count', async () => {
    const jane = await rbac.person({ ...DOCUMENT }, { scope: 'openid', permissions: ['read:theme'] });
    expect(await (await jane.ask('GET')).json()).toEqual({ theme: 'dark' });
  });

  test.each([
    ['GET', 'openid'],
    ['GET', 'read:theme2'],
    ['PATCH', 'read:metadata read:theme'],
    ['PATCH', 'read:theme'],
  ])('by %s nothing with %s, and the challenge names the general scope', async (method, scope) => {
    const jane = await withScope(scope);
    const response = await jane.ask(method, '', method === 'GET' ? {} : { json: { theme: 'x' } });
    const general = method === 'GET' ? 'read:metadata' : 'update:metadata';
    expect(response.headers.get('www-authenticate')).toContain(`scope="${general}"`);
    await expectProblem(response, 403, 'scope_missing');
    expect(managementCalls()).toBe(0);
  });
});

describe('a token changes', () => {
  test.each<[string, Record<string, unknown>]>([
    ['update:newsletter', { newsletter: false }],
    ['update:newsletter', { newsletter: null }],
    ['update:newsletter update:language', { newsletter: false, language: 'de' }],
    ['update:metadata update:newsletter', { theme: 'light', newsletter: false }],
  ])('with %s what these scopes open together: %j', async (scope, patch) => {
    const jane = await withScope(scope);
    expect((await jane.ask('PATCH', '', { json: patch })).status).toBe(200);
    const kept = Object.entries({ ...DOCUMENT, ...patch }).filter(([, value]) => value !== null);
    expect(jane.user.stored).toEqual(Object.fromEntries(kept));
  });

  test.each<[string, Record<string, unknown>, ReadonlyArray<string>]>([
    ['update:newsletter', { newsletter: false, theme: 'light' }, ['/theme']],
    ['update:newsletter read:theme', { theme: 'light' }, ['/theme']],
    ['update:newsletter', { unheard: 1 }, ['/unheard']],
    ['read:metadata update:newsletter', { theme: 'light', note: 'x' }, ['/theme', '/note']],
  ])('with %s nothing else: %j', async (scope, patch, pointers) => {
    const jane = await withScope(scope);
    await expectProblem(await jane.ask('PATCH', '', { json: patch }), 403, 'key_read_only', {
      errors: pointers.map((pointer) => ({ pointer, code: 'read_only' })),
    });
    expect(jane.user.stored).toEqual(DOCUMENT);
  });

  test('one key by its address, with the tag of that key', async () => {
    const jane = await withScope('update:newsletter');
    const etag = (await jane.ask('GET', '/newsletter')).headers.get('etag') ?? '';
    const response = await jane.ask('PUT', '/newsletter', { json: false, headers: { 'if-match': etag } });
    expect([response.status, await response.json()]).toEqual([200, false]);
    await expectProblem(await jane.ask('PUT', '/theme', { json: 'x' }), 403, 'key_read_only', {
      errors: [{ pointer: '/theme' }],
    });
    expect((await jane.ask('DELETE', '/newsletter')).status).toBe(204);
    expect(jane.user.stored).toEqual({ theme: 'dark', language: 'en', note: 'unopened' });
  });

  test('by DELETE of the document nothing but the keys that it may change', async () => {
    const jane = await withScope('update:newsletter read:theme');
    expect((await jane.ask('DELETE')).status).toBe(204);
    expect(jane.user.stored).toEqual({ theme: 'dark', language: 'en', note: 'unopened' });
  });

  test('and its application may not: refused', async () => {
    const jane = await withScope('update:newsletter', { azp: 'kiosk' });
    const response = await jane.ask('PATCH', '', { json: { newsletter: false } });
    await expectProblem(response, 403, 'key_read_only', { errors: [{ pointer: '/newsletter' }] });
    expect(jane.user.stored).toEqual(DOCUMENT);
  });

  test('and an actor may not, where delegation is for reading', async () => {
    const jane = await withScope('update:newsletter', { act: { sub: 'auth0|desk' } });
    expect(await (await jane.ask('GET')).json()).toEqual({ newsletter: true });
    const response = await jane.ask('PATCH', '', { json: { newsletter: false } });
    await expectProblem(response, 403, 'actor_not_allowed');
  });
});

describe('a token with the general scope to write and a scope that reads a key', () => {
  const MIXED = 'update:metadata read:theme';

  test('changes everything, and is answered with the key alone and its tag', async () => {
    const jane = await withScope(MIXED);
    const response = await jane.ask('PATCH', '', { json: { note: 'new', theme: 'light' } });
    expect([response.status, await response.json()]).toEqual([200, { theme: 'light' }]);
    expect(response.headers.get('etag')).toBe((await jane.ask('GET')).headers.get('etag'));
    expect(jane.user.stored).toEqual({ ...DOCUMENT, note: 'new', theme: 'light' });
  });

  test('is answered with 204 and no tag for a key that it may not read', async () => {
    const jane = await withScope(MIXED);
    const response = await jane.ask('PUT', '/note', { json: 'new' });
    expect([response.status, response.headers.get('etag')]).toEqual([204, null]);
  });

  test('makes its conditions on what it reads, and is shown that alone', async () => {
    const jane = await withScope(MIXED);
    const etag = (await jane.ask('GET')).headers.get('etag') ?? '';
    jane.user.stored = { ...DOCUMENT, note: 'changed elsewhere' };
    const headers = { 'if-match': etag };
    expect((await jane.ask('PATCH', '', { json: { note: 'mine' }, headers })).status).toBe(200);
    const stale = { 'if-match': '"other"' };
    const refused = await jane.ask('PATCH', '', { json: { note: 'x' }, headers: stale });
    expect(refused.headers.get('etag')).toBe(etag);
    await expectProblem(refused, 412, 'precondition_failed', { current: { theme: 'dark' } });
    const unseen = await jane.ask('PUT', '/note', { json: 'x', headers: stale });
    expect(unseen.headers.get('etag')).toBeNull();
    expect(await unseen.json()).not.toHaveProperty('current');
  });

  test.each([
    { op: 'test', path: '/note', value: 'unopened' },
    { op: 'copy', from: '/note', path: '/theme' },
    { op: 'move', from: '/note', path: '/theme' },
  ])('gets at nothing else by %j', async (operation) => {
    const jane = await withScope(MIXED);
    const response = await jane.ask('PATCH', '', { json: [operation], headers: JSON_PATCH });
    await expectProblem(response, 403, 'scope_missing');
    expect(jane.user.stored).toEqual(DOCUMENT);
  });
});

describe('tags and sizes', () => {
  test('differ between tokens that see different keys, out of one cached copy', async () => {
    const jane = await withScope('read:metadata');
    const { id } = jane.user;
    const narrow = await person(undefined, { sub: id, scope: 'update:newsletter' });
    const whole = await jane.ask('GET');
    const part = await narrow.ask('GET');
    expect(jane.user.reads).toBe(1);
    expect(part.headers.get('etag')).not.toBe(whole.headers.get('etag'));
    const crossed = await narrow.ask('GET', '', {
      headers: { 'if-none-match': whole.headers.get('etag') ?? '' },
    });
    expect([crossed.status, await crossed.json()]).toEqual([200, { newsletter: true }]);
    expect(part.headers.get('vary')).toContain('Authorization');
    expect(part.headers.get('metadata-quota')).toBe(
      `limit=8192, used=${JSON.stringify({ newsletter: true }).length}`,
    );
    expect(whole.headers.get('metadata-quota')).toBe(`limit=8192, used=${JSON.stringify(DOCUMENT).length}`);
  });

  test('stay when only other keys change', async () => {
    const jane = await withScope('update:newsletter');
    const etag = (await jane.ask('GET')).headers.get('etag') ?? '';
    jane.user.stored = { ...DOCUMENT, theme: 'light', note: 'x'.repeat(5_000) };
    const again = await jane.ask('GET', '', { headers: { ...FRESH, 'if-none-match': etag } });
    expect(again.status).toBe(304);
  });
});

test('/me/events tells of the keys that the token may read, and of nothing else', async () => {
  const jane = await withScope('update:newsletter');
  const general = await person(undefined, { sub: jane.user.id });
  const reader = await openSse(`${service.url}/me/events`, { authorization: `Bearer ${jane.token}` });
  await reader.nextData('stream.opened');
  await general.ask('PATCH', '', { json: { theme: 'light' } });
  await general.ask('PATCH', '', { json: { newsletter: false, note: 'x' } });
  expect(await reader.nextData('metadata.updated')).toMatchObject({ keys: ['newsletter'] });
  await reader.close();
});

describe('the drop-in for the Management API', () => {
  test('shows and changes what the scopes open', async () => {
    const jane = await compat.user({ ...DOCUMENT }, { scope: 'update:newsletter' });
    expect(await (await jane.ask('GET')).json()).toMatchObject({ user_metadata: { newsletter: true } });
    const changed = await jane.ask('PATCH', '', { json: { user_metadata: { newsletter: false } } });
    expect(await changed.json()).toMatchObject({ user_metadata: { newsletter: false } });
    const refused = await jane.ask('PATCH', '', { json: { user_metadata: { theme: 'x' } } });
    expect([refused.status, jane.user.stored]).toEqual([403, { ...DOCUMENT, newsletter: false }]);
  });

  test('takes no general scope of this API for one of the Management API, nor the other way round', async () => {
    const jane = await compat.user({ ...DOCUMENT }, { scope: 'read:metadata read:theme' });
    expect(await (await jane.ask('GET')).json()).toMatchObject({ user_metadata: { theme: 'dark' } });
    const omar = await compat.person({ ...DOCUMENT }, { scope: 'read:current_user read:theme' });
    expect(await (await omar.ask('GET')).json()).toEqual({ theme: 'dark' });
  });
});

test('the scopes are in the OpenAPI document and in the metadata of RFC 9728', async () => {
  const names = Object.keys(POLICY.scopedKeys);
  const described: unknown = await (
    await fetch(`${service.url}/.well-known/oauth-protected-resource`)
  ).json();
  expect(described).toMatchObject({ scopes_supported: expect.arrayContaining(names) });
  const document = Object(await (await fetch(`${service.url}/openapi.json`)).json());
  const { scopes } = document.components.securitySchemes.oauth2.flows.authorizationCode;
  expect(Object.keys(scopes)).toEqual(expect.arrayContaining(names));
  const accepted = (method: string) =>
    document.paths['/me/metadata'][method].security.flatMap(Object.values).flat();
  expect(accepted('get')).toEqual(expect.arrayContaining(['read:metadata', ...names]));
  expect(accepted('patch')).toContain('update:newsletter');
  expect(accepted('patch')).not.toContain('read:theme');
});

test.each<[string, unknown]>([
  ['scopedKeys.a', { a: { readable: ['x'], writable: ['x', 'y'] } }],
  ['scopedKeys.a', { a: {} }],
  ['scopedKeys.a', { a: { readable: [], writable: [] } }],
  ['scopedKeys.read:metadata', { 'read:metadata': { readable: ['x'] } }],
  ['scopedKeys.two words', { 'two words': { readable: ['x'] } }],
])('%s of %j is refused at the start', (place, scopedKeys) => {
  const errors = getErrors(
    { POLICY_FILE: '/etc/policy.json' },
    { '/etc/policy.json': JSON.stringify({ scopedKeys }) },
  );
  expect(errors).toHaveLength(1);
  expect(errors[0]).toContain(`POLICY_FILE: ${place}: `);
});
