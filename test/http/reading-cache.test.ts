import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../support/problem.ts';
import { openScene, type Person } from '../support/scene.ts';
import { UPSTREAM_TEXT } from '../support/sentinels.ts';
import { until } from '../support/until.ts';

const TTL = 60;
const STALE = 600;
const STALE_IF_ERROR = 3600;
const { person, service, tenant } = await openScene({
  env: {
    CACHE_TTL_SECONDS: String(TTL),
    CACHE_STALE_SECONDS: String(STALE),
    CACHE_STALE_IF_ERROR_SECONDS: String(STALE_IF_ERROR),
  },
});
const OUTAGE = { status: 503, body: { message: UPSTREAM_TEXT } };

interface Reading {
  readonly from: string;
  readonly age: number;
  readonly body: unknown;
}

async function read(who: Person, headers: Readonly<Record<string, string>> = {}): Promise<Reading> {
  const response = await who.ask('GET', '', { headers });
  expect(response.headers.get('cache-control')).toBe('private, no-cache');
  expect(response.headers.get('vary')).toBe('Authorization, Origin');
  return {
    from: response.headers.get('cache-status') ?? '',
    age: Number(response.headers.get('age')),
    body: await response.json(),
  };
}

const MISS = 'metadata-bff; fwd=miss; stored';
/** Stale for a second; entries may end up to a tenth of their time early. */
const REVALIDATING = /^metadata-bff; hit; ttl=-[1-8]; detail=revalidating$/;

describe('a fresh copy', () => {
  test('answers the second read, saying how long it stays fresh and how old it is', async () => {
    const jane = await person({ a: 1 });
    expect(await read(jane)).toEqual({ from: MISS, age: 0, body: { a: 1 } });
    service.clock.advance(20);
    const second = await read(jane);
    expect(second.age).toBe(20);
    service.clock.advance(30);
    const third = await read(jane);
    const left = [second, third].map(({ from }) => Number(/^metadata-bff; hit; ttl=(\d+)$/.exec(from)?.[1]));
    // Entries may end a little early, so that not all of them end at once.
    expect(left[0]).toBeGreaterThanOrEqual(TTL * 0.9 - 21);
    expect(left[0]).toBeLessThanOrEqual(TTL - 20);
    expect([29, 30, 31]).toContain((left[0] ?? 0) - (left[1] ?? 0));
    expect(jane.user.reads).toBe(1);
  });

  test('answers keys too', async () => {
    const jane = await person({ a: 1 });
    await read(jane);
    const response = await jane.ask('GET', '/a');
    expect(response.headers.get('cache-status')).toMatch(/^metadata-bff; hit; ttl=\d\d$/);
    expect(jane.user.reads).toBe(1);
  });

  test.each(['no-cache', 'max-age=0', 'no-store', 'private, no-cache', ',,NO-CACHE,', 'max-age="0"'])(
    'is passed over for a request with Cache-Control: %s',
    async (value) => {
      const jane = await person({ a: 1 });
      await read(jane);
      jane.user.stored = { a: 'edited in the dashboard' };
      const fresh = await read(jane, { 'cache-control': value });
      expect(fresh).toEqual({
        from: 'metadata-bff; fwd=request; stored',
        age: 0,
        body: { a: 'edited in the dashboard' },
      });
      expect((await read(jane)).body).toEqual({ a: 'edited in the dashboard' });
      expect(jane.user.reads).toBe(2);
    },
  );

  test.each(['max-age=30', 'foo="a, no-cache"', 'max-stale', ','])(
    'is not passed over for a request with Cache-Control: %s',
    async (value) => {
      const jane = await person({ a: 1 });
      await read(jane);
      expect((await read(jane, { 'cache-control': value })).from).toMatch(/; hit;/);
      expect(jane.user.reads).toBe(1);
    },
  );

  test('is not shared with another user', async () => {
    const [jane, omar] = await Promise.all([person({ a: 'jane' }), person({ a: 'omar' })]);
    await read(jane);
    expect(await read(omar)).toEqual({ from: MISS, age: 0, body: { a: 'omar' } });
  });
});

test('concurrent first reads cost one read of the tenant and say so', async () => {
  const jane = await person({ a: 1 });
  const gate = tenant.hold('read');
  const first = read(jane);
  await gate.arrived;
  const others = Array.from({ length: 9 }, () => read(jane));
  const bystander = await person({ b: 1 });
  for (let times = 0; times < 3; times += 1) await read(bystander);
  gate.open();
  const readings = await Promise.all([first, ...others]);
  expect(readings.map(({ body }) => body)).toEqual(Array.from({ length: 10 }, () => ({ a: 1 })));
  expect(readings.filter(({ from }) => from === MISS)).toHaveLength(1);
  expect(jane.user.reads).toBe(1);
});

describe('a stale copy', () => {
  test('is served at once while one read refreshes it', async () => {
    const jane = await person({ a: 'old' });
    await read(jane);
    jane.user.stored = { a: 'new' };
    service.clock.advance(TTL + 1);
    const gate = tenant.hold('read');
    const stale = await read(jane);
    expect(stale).toEqual({
      from: expect.stringMatching(REVALIDATING),
      age: TTL + 1,
      body: { a: 'old' },
    });
    await gate.arrived;
    expect((await read(jane)).from).toMatch(REVALIDATING);
    gate.open();
    const refreshed = await until(async () => {
      const reading = await read(jane);
      return /; hit; ttl=\d+$/.test(reading.from) ? reading : undefined;
    });
    expect(refreshed.body).toEqual({ a: 'new' });
    expect(jane.user.reads).toBe(2);
  });

  test('is not served without asking once it is older than that', async () => {
    const jane = await person({ a: 'old' });
    await read(jane);
    jane.user.stored = { a: 'new' };
    service.clock.advance(TTL + STALE + 1);
    expect(await read(jane)).toEqual({ from: MISS, age: 0, body: { a: 'new' } });
  });

  test('stands in when the tenant cannot answer', async () => {
    const jane = await person({ a: 'old' });
    await read(jane);
    service.clock.advance(TTL + STALE + 1);
    tenant.answerWith('read', OUTAGE);
    expect(await read(jane)).toEqual({
      // Up to a tenth of its time may have been cut, and a moment may have passed.
      from: expect.stringMatching(/^metadata-bff; hit; ttl=-60[1-8]; detail=stale-if-error$/),
      age: TTL + STALE + 1,
      body: { a: 'old' },
    });
  });

  test('does not stand in for ever', async () => {
    const jane = await person({ a: 'old' });
    await read(jane);
    service.clock.advance(TTL + STALE_IF_ERROR + 1);
    tenant.answerWith('read', OUTAGE);
    const response = await jane.ask('GET');
    await expectProblem(response, 503, 'upstream_unavailable');
    expect(response.headers.get('cache-status')).toBeNull();
  });

  test('does not stand in for a request that asks for the tenant itself', async () => {
    const jane = await person({ a: 'old' });
    await read(jane);
    tenant.answerWith('read', OUTAGE);
    const response = await jane.ask('GET', '', { headers: { 'cache-control': 'no-cache' } });
    await expectProblem(response, 503, 'upstream_unavailable');
    expect(jane.user.reads).toBe(2);
  });

  test('is gone as soon as the tenant says that the user is', async () => {
    const jane = await person({ a: 'old' });
    await read(jane);
    tenant.remove(jane.user);
    service.clock.advance(TTL + STALE + 1);
    await expectProblem(await jane.ask('GET'), 404, 'user_not_found');
    tenant.answerWith('read', OUTAGE);
    await expectProblem(await jane.ask('GET'), 503, 'upstream_unavailable');
    expect(tenant.countOf('read')).toBe(3);
  });
});
