/**
 * How often each of many may do something within a window of time, counted by rate-limiter-flexible: in this
 * process, or in Redis for all replicas. To count never fails: while Redis cannot, this process does.
 */
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { RedisConnection } from './connection.ts';
import { type RedisScript, createRedisScript, toGroupedKey } from './script.ts';

export interface Quota {
  /** How many there may be in a window. */
  readonly points: number;
  /** A window begins with the first that is counted in it. */
  readonly windowSeconds: number;
}

export interface Count {
  /** Whether what was counted is still within the quota. */
  readonly within: boolean;
  readonly remaining: number;
  /** Until the window ends. */
  readonly resetMs: number;
}

export interface RateLimit {
  readonly quota: Quota;
  /** Counts `points` (one unless told otherwise) for `key`. Never rejects. */
  count(key: string, points?: number): Promise<Count>;
}

/** @param maxKeys beyond it, the windows that began first are forgotten: it bounds memory, not callers. */
export function createMemoryLimit(quota: Quota, { maxKeys }: { readonly maxKeys: number }): RateLimit {
  const limiter = new RateLimiterMemory({
    points: quota.points,
    duration: quota.windowSeconds,
    keyPrefix: '',
  });
  /** In the order in which their windows began. */
  const keys = new Set<string>();

  function remember(key: string): void {
    keys.delete(key);
    keys.add(key);
    if (keys.size <= maxKeys) return;
    for (const oldest of keys) {
      keys.delete(oldest);
      void limiter.delete(oldest);
      return;
    }
  }

  return {
    quota,
    async count(key, points = 1) {
      try {
        const result = await limiter.consume(key, points);
        if (result.isFirstInDuration) remember(key);
        return toCount(result, true);
      } catch (thrown) {
        if (!(thrown instanceof RateLimiterRes)) throw thrown;
        if (thrown.isFirstInDuration) remember(key);
        return toCount(thrown, false);
      }
    },
  };
}

interface SharedDependencies {
  readonly redis: RedisConnection;
  /** Turns a key into a keyed hash, so that Redis does not show it. */
  readonly hashId: (key: string) => string;
  /** Counts while Redis does not; the quota is that of both. */
  readonly local: RateLimit;
}

/**
 * The same count on all replicas. It goes through the guarded connection, so that a Redis that has frozen costs
 * its small time-out until it is known to be down, and nothing from then on.
 */
export function createSharedLimit(
  { redis, hashId, local }: SharedDependencies,
  { name }: { readonly name: string },
): RateLimit {
  const { quota } = local;
  const limiter = new RateLimiterRedis({
    storeClient: createStoreClient(redis),
    useRedisPackage: true,
    points: quota.points,
    duration: quota.windowSeconds,
    keyPrefix: `metadata-bff:limit:${name}`,
    // A key that has used up its quota is refused from memory until the window ends.
    inMemoryBlockOnConsumed: quota.points,
  });

  return {
    quota,
    async count(key, points = 1) {
      if (!redis.isHealthy()) return local.count(key, points);
      try {
        return toCount(await limiter.consume(toGroupedKey(hashId(key)), points), true);
      } catch (thrown) {
        return thrown instanceof RateLimiterRes ? toCount(thrown, false) : local.count(key, points);
      }
    },
  };
}

function toCount({ remainingPoints, msBeforeNext }: RateLimiterRes, within: boolean): Count {
  return { within, remaining: remainingPoints, resetMs: Math.max(0, msBeforeNext) };
}

/** What the library asks of a node-redis client when it does nothing but count: to run its one script. */
function createStoreClient(redis: RedisConnection) {
  let known: RedisScript | undefined;
  return {
    eval(source: string, { keys, arguments: args }: { keys: string[]; arguments: string[] }) {
      if (known?.source !== source) known = createRedisScript(source);
      return redis.run(known, keys, args);
    },
  };
}
