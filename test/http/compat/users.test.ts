/** `GET /api/v2/users/{id}`: whose user it is, in whatever way the id is written, and what is answered. */
import { describe, expect, test } from '@jest/globals';
import { sendRaw } from '../../support/raw-http.ts';
import { openScene } from '../../support/scene.ts';
import { APP, type CompatUser, openCompat, refusalOf } from './compat.ts';

const { user, tenant, service, managementCalls } = await openCompat({
  policy: { appMetadata: { readable: ['plan', 'roles'] } },
});
const plain = await openCompat();
const without = await openScene({ env: { AUTH0_COMPAT: 'false' } });

/** Lets the tenant answer what it really does: more than was asked for. */
function storeAppMetadata({ user: { id, stored } }: CompatUser): void {
  tenant.answerWith('read', {
    status: 200,
    body: {
      user_id: id,
      email: 'LEAK@example.com',
      user_metadata: stored,
      app_metadata: { plan: 'pro', internal: 'LEAK' },
      updated_at: '2026-01-02T03:04:05.678Z',
    },
  });
}

const IDS = [
  'auth0|abc',
  'samlp|conn|user@example.com',
  'oauth2|siwe|eip155%3A5%3A0xD70b',
  'auth0|100%',
  'auth0|a/b',
  'auth0|a b',
  'auth0|a?b=c#d',
  'ad|conn|DOMAIN\\name',
  'auth0|✓',
  'auth0|..',
];

describe('the caller is found', () => {
  test.each(IDS)('by the encoded id %s', async (sub) => {
    const jane = await user({ a: 1 }, { sub });
    const response = await jane.ask('GET');
    expect([response.status, await response.json()]).toEqual([
      200,
      expect.objectContaining({ user_id: sub, user_metadata: { a: 1 } }),
    ]);
    expect((await jane.ask('PATCH', '', { json: { user_metadata: { a: 2 } } })).status).toBe(200);
    expect(jane.user.stored).toEqual({ a: 2 });
  });

  test.each([
    ['auth0|abc', 'auth0|abc'],
    ['auth0|abc', 'auth0%7cabc'],
    ['auth0|abc', '%61uth0%7Cabc'],
    ['samlp|conn|user@example.com', 'samlp|conn|user@example.com'],
    ['oauth2|siwe|eip155%3A5%3A0xD70b', 'oauth2|siwe|eip155%3A5%3A0xD70b'],
    ['auth0|a b', 'auth0|a%20b'],
    ['auth0|100%', 'auth0|100%'],
    ['auth0|a/b', 'auth0|a/b'],
    ['auth0|a/b', 'auth0%7Ca%2fb'],
    ['auth0|a/b', 'auth0%7Ca/b'],
    ['auth0|/', 'auth0|/'],
    ['auth0|✓', 'auth0|%E2%9C%93'],
    ['x|é%3A/50% b', 'x|%C3%A9%3A/50%%20b'],
    ['ad|conn|DOMAIN\\name', 'ad|conn|DOMAIN\\name'],
    ['ad|conn|DOMAIN\\name', 'ad|conn|DOMAIN/name'],
  ])('%s by the path segment %s', async (sub, segment) => {
    const { token } = await user({ a: 1 }, { sub });
    const path = `/api/v2/users/${segment}`;
    const response = await sendRaw(service.port, { path, headers: { authorization: `Bearer ${token}` } });
    expect([response.status, await response.json()]).toEqual([
      200,
      expect.objectContaining({ user_id: sub }),
    ]);
  });
});

describe('any other user is not', () => {
  test.each([
    'auth0%7Cother',
    'AUTH0%7Cjane',
    'auth0%7Cjane%20',
    'auth0%257Cjane',
    'auth0%7Cjane%00',
    'jane',
    'me',
    '*',
    '%2e%2e%2fauth0%7Cjane',
    'auth0%7Cjane%2F',
    'auth0|jane%',
    'auth0|jan%C3',
  ])('by %s', async (path) => {
    const jane = await user({ a: 1 }, { sub: 'auth0|jane' });
    tenant.user('auth0|other', { secret: true });
    const message = 'User to be acted on does not match subject in bearer token.';
    const answers = [
      await jane.ask('GET', '', {}, path),
      await jane.ask('PATCH', '', { json: { user_metadata: { a: 2 } } }, path),
    ];
    const refusals = await Promise.all(answers.map(refusalOf));
    expect(refusals).toEqual([
      [403, 'user_mismatch', message],
      [403, 'user_mismatch', message],
    ]);
    expect(managementCalls()).toBe(0);
  });

  test.each(['auth0|jane/', 'auth0|jane/identities', 'auth0|other/auth0|jane'])(
    'by %s, which is no address of theirs',
    async (path) => {
      const jane = await user({ a: 1 }, { sub: 'auth0|jane' });
      const response = await jane.ask('GET', '', {}, path);
      expect((await refusalOf(response)).slice(0, 2)).toEqual([404, 'route_not_found']);
      expect(managementCalls()).toBe(0);
    },
  );

  test.each([
    ['auth0|a?b', 'auth0|a?b'],
    ['auth0|a#b', 'auth0|a'],
  ])('%s by the address %s, which is that of auth0|a', async (sub, path) => {
    const jane = await user({ a: 1 }, { sub });
    expect((await jane.ask('GET', '', {}, path)).status).toBe(403);
  });

  test('although one id is the encoding of the other', async () => {
    const [raw, decoded] = [await user({ a: 1 }, { sub: 'x|a%3Ab' }), await user({ b: 1 }, { sub: 'x|a:b' })];
    expect((await raw.ask('GET', '', {}, 'x%7Ca:b')).status).toBe(403);
    expect((await decoded.ask('GET', '', {}, 'x%7Ca%253Ab')).status).toBe(403);
  });
});

describe('the answer', () => {
  test('holds the user and the listed part of app_metadata, and nothing else', async () => {
    const jane = await user({ a: 1 });
    storeAppMetadata(jane);
    const response = await jane.ask('GET');
    expect(await response.json()).toEqual({
      user_id: jane.user.id,
      user_metadata: { a: 1 },
      app_metadata: { plan: 'pro' },
      updated_at: '2026-01-02T03:04:05.678Z',
    });
    expect(response.headers.get('cache-control')).toBe('private, no-cache');
  });

  test('has no app_metadata where the policy lists none of it', async () => {
    const jane = await plain.user({ a: 1 });
    storeAppMetadata(jane);
    expect(Object.keys(Object(await (await jane.ask('GET')).json())).toSorted()).toEqual([
      'updated_at',
      'user_id',
      'user_metadata',
    ]);
  });

  test.each([
    ['?fields=user_metadata', { user_metadata: { a: 1 } }],
    [
      '?fields=user_metadata,app_metadata&include_fields=true',
      { user_metadata: { a: 1 }, app_metadata: { plan: 'pro' } },
    ],
    ['?fields=app_metadata,updated_at,user_id&include_fields=false', { user_metadata: { a: 1 } }],
    ['?fields=email,identities', {}],
  ])('is projected by %s', async (query, expected) => {
    const jane = await user({ a: 1 });
    storeAppMetadata(jane);
    expect(await (await jane.ask('GET', query)).json()).toEqual(expected);
  });

  test('shows {} for a user who never had metadata', async () => {
    const jane = await user();
    expect(await (await jane.ask('GET', '?fields=user_metadata')).json()).toEqual({ user_metadata: {} });
  });

  test('has a tag, is not sent twice, and has no body for HEAD', async () => {
    const jane = await user({ a: 1 });
    const etag = (await jane.ask('GET')).headers.get('etag') ?? '';
    const again = await jane.ask('GET', '', { headers: { 'if-none-match': etag } });
    expect([again.status, await again.text()]).toEqual([304, '']);
    const head = await jane.ask('HEAD');
    expect([head.status, head.headers.get('etag'), await head.text()]).toEqual([200, etag, '']);
  });
});

test('a preflight grants the header fields of auth0.js', async () => {
  const asked = ['authorization', 'content-type', 'auth0-client'];
  const response = await fetch(`${service.url}/api/v2/users/auth0%7Cabc`, {
    method: 'OPTIONS',
    headers: {
      origin: APP,
      'access-control-request-method': 'PATCH',
      'access-control-request-headers': asked.join(','),
    },
  });
  const granted = (response.headers.get('access-control-allow-headers') ?? '').toLowerCase().split(',');
  expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([204, APP]);
  expect(granted.map((name) => name.trim())).toEqual(expect.arrayContaining(asked));
});

test('nothing of it is there unless AUTH0_COMPAT says so', async () => {
  const jane = await without.person({ a: 1 }, { scope: 'read:current_user update:current_user_metadata' });
  const url = `${without.service.url}/api/v2/users/${encodeURIComponent(jane.user.id)}`;
  const headers = { authorization: `Bearer ${jane.token}` };
  const answers = ['GET', 'PATCH', 'OPTIONS'].map((method) => fetch(url, { method, headers }));
  const codes = (await Promise.all(answers)).map(async (response) => [
    response.status,
    response.headers.get('content-type'),
    Reflect.get(Object(await response.json()), 'code'),
  ]);
  const absent = [404, 'application/problem+json', 'route_not_found'];
  expect(await Promise.all(codes)).toEqual([absent, absent, absent]);
  const metadata = await fetch(`${without.service.url}/.well-known/oauth-protected-resource`);
  expect(await metadata.text()).not.toContain('current_user');
});
