import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../support/problem.ts';
import { sendRaw } from '../support/raw-http.ts';
import { openScene } from '../support/scene.ts';

const { person, service, tenant, managementCalls } = await openScene();

describe('GET /me/metadata', () => {
  test('answers the bare document of the caller', async () => {
    const jane = await person({ theme: 'dark', prefs: { lang: 'en' } });
    const response = await jane.ask('GET');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await response.json()).toEqual({ theme: 'dark', prefs: { lang: 'en' } });
  });

  test('asks the tenant for the fields it needs and for no other user', async () => {
    const jane = await person({ theme: 'dark' });
    await jane.ask('GET');
    const [call] = tenant.calls;
    expect(tenant.calls).toHaveLength(1);
    expect(call?.target).toBe(
      `/api/v2/users/${encodeURIComponent(jane.user.id)}?fields=user_id,user_metadata,updated_at&include_fields=true`,
    );
    expect(call?.headers['authorization']).toMatch(/^Bearer LEAK-management-token-\d+$/);
  });

  test('answers {} for a user who never had metadata', async () => {
    const jane = await person();
    const response = await jane.ask('GET');
    expect(await response.json()).toEqual({});
    expect(response.headers.get('metadata-quota')).toBe('limit=8192, used=2');
  });

  test('HEAD answers the same fields without a body', async () => {
    const jane = await person({ theme: 'dark' });
    const get = await jane.ask('GET');
    const head = await jane.ask('HEAD');
    expect(head.status).toBe(200);
    expect(await head.text()).toBe('');
    for (const name of [
      'etag',
      'content-type',
      'content-length',
      'metadata-quota',
      'vary',
      'cache-control',
    ]) {
      expect([name, head.headers.get(name)]).toEqual([name, get.headers.get(name)]);
    }
  });

  test('is 404 user_not_found when the tenant no longer knows the caller', async () => {
    const jane = await person({ theme: 'dark' });
    tenant.remove(jane.user);
    await expectProblem(await jane.ask('GET'), 404, 'user_not_found');
    expect(jane.user.reads).toBe(0);
  });
});

describe('fields and include_fields', () => {
  const stored = { theme: 'dark', lang: 'en', beta: true };
  const CASES = [
    ['?fields=theme', { theme: 'dark' }],
    ['?fields=theme,lang', { theme: 'dark', lang: 'en' }],
    ['?fields=theme&include_fields=true', { theme: 'dark' }],
    ['?fields=theme&include_fields=false', { lang: 'en', beta: true }],
    ['?fields=missing', {}],
    ['?fields=__proto__,constructor', {}],
    ['?fields=', stored],
    ['?include_fields=false', stored],
  ] as const;

  test.each(CASES)('%s projects top-level keys', async (query, expected) => {
    const jane = await person(stored);
    const response = await jane.ask('GET', query);
    expect(await response.json()).toEqual(expected);
  });

  test.each(['?include_fields=maybe', '?include_fields=', '?fields=a&fields=b'])(
    '%s is refused before the tenant is asked',
    async (query) => {
      const jane = await person(stored);
      await expectProblem(await jane.ask('GET', query), 400, 'query_invalid');
      expect(managementCalls()).toBe(0);
    },
  );

  test('gives each projection a tag of its own', async () => {
    const jane = await person(stored);
    const tags = await Promise.all(
      ['', '?fields=theme', '?fields=lang'].map(async (query) =>
        (await jane.ask('GET', query)).headers.get('etag'),
      ),
    );
    expect(new Set(tags).size).toBe(3);
  });
});

describe('GET /me/metadata/{key}', () => {
  test.each([['text'], [0], [false], [''], [[]], [{}], [[null, { a: null }]], [{ deep: { er: 1 } }]])(
    'answers %j as it is stored',
    async (value) => {
      const jane = await person({ key: value, other: 1 });
      const response = await jane.ask('GET', '/key');
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual(value);
    },
  );

  test('has its own tag, and the quota of the whole document', async () => {
    const jane = await person({ a: 1, b: 'Zoë ✓' });
    const whole = await jane.ask('GET');
    const key = await jane.ask('GET', '/a');
    expect(key.headers.get('etag')).toMatch(/^"[\w-]{20,}"$/);
    expect(key.headers.get('etag')).not.toBe(whole.headers.get('etag'));
    expect(key.headers.get('metadata-quota')).toBe(whole.headers.get('metadata-quota'));
    const used = Buffer.byteLength(await whole.text());
    expect(whole.headers.get('metadata-quota')).toBe(`limit=8192, used=${used}`);
  });

  test.each(['missing', '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length', '%20', 'a%2Fc'])(
    'is 404 key_not_found for %s when it is not stored',
    async (key) => {
      const jane = await person({ a: 1 });
      await expectProblem(await jane.ask('GET', `/${key}`), 404, 'key_not_found');
      expect(jane.user.reads).toBe(1);
    },
  );

  test.each([
    ['a%2Fb', 'a/b'],
    ['%E2%9C%93', '✓'],
    ['with%20space', 'with space'],
    ['a%3Fb%23c', 'a?b#c'],
    ['100%25', '100%'],
    ['%252F', '%2F'],
  ])('reads the key at %s', async (path, key) => {
    const jane = await person({ [key]: 'found' });
    const response = await sendRaw(service.port, {
      path: `/me/metadata/${path}`,
      headers: { authorization: `Bearer ${jane.token}` },
    });
    expect(await response.json()).toBe('found');
  });

  test('reads own keys of stored data that are named like members of every object', async () => {
    const jane = await person(JSON.parse('{"__proto__":"own","constructor":"too"}'));
    const answers = await Promise.all(
      ['/__proto__', '/constructor', ''].map(async (path) => (await jane.ask('GET', path)).text()),
    );
    expect(answers).toEqual(['"own"', '"too"', '{"__proto__":"own","constructor":"too"}']);
  });
});

describe('If-None-Match', () => {
  test.each([
    ['the tag', (tag: string) => tag],
    ['the weak form of the tag', (tag: string) => `W/${tag}`],
    ['a list with the tag', (tag: string) => `"other", ${tag}`],
    ['*', () => '*'],
  ])('is 304 without a body for %s', async (_name, field) => {
    const jane = await person({ a: 1 });
    const first = await jane.ask('GET');
    const etag = first.headers.get('etag') ?? '';
    const response = await jane.ask('GET', '', { headers: { 'if-none-match': field(etag) } });
    expect(response.status).toBe(304);
    expect(await response.text()).toBe('');
    expect(response.headers.get('etag')).toBe(etag);
    expect(response.headers.get('cache-control')).toBe('private, no-cache');
    expect(response.headers.get('vary')).toBe('Authorization, Origin');
    expect(response.headers.get('metadata-quota')).toBe('limit=8192, used=7');
  });

  test.each(['"other"', 'other', '""', 'W/"other", "else"'])('is 200 for %s', async (field) => {
    const jane = await person({ a: 1 });
    const response = await jane.ask('GET', '', { headers: { 'if-none-match': field } });
    expect(response.status).toBe(200);
  });

  test('is 200 with another tag once the metadata has changed', async () => {
    const jane = await person({ a: 1 });
    const etag = (await jane.ask('GET')).headers.get('etag') ?? '';
    await jane.ask('PATCH', '', { json: { a: 2 } });
    const response = await jane.ask('GET', '', { headers: { 'if-none-match': etag } });
    expect(response.status).toBe(200);
    expect(response.headers.get('etag')).not.toBe(etag);
  });
});

test('two users never see each other, whatever query and header fields a request carries', async () => {
  const [jane, omar] = await Promise.all([person({ owner: 'jane' }), person({ owner: 'omar' })]);
  const headers = { 'x-user-id': omar.user.id, 'x-forwarded-user': omar.user.id };
  const query = `?user_id=${encodeURIComponent(omar.user.id)}&sub=${encodeURIComponent(omar.user.id)}`;
  expect(await (await jane.ask('GET', query, { headers })).json()).toEqual({ owner: 'jane' });
  expect(omar.user.reads).toBe(0);
});
