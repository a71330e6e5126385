/**
 * A token bucket: `burst` requests at once, and `perSecond` after that. The same arithmetic runs in this process and,
 * where replicas share the budget, in Redis.
 */
import type { Clock } from './clock.ts';

export interface BucketSize {
  /** Requests at once. */
  readonly burst: number;
  readonly perSecond: number;
}

export interface Bucket {
  /** May change while no size is configured. */
  getSize(): BucketSize;
  /**
   * Takes one token if more than `reserve` are left.
   * @returns 0, or the milliseconds after which to try again.
   */
  take(reserve: number): Promise<number>;
  /** Estimates the tokens that are left, from what this process last knew and the time since. */
  estimate(): number;
  /** The tenant says that at most `remaining` tokens are left, and none for `blockedMs`. */
  sync(remaining: number, blockedMs: number): Promise<void>;
  /** The tenant names its burst. A bucket with a configured size ignores it. */
  setCapacity(burst: number): void;
}

/** A bucket that can follow a shared one, which counts for several processes. */
export interface LocalBucket extends Bucket {
  /** Copies the state of the shared bucket. */
  setState(remaining: number, blockedMs: number): void;
}

/** A bucket without a configured size holds no request back until the tenant names its limit. */
const UNLIMITED: BucketSize = { burst: 10_000, perSecond: 10_000 };

/** @param fixed the configured size. Undefined: the burst that the tenant names, each second. */
export function createLocalBucket(
  { clock }: { readonly clock: Clock },
  fixed: BucketSize | undefined,
): LocalBucket {
  let size = fixed ?? UNLIMITED;
  let tokens = size.burst;
  let countedAt = clock.now();

  function count(): number {
    const now = clock.now();
    // A blocked bucket counts from a moment in the future.
    if (now > countedAt) {
      tokens = Math.min(size.burst, tokens + ((now - countedAt) * size.perSecond) / 1000);
      countedAt = now;
    }
    return tokens;
  }

  return {
    getSize: () => size,
    async take(reserve) {
      const blockedMs = Math.max(0, countedAt - clock.now());
      if (blockedMs === 0 && count() >= reserve + 1) {
        tokens -= 1;
        return 0;
      }
      return Math.max(1, Math.ceil(blockedMs + ((reserve + 1 - tokens) * 1000) / size.perSecond));
    },
    estimate() {
      const blockedMs = Math.max(0, countedAt - clock.now());
      return count() - (blockedMs * size.perSecond) / 1000;
    },
    async sync(remaining, blockedMs) {
      tokens = Math.min(count(), remaining);
      countedAt = Math.max(countedAt, clock.now() + blockedMs);
    },
    setState(remaining, blockedMs) {
      tokens = Math.min(remaining, size.burst);
      countedAt = clock.now() + blockedMs;
    },
    setCapacity(burst) {
      if (fixed === undefined) size = { burst, perSecond: burst };
    },
  };
}
