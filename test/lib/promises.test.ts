import { expect, test } from '@jest/globals';
import { type Sleep, sleep, waitFor } from '../../src/lib/promises.ts';

test('a wait ends with its promise, and then its timer is gone', async () => {
  const signals: AbortSignal[] = [];
  const observed: Sleep = (ms, signal) => {
    if (signal) signals.push(signal);
    return sleep(ms, signal);
  };
  await waitFor(Promise.resolve(), 1_000_000, observed);
  expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
});

test('a wait ends with its time', async () => {
  await expect(waitFor(new Promise(() => undefined), 1, sleep)).resolves.toBeUndefined();
});

test('a promise that rejects ends its wait with that error, without a timer', async () => {
  await expect(waitFor(Promise.reject(new Error('lost')), 1_000_000, sleep)).rejects.toThrow('lost');
});
