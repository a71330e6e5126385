import { describe, expect, test } from '@jest/globals';
import { createVirtualTime } from '../support/virtual-time.ts';
import {
  type BucketSize,
  createLocalBucket,
  createRequestScheduler,
} from '../../src/auth0/request-scheduler.ts';
import type { CallOptions } from '../../src/metadata/ports.ts';
import { createSharedBucket } from '../../src/redis/shared-bucket.ts';
import { appErrorOf } from '../lib/rejection.ts';

const WAIT_MS = 2_000;

/** A scheduler over one bucket, in virtual time. */
function createWorld(size: BucketSize = { burst: 2, perSecond: 2 }) {
  const time = createVirtualTime(Date.UTC(2026, 0, 1));
  const bucket = createLocalBucket(time, size);
  const scheduler = createRequestScheduler({ ...time, getBucket: () => bucket }, { waitMs: WAIT_MS });
  const order: string[] = [];
  const ask = (call: CallOptions) => scheduler.acquire('users.read', call);
  /** Asks, and notes the name when admitted. A refusal is noted too. */
  const queue = (name: string, call: CallOptions) =>
    ask(call).then(
      () => order.push(name),
      () => order.push(`${name} refused`),
    );
  const spend = async () => {
    for (let taken = 0; taken < size.burst; taken += 1) await bucket.take(0);
  };
  return { time, scheduler, bucket, order, ask, queue, spend, start: time.clock.now() };
}

const response429 = (headers: Readonly<Record<string, string>>) => ({
  status: 429,
  headers: new Map(Object.entries(headers)),
  text: '',
});

const read = { priority: 'read' } as const;
const write = { priority: 'write' } as const;
const refresh = { priority: 'refresh' } as const;

describe('who is admitted first', () => {
  test('writes go before reads that came earlier', async () => {
    const { order, queue, spend, start, time } = createWorld();
    await spend();
    void queue('read', read);
    void queue('write 1', write);
    void queue('write 2', write);
    await time.runUntil(start + WAIT_MS);
    expect(order).toEqual(['write 1', 'write 2', 'read']);
  });

  test('a change for which a read was spent goes before writes that have not begun, and in its turn', async () => {
    const { order, queue, spend, start, time } = createWorld();
    await spend();
    void queue('write 1', write);
    void queue('write 2', write);
    void queue('change 1', { ...write, continuesWrite: true });
    void queue('change 2', { ...write, continuesWrite: true });
    await time.runUntil(start + WAIT_MS);
    expect(order).toEqual(['change 1', 'change 2', 'write 1', 'write 2']);
  });

  test('a change for which a read was spent is not refused for the writes that wait', async () => {
    const { order, queue, spend, start, time } = createWorld();
    await spend();
    for (let index = 1; index <= 4; index += 1) void queue(`write ${index}`, write);
    void queue('write 5', write);
    void queue('change', { ...write, continuesWrite: true });
    await time.runUntil(start + 100);
    expect(order).toEqual(['write 5 refused']);
    await time.runUntil(start + WAIT_MS);
    expect(order[1]).toBe('change');
  });

  test('a read that waits goes after four writes at the most', async () => {
    const { order, queue, spend, start, time } = createWorld({ burst: 5, perSecond: 5 });
    await spend();
    void queue('read', read);
    for (let index = 1; index <= 6; index += 1) void queue(`write ${index}`, write);
    await time.runUntil(start + WAIT_MS);
    expect(order.indexOf('read')).toBe(4);
  });

  test('what was admitted before the queue was empty does not count', async () => {
    const { order, queue, spend, start, time } = createWorld({ burst: 5, perSecond: 5 });
    await spend();
    for (let index = 1; index <= 4; index += 1) void queue(`write ${index}`, write);
    await time.runUntil(start + 900);
    void queue('read', read);
    void queue('write 5', write);
    await time.runUntil(start + WAIT_MS);
    expect(order.slice(-2)).toEqual(['write 5', 'read']);
  });

  test('where writes alone exceed the budget, reads are still answered now and then', async () => {
    const { order, queue, start, time } = createWorld();
    for (let second = 0; second < 60; second += 1) {
      for (let index = 0; index < 5; index += 1) void queue('write', write);
      for (let index = 0; index < 5; index += 1) void queue('read', read);
      await time.runUntil(start + second * 1000);
    }
    const admitted = (name: string) => order.filter((each) => each === name).length;
    expect(admitted('read')).toBeGreaterThan(15);
    expect(admitted('write')).toBeGreaterThan(3 * admitted('read'));
  });
});

describe('while the tenant has blocked all requests for 30 seconds', () => {
  test('a request that waits is refused after the wait, and one that comes later at once, both with a true time', async () => {
    const { ask, scheduler, spend, start, time } = createWorld({ burst: 5, perSecond: 5 });
    await spend();
    const waiting = appErrorOf(ask(read)).then((error) => ({ error, at: time.clock.now() - start }));
    // Also the bucket learns of it only after the request has begun to wait.
    scheduler.updateFromHeaders(
      'users.read',
      response429({ 'x-ratelimit-reset': String(start / 1000 + 30) }),
    );
    await time.runUntil(start + 10_000);
    const first = await waiting;
    expect(first.at).toBeLessThanOrEqual(WAIT_MS + 100);
    expect(first.error.extras.retryAfterSeconds).toBeGreaterThanOrEqual(28);
    const late = await appErrorOf(ask(write));
    expect(time.clock.now() - start).toBe(10_000);
    expect(late.extras.retryAfterSeconds).toBe(21);
  });

  test('requests of another process that shares the bucket are refused at once', async () => {
    const time = createVirtualTime(Date.UTC(2026, 0, 1));
    const local = createLocalBucket(time, { burst: 5, perSecond: 5 });
    const redis = { run: async () => [30_200, 0, 30_000], addProbe: () => undefined };
    const bucket = createSharedBucket({ redis, local }, { name: 'test' });
    const scheduler = createRequestScheduler({ ...time, getBucket: () => bucket }, { waitMs: WAIT_MS });
    const error = await appErrorOf(scheduler.acquire('users.read', read));
    expect([time.clock.now(), error.extras.retryAfterSeconds]).toEqual([Date.UTC(2026, 0, 1), 31]);
  });

  test('a write that comes while a read waits for a token of its own part is admitted at once', async () => {
    const { bucket, queue, order, start, time } = createWorld({ burst: 20, perSecond: 1 });
    await bucket.sync(2, 0);
    void queue('read', read);
    await time.runUntil(start + 100);
    void queue('write', write);
    await time.runUntil(start + 101);
    expect(order).toEqual(['write']);
  });
});

describe('a refresh', () => {
  test.each([
    { staleness: 0, left: 2 },
    { staleness: 0.5, left: 5 },
    { staleness: 1, left: 8 },
  ])('at staleness $staleness may take $left of ten', async ({ staleness, left }) => {
    const { ask } = createWorld({ burst: 10, perSecond: 1 });
    for (let taken = 0; taken < left; taken += 1) await ask({ ...refresh, staleness });
    expect((await appErrorOf(ask({ ...refresh, staleness }))).code).toBe('upstream_rate_limited');
    await ask(read);
  });

  test('is refused rather than kept waiting', async () => {
    const { ask, spend } = createWorld();
    await spend();
    expect((await appErrorOf(ask(refresh))).code).toBe('upstream_rate_limited');
  });
});

describe('who cannot be served in time', () => {
  test('is told at once, with a time after which it is true', async () => {
    const { ask, queue, order, spend, start, time } = createWorld();
    await spend();
    for (let index = 0; index < 4; index += 1) void queue('read', read);
    const { code, extras } = await appErrorOf(ask(read));
    expect([code, time.clock.now(), extras.retryAfterSeconds]).toEqual(['upstream_rate_limited', start, 3]);
    await time.runUntil(start + 3_000);
    expect(order).toEqual(['read', 'read', 'read', 'read']);
    await ask(read);
  });

  test('and for whom an older answer will do does not wait at all', async () => {
    const { ask, queue, order, spend, start, time } = createWorld();
    await ask({ ...read, failFast: true });
    await spend();
    await queue('reader with a copy', { ...read, failFast: true });
    expect(order).toEqual(['reader with a copy refused']);
    expect(time.clock.now()).toBe(start);
  });
});
