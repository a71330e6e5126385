/**
 * One writer per user across replicas: a lock in Redis with a bound, so that a replica which dies holding
 * it delays others by that bound at most. Without Redis the local queue alone keeps order.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../lib/app-error.ts';
import type { RedisConnection } from '../lib/redis-connection.ts';
import { mayBeDone, redisScript } from '../lib/redis-script.ts';
import type { Grip, WriteLock } from '../metadata/ports.ts';

interface Dependencies {
  readonly redis: RedisConnection;
  /** From a user id to what may stand in Redis in its place. */
  readonly hide: (userId: string) => string;
  readonly random: () => number;
}

export interface WriteLockOptions {
  /** The bound: without a renewal the lock ends after this time. A living holder renews it. */
  readonly lockMs: number;
  /** How long a writer waits for others before it gives up. */
  readonly waitMs: number;
}

/** KEYS lock, fence. ARGV token, bound in ms. Answers the fencing token: it only ever grows. */
const ACQUIRE = redisScript(`
if not redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2], 'NX') then return 0 end
return redis.call('INCR', KEYS[2])`);

/** KEYS lock. ARGV token, bound in ms. */
const RENEW = redisScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`);

/** KEYS lock. ARGV token. */
const RELEASE = redisScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`);

const POLL_MS = 15;
const POLL_JITTER_MS = 20;
/** Beyond that, a lock ends by its bound only. */
const UNHEARD_MAX = 1_000;

export function createRedisWriteLock(
  { redis, hide, random }: Dependencies,
  { lockMs, waitMs }: WriteLockOptions,
): WriteLock {
  const fence = 'metadata-bff:write:fence';
  /** Locks that Redis may hold for us without our knowing, or would not let go, by their token. */
  const unheard = new Map<string, string>();

  redis.onUp(async () => {
    for (const [token, lock] of unheard) {
      await redis.run(RELEASE, [lock], [token]);
      unheard.delete(token);
    }
  });

  function remember(lock: string, token: string): undefined {
    if (unheard.size < UNHEARD_MAX) unheard.set(token, lock);
    return undefined;
  }

  /** The number of this grip, or undefined while Redis cannot say who holds the lock. */
  async function acquire(lock: string, token: string): Promise<number | undefined> {
    const giveUpAt = Date.now() + waitMs;
    for (;;) {
      const granted = await redis
        .run(ACQUIRE, [lock, fence], [token, String(lockMs)])
        .catch((error: unknown) => (mayBeDone(error) ? remember(lock, token) : undefined));
      if (granted === undefined) return undefined;
      if (typeof granted === 'number' && granted > 0) return granted;
      if (Date.now() > giveUpAt) {
        throw new AppError('upstream_unavailable', 'Other changes of this user are still under way.', {
          retryAfterSeconds: Math.ceil(lockMs / 1000),
        });
      }
      await delay(POLL_MS + random() * POLL_JITTER_MS);
    }
  }

  return {
    async hold(userId, task) {
      const lock = `metadata-bff:write:{${hide(userId)}}`;
      const token = randomUUID();
      const number = await acquire(lock, token);
      if (number === undefined) return task({ confirm: async () => undefined });

      let heldUntil = performance.now() + lockMs;
      const renew = async () => {
        const askedAt = performance.now();
        const renewed = await redis.run(RENEW, [lock], [token, String(lockMs)]).catch(withoutRedis);
        if (renewed === 1) heldUntil = askedAt + lockMs;
        return renewed;
      };
      const timer = setInterval(() => void renew(), lockMs / 3);
      const grip: Grip = {
        async confirm() {
          // Whoever was frozen, or out of touch with Redis, for longer than the bound may have a successor.
          if ((await renew()) === 0 || performance.now() > heldUntil) {
            throw new AppError('upstream_unavailable', 'The change was not made; try again.', {
              retryAfterSeconds: 1,
            });
          }
        },
      };
      try {
        return await task(grip);
      } finally {
        clearInterval(timer);
        await redis.run(RELEASE, [lock], [token]).catch(() => remember(lock, token));
      }
    },
  };
}

/** Without Redis there is nobody to ask: the local queue alone keeps order then. */
const withoutRedis = (): undefined => undefined;
