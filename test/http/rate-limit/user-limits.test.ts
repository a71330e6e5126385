/** How often a user may read and write, as callers see it. */
import { describe, expect, test } from '@jest/globals';
import { openScene } from '../../support/scene.ts';
import { mintToken } from '../../support/tokens.ts';
import { expectLimited, leftIn } from './callers.ts';

const READS = 4;
const WRITES = 3;
const scene = await openScene({
  env: {
    USER_READS_PER_MINUTE: String(READS),
    USER_WRITES_PER_MINUTE: String(WRITES),
    AUTH0_COMPAT: 'true',
  },
  policy: { clientMetadata: { readable: ['brand'] } },
});
const unlimited = await openScene({
  env: { USER_READS_PER_MINUTE: '0', USER_WRITES_PER_MINUTE: '0', AUTH_FAILURES_PER_MINUTE: '0' },
});
const { service, managementCalls } = scene;
const EVERY_SCOPE =
  'read:metadata update:metadata read:app_metadata read:client_metadata read:current_user update:current_user_metadata';

/** A user with every scope, and what they ask of any path. */
async function openUser() {
  const person = await scene.person({ theme: 'dark' }, { scope: EVERY_SCOPE });
  const authorization = `Bearer ${person.token}`;
  const get = (path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') =>
    fetch(`${service.url}${path}`, { method, headers: { authorization, ...headers } });
  return { ...person, get };
}

describe('a user', () => {
  test('is told with every read how many are left, and refused one more', async () => {
    const { ask } = await scene.person({ a: 1 });
    const left: unknown[] = [];
    for (let sent = 0; sent < READS; sent += 1) {
      const response = await ask('GET');
      expect(response.status).toBe(200);
      left.push(leftIn(response, READS));
    }
    expect(left).toEqual([3, 2, 1, 0].map((remaining) => ({ name: 'reads', remaining })));
    await expectLimited(await ask('GET'), 'reads', READS);
  });

  test('is told with every write how many are left, and refused one more before the tenant is asked', async () => {
    const { ask, user } = await scene.person({ a: 1 });
    for (let sent = 1; sent <= WRITES; sent += 1) {
      const response = await ask('PATCH', '', { json: { a: sent + 1 } });
      expect([response.status, leftIn(response, WRITES)]).toEqual([
        200,
        { name: 'writes', remaining: WRITES - sent },
      ]);
    }
    const before = managementCalls();
    const refused = [
      await ask('PATCH', '', { json: { a: 0 } }),
      await ask('PUT', '/a', { json: 0 }),
      await ask('DELETE'),
    ];
    for (const response of refused) await expectLimited(response, 'writes', WRITES);
    expect([managementCalls() - before, user.stored]).toEqual([0, { a: WRITES + 1 }]);
  });

  test('has read and write limits apart, and of their own', async () => {
    const first = await scene.person({ a: 1 });
    for (let sent = 0; sent <= WRITES; sent += 1) await first.ask('PATCH', '', { json: { a: 2 } });
    expect((await first.ask('GET')).status).toBe(200);
    const second = await scene.person({ a: 1 });
    expect((await second.ask('PATCH', '', { json: { a: 2 } })).status).toBe(200);
  });

  test('spends a write on a read past the cache', async () => {
    const { ask } = await scene.person({ a: 1 });
    const headers = { 'cache-control': 'no-cache' };
    for (let sent = 1; sent <= WRITES; sent += 1) {
      expect(leftIn(await ask('GET', '', { headers }), WRITES).name).toBe('writes');
    }
    const before = managementCalls();
    await expectLimited(await ask('GET', '', { headers }), 'writes', WRITES);
    expect(managementCalls()).toBe(before);
    expect(leftIn(await ask('GET'), READS)).toEqual({ name: 'reads', remaining: READS - 1 });
  });

  test('spends a write on one that is refused, whatever for', async () => {
    const { ask } = await scene.person({ a: 1 }, { scope: 'read:metadata' });
    const noScope = await ask('PATCH', '', { json: { a: 2 } });
    expect([noScope.status, leftIn(noScope, WRITES).remaining]).toEqual([403, WRITES - 1]);
    const other = await scene.person({ a: 1 });
    const noJson = await other.ask('PATCH', '', {
      body: '{',
      headers: { 'content-type': 'application/json' },
    });
    expect([noJson.status, leftIn(noJson, WRITES).remaining]).toEqual([400, WRITES - 1]);
    const unwanted = await other.ask('PATCH', '', { json: { a: 2 }, headers: { 'if-match': '"other"' } });
    expect([unwanted.status, leftIn(unwanted, WRITES).remaining]).toEqual([412, WRITES - 2]);
  });

  test.each(['/me', '/me/metadata', '/me/metadata/theme', '/me/app-metadata', '/client/metadata'])(
    'is refused at %s, too',
    async (path) => {
      const { get } = await openUser();
      for (let sent = 1; sent <= READS; sent += 1) {
        expect(leftIn(await get(path, {}, 'HEAD'), READS).remaining).toBe(READS - sent);
      }
      await expectLimited(await get(path), 'reads', READS);
    },
  );

  test('spends one read on a stream of events', async () => {
    const { get } = await openUser();
    expect(leftIn(await get('/me/events', {}, 'HEAD'), READS).remaining).toBe(READS - 1);
    for (let sent = 1; sent < READS; sent += 1) await get('/me');
    await expectLimited(await get('/me/events'), 'reads', READS);
  });

  test('is refused at the drop-in as the Management API would', async () => {
    const { get, user } = await openUser();
    const path = `/api/v2/users/${encodeURIComponent(user.id)}`;
    for (let sent = 0; sent < READS; sent += 1) expect((await get(path)).status).toBe(200);
    const refused = await get(path);
    expect([refused.status, leftIn(refused, READS), await refused.json()]).toEqual([
      429,
      { name: 'reads', remaining: 0 },
      {
        statusCode: 429,
        error: 'Too Many Requests',
        message: 'Global limit has been reached',
        errorCode: 'too_many_requests',
      },
    ]);
    expect(refused.headers.get('retry-after')).toMatch(/^[1-9]\d?$/);
  });

  test('is asked for nothing by what needs no token or is no request for a resource', async () => {
    const { get } = await openUser();
    const free = [
      await get('/openapi.json'),
      await get('/schemas/user-metadata'),
      await get('/me', {}, 'OPTIONS'),
      await get('/me', {}, 'POST'),
      await get('/nothing'),
    ];
    expect(free.map(({ headers }) => headers.get('ratelimit'))).toEqual(free.map(() => null));
    expect(leftIn(await get('/me'), READS).remaining).toBe(READS - 1);
  });

  test('may go on with another token, but not beyond the limit', async () => {
    const { user, ask } = await scene.person({ a: 1 });
    for (let sent = 0; sent < READS; sent += 1) expect((await ask('GET')).status).toBe(200);
    const token = await mintToken({ claims: { sub: user.id, azp: 'another-application' } });
    const headers = { authorization: `Bearer ${token}` };
    await expectLimited(await fetch(`${service.url}/me/metadata`, { headers }), 'reads', READS);
  });
});

test('refusals are counted by limit', async () => {
  const metrics = await (await fetch(`${service.opsUrl}/metrics`)).text();
  const lines = metrics.split('\n').filter((line) => line.startsWith('metadata_bff_rate_limited_total{'));
  expect(lines.filter((line) => / [1-9]\d*$/.test(line)).map((line) => line.replace(/ .*/, ''))).toEqual([
    'metadata_bff_rate_limited_total{limit="reads"}',
    'metadata_bff_rate_limited_total{limit="writes"}',
  ]);
});

test('a limit of 0 is none', async () => {
  const { ask } = await unlimited.person({ a: 1 });
  const answers = [await ask('GET'), await ask('PATCH', '', { json: { a: 2 } })];
  expect(answers.map(({ status, headers }) => [status, headers.get('ratelimit')])).toEqual([
    [200, null],
    [200, null],
  ]);
});
