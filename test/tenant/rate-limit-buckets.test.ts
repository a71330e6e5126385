import { describe, expect, test } from '@jest/globals';
import { type RequestGroup, requestGroup } from '../../packages/local-tenant/src/plans.ts';
import {
  createRateLimitBuckets,
  type RateLimitBuckets,
} from '../../packages/local-tenant/src/rate-limit-buckets.ts';

const START = 1_700_000_000_000;

function clockFrom(start: number) {
  let time = start;
  return { now: () => time, advance: (ms: number) => (time += ms) };
}

function takeUntilRefused(buckets: RateLimitBuckets, group: RequestGroup): number {
  for (let taken = 0; taken < 1000; taken += 1) if (!buckets.take(group).allowed) return taken;
  return Number.POSITIVE_INFINITY;
}

describe('rate limit buckets', () => {
  test.each([
    ['free', 2, 2],
    ['enterprise', 50, 16],
    ['enterprise-nonprod', 10, 2],
  ] as const)('%s: one bucket for all, burst %i, %i a second', (plan, burst, perSecond) => {
    const clock = clockFrom(START);
    const buckets = createRateLimitBuckets(plan, clock.now);
    expect(takeUntilRefused(buckets, 'users_read')).toBe(burst);
    expect(buckets.take('other')).toMatchObject({ allowed: false, refusal: 'Global limit has been reached' });
    clock.advance(1000);
    expect(takeUntilRefused(buckets, 'users_write')).toBe(perSecond);
    clock.advance(3_600_000);
    expect(takeUntilRefused(buckets, 'users_read')).toBe(burst);
  });

  test('self-service: reads, writes and the rest each have their own, refilled by the minute', () => {
    const clock = clockFrom(START);
    const buckets = createRateLimitBuckets('self-service', clock.now);
    const drain = () =>
      (['users_read', 'users_write', 'other'] as const).map((group) => takeUntilRefused(buckets, group));
    expect(drain()).toEqual([40, 20, 10]);
    clock.advance(1000);
    expect(drain()).toEqual([8, 3, 2]);
    // Nothing arrives between the seconds.
    clock.advance(999);
    expect(drain()).toEqual([0, 0, 0]);
    clock.advance(1);
    expect(drain()).toEqual([8, 3, 3]);
    expect(buckets.take('users_write').refusal).toBe(
      'Global per minute users_write group limit has been reached',
    );
  });

  test('the trickle of a per-second plan comes by the millisecond', () => {
    const clock = clockFrom(START);
    const buckets = createRateLimitBuckets('free', clock.now);
    takeUntilRefused(buckets, 'users_read');
    clock.advance(499);
    expect(buckets.take('users_read').allowed).toBe(false);
    clock.advance(1);
    expect(buckets.take('users_read').allowed).toBe(true);
  });

  test('headers count down and the reset is when the next token is there', () => {
    const clock = clockFrom(START + 250);
    const buckets = createRateLimitBuckets('enterprise', clock.now);
    expect(buckets.take('users_read')).toMatchObject({ limit: 50, remaining: 49, reset: START / 1000 + 1 });
    expect(buckets.take('users_read')).toMatchObject({ limit: 50, remaining: 48 });
  });

  test('waiting until the announced reset is always enough', () => {
    for (const plan of ['free', 'self-service', 'enterprise-nonprod', 'enterprise'] as const) {
      for (const offset of [0, 1, 333, 999]) {
        const clock = clockFrom(START + offset);
        const buckets = createRateLimitBuckets(plan, clock.now);
        takeUntilRefused(buckets, 'users_write');
        const { reset } = buckets.take('users_write');
        clock.advance(reset * 1000 - clock.now());
        expect([plan, offset, buckets.take('users_write').allowed]).toEqual([plan, offset, true]);
      }
    }
  });

  test('unlimited never refuses and still announces', () => {
    const buckets = createRateLimitBuckets('unlimited', clockFrom(START).now);
    expect(takeUntilRefused(buckets, 'users_read')).toBe(Number.POSITIVE_INFINITY);
    expect(buckets.take('other')).toMatchObject({ limit: 10_000, remaining: 9999, reset: START / 1000 + 1 });
  });

  test('requests are grouped by method and path', () => {
    expect([
      requestGroup('GET', '/users/auth0%7Cjane'),
      requestGroup('PATCH', '/users/auth0%7Cjane'),
      requestGroup('GET', '/clients/local-spa'),
      requestGroup('GET', '/events'),
    ]).toEqual(['users_read', 'users_write', 'other', 'other']);
  });
});
