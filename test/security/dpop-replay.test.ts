/** How long used proofs are remembered, and how many. */
import { expect, test } from '@jest/globals';
import { createDpopReplay } from '../../src/identity/dpop-replay.ts';
import { createManualClock } from '../lib/manual-clock.ts';

function open(proofsMax: number) {
  const clock = createManualClock();
  const replay = createDpopReplay({ redis: undefined, clock }, { rememberMs: 1000, proofsMax });
  return { clock, firstUse: (jti: string, jkt = 'key') => replay.firstUse(jti, jkt) };
}

test('a used proof is remembered for as long as asked, whenever in between others are used', async () => {
  const { clock, firstUse } = open(100);
  expect(await firstUse('a')).toBe(true);
  clock.advance(990);
  expect([await firstUse('b'), await firstUse('a')]).toEqual([true, false]);
  clock.advance(999);
  expect([await firstUse('c'), await firstUse('b')]).toEqual([true, false]);
  clock.advance(5000);
  expect([await firstUse('a'), await firstUse('b'), await firstUse('c')]).toEqual([true, true, true]);
});

test('no more are held than may be, and those in excess are the oldest', async () => {
  const { firstUse } = open(4);
  for (const jti of ['a', 'b', 'c', 'd', 'e']) expect(await firstUse(jti)).toBe(true);
  expect([await firstUse('e'), await firstUse('d'), await firstUse('c')]).toEqual([false, false, false]);
  expect(await firstUse('a')).toBe(true);
});

test('the same number of two keys is two proofs', async () => {
  const { firstUse } = open(100);
  expect([await firstUse('a', 'one'), await firstUse('a', 'two')]).toEqual([true, true]);
});
