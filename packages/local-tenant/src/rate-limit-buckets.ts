/**
 * The token buckets behind the Management API's `x-ratelimit-*` headers. The clock is a dependency; a bucket never
 * holds more than its burst and never lends.
 */
import {
  type BucketSize,
  type PlanBudget,
  planBudgets,
  type RequestGroup,
  type TenantPlan,
} from './plans.ts';

/** What one request was told: the values of the three headers, and whether it may pass. */
interface RateLimitDecision {
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** UNIX seconds at which the bucket next holds a token it lacks now. */
  readonly reset: number;
  /** The text of the 429 for the bucket that was asked. */
  readonly refusal: string;
}

export interface RateLimitBuckets {
  /** Takes one token for a request of this group, or refuses. */
  take(group: RequestGroup): RateLimitDecision;
  /** Fills every bucket to its burst. */
  refill(): void;
}

interface Bucket {
  take(): { allowed: boolean; remaining: number; reset: number };
}

/** The budget of a plan as running buckets. `now` is in milliseconds since 1970. */
export function createRateLimitBuckets(plan: TenantPlan, now: () => number): RateLimitBuckets {
  const budget = planBudgets[plan];
  let bucketFor = openBuckets(budget, now);
  return {
    take(group) {
      const { bucket, limit } = bucketFor(group);
      return { ...bucket.take(), limit, refusal: getLimitMessage(budget, group) };
    },
    refill() {
      bucketFor = openBuckets(budget, now);
    },
  };
}

function openBuckets(
  budget: PlanBudget,
  now: () => number,
): (group: RequestGroup) => { bucket: Bucket; limit: number } {
  switch (budget.kind) {
    case 'unlimited': {
      const limit = budget.announcedLimit;
      const reset = () => Math.floor(now() / 1000) + 1;
      const bucket = { take: () => ({ allowed: true, remaining: limit - 1, reset: reset() }) };
      return () => ({ bucket, limit });
    }
    case 'global': {
      const bucket = createBucket(budget.bucket, now);
      return () => ({ bucket, limit: budget.bucket.burst });
    }
    case 'grouped': {
      const open = (group: RequestGroup) => ({
        bucket: createBucket(budget.buckets[group], now),
        limit: budget.buckets[group].burst,
      });
      const opened = {
        users_read: open('users_read'),
        users_write: open('users_write'),
        other: open('other'),
      };
      return (group) => opened[group];
    }
  }
}

function createBucket(size: BucketSize, now: () => number): Bucket {
  const perSecond = size.per === 'second' ? size.refill : size.refill / 60;
  const tickMs = size.per === 'second' ? 1 : 1000;
  let tokens = size.burst;
  let refilledAt = alignedNow();

  function alignedNow(): number {
    return Math.floor(now() / tickMs) * tickMs;
  }

  // Auth0 announces whole seconds; the second must not end before the missing token is there.
  function nextTokenAt(): number {
    const missing = Math.max(0, Math.ceil(tokens + 1e-9) - tokens);
    const wanted = tokens < 1 ? 1 - tokens : missing;
    const ticks = Math.ceil((wanted / perSecond) * (1000 / tickMs));
    return Math.max(Math.floor(now() / 1000) + 1, Math.ceil((refilledAt + ticks * tickMs) / 1000));
  }

  return {
    take() {
      const at = alignedNow();
      if (at > refilledAt) {
        tokens = Math.min(size.burst, tokens + ((at - refilledAt) / 1000) * perSecond);
        refilledAt = at;
      }
      // Sums of thirds and sixtieths fall a hair short of whole tokens.
      const allowed = tokens >= 1 - 1e-9;
      if (allowed) tokens = Math.max(0, tokens - 1);
      return { allowed, remaining: Math.floor(tokens + 1e-9), reset: nextTokenAt() };
    },
  };
}

function getLimitMessage(budget: PlanBudget, group: RequestGroup): string {
  if (budget.kind !== 'grouped') return 'Global limit has been reached';
  const name = group === 'other' ? 'api' : group;
  return `Global per ${budget.buckets[group].per} ${name} group limit has been reached`;
}
