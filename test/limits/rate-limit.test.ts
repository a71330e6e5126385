/** The counting itself: windows, bounded memory, and what is told to replicas when. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createMemoryLimit, type RateLimit } from '../../src/lib/rate-limit.ts';
import { createSparingLimit } from '../../src/lib/sparing-rate-limit.ts';
import { createManualClock } from '../lib/manual-clock.ts';

describe('counted in memory', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  test('the window begins with the first that is counted, and ends for all', async () => {
    const limit = createMemoryLimit({ points: 2, windowSeconds: 60 }, { keysMax: 10 });
    expect(await limit.count('a')).toEqual({ within: true, remaining: 1, resetMs: 60_000 });
    jest.advanceTimersByTime(40_000);
    expect(await limit.count('a')).toEqual({ within: true, remaining: 0, resetMs: 20_000 });
    expect(await limit.count('a')).toEqual({ within: false, remaining: 0, resetMs: 20_000 });
    jest.advanceTimersByTime(20_000);
    expect(await limit.count('a')).toEqual({ within: true, remaining: 1, resetMs: 60_000 });
  });

  test('no more keys are held than may be: the windows that began first go', async () => {
    const limit = createMemoryLimit({ points: 1, windowSeconds: 60 }, { keysMax: 3 });
    for (const key of ['a', 'b', 'c', 'd']) await limit.count(key);
    const within = async (key: string) => (await limit.count(key)).within;
    expect(jest.getTimerCount()).toBe(3);
    expect([await within('d'), await within('c'), await within('b')]).toEqual([false, false, false]);
    expect(await within('a')).toBe(true);
    expect(jest.getTimerCount()).toBe(3);
  });
});

async function send(limit: RateLimit, times: number) {
  const counts = [];
  for (let sent = 0; sent < times; sent += 1) counts.push(await limit.count('a'));
  return counts;
}

describe('counted sparingly', () => {
  const QUOTA = 40;

  /** Replicas that share a count, and what each was told of. */
  function openReplicas() {
    const clock = createManualClock();
    const told: number[] = [];
    let counted = 0;
    const endsAt = clock.now() + 60_000;
    const shared: RateLimit = {
      quota: { points: QUOTA, windowSeconds: 60 },
      async count(_key, points = 1) {
        told.push(points);
        counted += points;
        const remaining = Math.max(0, QUOTA - counted);
        return { within: counted <= QUOTA, remaining, resetMs: endsAt - clock.now() };
      },
    };
    const open = () =>
      createSparingLimit({ shared, clock }, { untoldShare: 0.25, unheardMs: 1000, keysMax: 10 });
    return { clock, told, open };
  }

  test('one replica is exact, and asks once until a quarter is used up', async () => {
    const { told, open } = openReplicas();
    const counts = await send(open(), QUOTA + 1);
    expect(counts.map(({ remaining }) => remaining)).toEqual([
      ...Array.from({ length: QUOTA }, (_, sent) => QUOTA - 1 - sent),
      0,
    ]);
    expect(counts.filter(({ within }) => !within)).toHaveLength(1);
    expect(told.slice(0, 3)).toEqual([1, 10, 1]);
    expect(told.reduce((sum, points) => sum + points)).toBe(QUOTA + 1);
  });

  test('a replica that hears for the first time of somebody who has used up the limit refuses', async () => {
    const { open } = openReplicas();
    await send(open(), QUOTA);
    expect((await open().count('a')).within).toBe(false);
  });

  test('what was counted is told when a second has passed, and what others counted is heard', async () => {
    const { clock, told, open } = openReplicas();
    const [first, second] = [open(), open()];
    await send(first, 5);
    await send(second, 1);
    clock.advance(1000);
    const [heard] = await send(second, 1);
    await send(first, 1);
    expect(told).toEqual([1, 1, 1, 5]);
    expect(heard?.remaining).toBe(QUOTA - 3);
  });

  test('nothing is told twice or lost when many ask at once', async () => {
    const { told, open } = openReplicas();
    const limit = open();
    await Promise.all(Array.from({ length: 15 }, () => limit.count('a')));
    const { remaining } = await limit.count('a');
    expect(remaining).toBe(QUOTA - 16);
    expect(told.slice(0, 2)).toEqual([1, 10]);
    expect(told.reduce((sum, points) => sum + points)).toBe(16);
  });
});
