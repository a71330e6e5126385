import { describe, expect, test } from '@jest/globals';
import { createVirtualTime } from '../../bench/simulation/virtual-time.ts';
import { createGovernor } from '../../src/auth0/governor.ts';
import { type BucketSize, createLocalBucket } from '../../src/lib/token-bucket.ts';
import type { CallOptions } from '../../src/metadata/ports.ts';
import { appErrorOf } from '../lib/rejection.ts';

const WAIT_MS = 2_000;

/** A governor over one bucket, in virtual time. */
function createWorld(size: BucketSize = { burst: 2, perSecond: 2 }) {
  const time = createVirtualTime(Date.UTC(2026, 0, 1));
  const bucket = createLocalBucket(time, size);
  const governor = createGovernor({ ...time, bucketOf: () => bucket }, { waitMs: WAIT_MS });
  const order: string[] = [];
  const ask = (call: CallOptions) => governor.admit('users.read', call);
  /** Asks, and notes the name when admitted. A refusal is noted too. */
  const queue = (name: string, call: CallOptions) =>
    ask(call).then(
      () => order.push(name),
      () => order.push(`${name} refused`),
    );
  const spend = async () => {
    for (let taken = 0; taken < size.burst; taken += 1) await bucket.take(0);
  };
  return { time, governor, order, ask, queue, spend, start: time.clock.now() };
}

const read = { urgency: 'read' } as const;
const write = { urgency: 'write' } as const;
const refresh = { urgency: 'refresh' } as const;

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
    await ask({ ...read, atOnce: true });
    await spend();
    await queue('reader with a copy', { ...read, atOnce: true });
    expect(order).toEqual(['reader with a copy refused']);
    expect(time.clock.now()).toBe(start);
  });
});
