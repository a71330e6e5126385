/** How long used proofs are remembered, and how many. */
import { describe, expect, test } from '@jest/globals';
import { createDpopReplay } from '../../src/identity/dpop-replay.ts';
import { createManualClock } from '../lib/manual-clock.ts';
import { appErrorOf } from '../lib/rejection.ts';

function open({ maxProofs = 100, maxProofsPerUser = 100 } = {}) {
  const clock = createManualClock(0);
  const replay = createDpopReplay(
    { redis: undefined, clock },
    { rememberMs: 1000, maxProofs, maxProofsPerUser },
  );
  return {
    clock,
    /** The code with which the use is refused, or undefined; and when to come back. */
    use: async (jti: string, { jkt = 'key', userId = 'jane' } = {}) => {
      try {
        await replay.consumeProof({ jti, jkt }, userId);
        return undefined;
      } catch (thrown) {
        const { code, extras } = await appErrorOf(Promise.reject(thrown));
        return extras.retryAfterSeconds === undefined ? code : `${code} ${extras.retryAfterSeconds}`;
      }
    },
  };
}

const USED = 'dpop_proof_invalid';

test('a used proof is remembered for as long as asked, whenever in between others are used', async () => {
  const { clock, use } = open();
  expect(await use('a')).toBeUndefined();
  clock.advance(990);
  expect([await use('b'), await use('a')]).toEqual([undefined, USED]);
  clock.advance(9);
  expect([await use('a'), await use('b')]).toEqual([USED, USED]);
  clock.advance(990);
  expect([await use('c'), await use('b')]).toEqual([undefined, USED]);
  clock.advance(5000);
  expect([await use('a'), await use('b'), await use('c')]).toEqual([undefined, undefined, undefined]);
});

test('a proof of another key with the same identifier is another one', async () => {
  const { use } = open();
  expect([await use('a'), await use('a', { jkt: 'other' })]).toEqual([undefined, undefined]);
  expect([await use('a'), await use('a', { jkt: 'other', userId: 'omar' })]).toEqual([USED, USED]);
});

describe('a flood', () => {
  test('of one user is refused when their share is used up, and makes nothing forgotten early', async () => {
    const { clock, use } = open({ maxProofsPerUser: 3 });
    expect([await use('a'), await use('b'), await use('c')]).toEqual([undefined, undefined, undefined]);
    // With another key of theirs, too.
    expect(await use('d', { jkt: 'other' })).toBe('rate_limited 1');
    expect([await use('a'), await use('d', { userId: 'omar' })]).toEqual([USED, undefined]);
    clock.advance(1000);
    expect([await use('e'), await use('d', { jkt: 'other' })]).toEqual([undefined, undefined]);
  });

  test('of many users is refused when the store is full, until the oldest proof ends', async () => {
    const { clock, use } = open({ maxProofs: 3 });
    await use('a', { userId: '1' });
    clock.advance(400);
    await use('b', { userId: '2' });
    await use('c', { userId: '3' });
    expect([await use('d', { userId: '4' }), await use('a', { userId: '1' })]).toEqual([
      'rate_limited 1',
      USED,
    ]);
    clock.advance(600);
    expect([await use('d', { userId: '4' }), await use('b', { userId: '2' })]).toEqual([undefined, USED]);
    expect(await use('e', { userId: '5' })).toBe('rate_limited 1');
  });
});
