/** The counting itself: windows, and bounded memory. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createMemoryLimit } from '../../../src/redis/rate-limit.ts';

describe('counted in memory', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  test('the window begins with the first that is counted, and ends for all', async () => {
    const limit = createMemoryLimit({ points: 2, windowSeconds: 60 }, { maxKeys: 10 });
    expect(await limit.count('a')).toEqual({ within: true, remaining: 1, resetMs: 60_000 });
    jest.advanceTimersByTime(40_000);
    expect(await limit.count('a')).toEqual({ within: true, remaining: 0, resetMs: 20_000 });
    expect(await limit.count('a')).toEqual({ within: false, remaining: 0, resetMs: 20_000 });
    jest.advanceTimersByTime(20_000);
    expect(await limit.count('a')).toEqual({ within: true, remaining: 1, resetMs: 60_000 });
  });

  test('no more keys are held than may be: the windows that began first go', async () => {
    const limit = createMemoryLimit({ points: 1, windowSeconds: 60 }, { maxKeys: 3 });
    for (const key of ['a', 'b', 'c', 'd']) await limit.count(key);
    const within = async (key: string) => (await limit.count(key)).within;
    expect(jest.getTimerCount()).toBe(3);
    expect([await within('d'), await within('c'), await within('b')]).toEqual([false, false, false]);
    expect(await within('a')).toBe(true);
    expect(jest.getTimerCount()).toBe(3);
  });
});
