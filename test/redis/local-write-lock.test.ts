import { expect, test } from '@jest/globals';
import { createLocalWriteLock } from '../../src/redis/write-lock.ts';
import { appErrorOf } from '../lib/rejection.ts';

test('a write waits for a change whose outcome is unknown to be over', async () => {
  const lock = createLocalWriteLock({ keepMs: 2_000, waitMs: 4_000 });
  const order: string[] = [];
  const note = (userId: string) => lock.withLock(userId, async () => void order.push(userId));
  await lock.withLock('jane', async (lockHandle) => lockHandle.keepForBound());
  await Promise.all([note('jane'), note('omar')]);
  expect(order).toEqual(['omar', 'jane']);
});

test('a write that would have to wait for longer than it may is refused with a true time', async () => {
  const lock = createLocalWriteLock({ keepMs: 4_000, waitMs: 2_000 });
  await lock.withLock('jane', async (lockHandle) => lockHandle.keepForBound());
  const { code, extras } = await appErrorOf(lock.withLock('jane', async () => 'in'));
  expect([code, extras.retryAfterSeconds]).toEqual(['lock_unavailable', 4]);
});
