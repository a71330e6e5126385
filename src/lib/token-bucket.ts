/**
 * A token bucket: so many requests at once, and so many a second after that. The same arithmetic runs in
 * this process and, where replicas share the budget, in Redis.
 */
import type { Clock } from './clock.ts';

export interface BucketSize {
  /** Requests at once. */
  readonly burst: number;
  readonly perSecond: number;
}

export interface Bucket {
  /** May change where nobody fixed it. */
  size(): BucketSize;
  /**
   * Takes one token if more than `floor` are left. Answers 0, or else the milliseconds after which it is
   * worth asking again.
   */
  take(floor: number): Promise<number>;
  /** Tokens there were when this process last looked, grown since by the time that has passed. */
  estimate(): number;
  /** The tenant says that no more than `remaining` are left, and with `blockedMs` none for that long. */
  correct(remaining: number, blockedMs: number): Promise<void>;
  /** The other side names its burst. A bucket whose size was fixed knows better and ignores it. */
  adopt(burst: number): void;
}

/** A bucket that can follow another one, which counts for several processes. */
export interface LocalBucket extends Bucket {
  /** From now on this bucket holds what the other one holds, and is blocked for as long. */
  sync(remaining: number, blockedMs: number): void;
}

/** Until the other side names its limit, a bucket without a size of its own holds nobody back. */
const BOUNDLESS: BucketSize = { burst: 10_000, perSecond: 10_000 };

/** @param fixed undefined: the size is what the other side says, its burst anew each second. */
export function createLocalBucket(
  { clock }: { readonly clock: Clock },
  fixed: BucketSize | undefined,
): LocalBucket {
  let size = fixed ?? BOUNDLESS;
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
    size: () => size,
    async take(floor) {
      const blockedMs = Math.max(0, countedAt - clock.now());
      if (blockedMs === 0 && count() >= floor + 1) {
        tokens -= 1;
        return 0;
      }
      return Math.max(1, Math.ceil(blockedMs + ((floor + 1 - tokens) * 1000) / size.perSecond));
    },
    estimate() {
      const blockedMs = Math.max(0, countedAt - clock.now());
      return count() - (blockedMs * size.perSecond) / 1000;
    },
    async correct(remaining, blockedMs) {
      tokens = Math.min(count(), remaining);
      countedAt = Math.max(countedAt, clock.now() + blockedMs);
    },
    sync(remaining, blockedMs) {
      tokens = Math.min(remaining, size.burst);
      countedAt = clock.now() + blockedMs;
    },
    adopt(burst) {
      if (fixed === undefined) size = { burst, perSecond: burst };
    },
  };
}
