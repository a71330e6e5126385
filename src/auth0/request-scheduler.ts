/**
 * Spends the tenant's request budget by priority: writes first, then reads that a caller waits for, then background
 * refreshes, of which those of older copies go first. A request that cannot be sent within the wait fails at once, with
 * the time after which to repeat it.
 */
import type { PlanName } from '../../config/parsers.ts';
import { AppError } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { HttpResponse } from '../lib/http-client.ts';
import { createDeferred, type Sleep, waitFor } from '../lib/promises.ts';
import type { CallOptions, Priority } from '../metadata/ports.ts';
import { readResetMs } from './errors.ts';

// A token bucket: `burst` requests at once, and `perSecond` after that. The same arithmetic runs in this process and,
// where replicas share the budget, in Redis.

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

// What a tenant's plan allows: the Management API's buckets (Auth0 rate limit configurations), spent
// slightly under their true size, because requests that leave evenly may arrive in a bunch.

/** The operations that a plan may count separately. */
export type OperationName = 'users.read' | 'users.change' | 'clients.read';

/** One bucket for all operations, or one for each operation. */
export type Budget = BucketSize | Readonly<Record<OperationName, BucketSize>>;

export const PLANS: Readonly<Record<PlanName, Budget>> = {
  free: { burst: 2, perSecond: 2 },
  'self-service': {
    'users.read': { burst: 40, perSecond: 500 / 60 },
    'users.change': { burst: 20, perSecond: 200 / 60 },
    'clients.read': { burst: 10, perSecond: 150 / 60 },
  },
  'enterprise-nonprod': { burst: 10, perSecond: 2 },
  enterprise: { burst: 50, perSecond: 16 },
};

const RATE_MARGIN = 0.95;

/** Reduces the size of a bucket to what this service spends of it. */
export function withMargin({ burst, perSecond }: BucketSize): BucketSize {
  return { burst: Math.max(1, Math.floor(burst * 0.9)), perSecond: perSecond * RATE_MARGIN };
}

type SchedulingOptions = Pick<CallOptions, 'priority' | 'staleness' | 'failFast' | 'continuesWrite'>;

export interface RequestScheduler {
  /**
   * Resolves when the request may be sent.
   * @throws AppError `upstream_rate_limited` when that would take longer than the wait.
   */
  acquire(operation: OperationName, call: SchedulingOptions): Promise<void>;
  /** Reads `x-ratelimit-*`, which includes what other programs have spent of the same budget. */
  updateFromHeaders(operation: OperationName, response: HttpResponse): void;
}

interface Dependencies {
  readonly clock: Clock;
  readonly sleep: Sleep;
  /** The bucket that a operation spends from; operations may share one. */
  readonly getBucket: (operation: OperationName) => Bucket;
}

interface RequestSchedulerOptions {
  /** `UPSTREAM_WAIT_MS`. */
  readonly waitMs: number;
}

interface WaitingRequest {
  readonly priority: Priority;
  /** Whether it continues a write that has begun. These go first. */
  readonly continuesWrite: boolean;
  readonly grant: () => void;
}

interface Queue {
  readonly waiting: WaitingRequest[];
  isRunning: boolean;
  /** Ends the pause of `runQueue`. */
  wake: () => void;
  /** Writes granted in a row while the queue was never empty. */
  consecutiveWrites: number;
}

/**
 * After this many writes in a row a waiting read goes first. Where writes alone exceed the budget, a user without a
 * cached copy would otherwise never be answered.
 */
const MAX_CONSECUTIVE_WRITES = 4;

/**
 * The percentage of a bucket that is reserved for higher priorities. The older a copy, the more its refresh matters:
 * the first number counts when the copy has just become stale, the last when it may no longer be served.
 */
const RESERVED_PERCENT: Readonly<Record<Priority, readonly [first: number, last: number]>> = {
  write: [0, 0],
  read: [10, 10],
  refresh: [80, 20],
};

/** A token that is due at the very end of the wait can still be taken, which takes a round trip to Redis. */
const FINAL_TAKE_MS = 50;

/** No rate limit of Auth0 blocks longer than this. To ask again is cheaper than to believe a longer block. */
const MAX_BLOCKED_MS = 60_000;

export function createRequestScheduler(
  { clock, sleep, getBucket }: Dependencies,
  { waitMs }: RequestSchedulerOptions,
): RequestScheduler {
  const queues = new Map<Bucket, Queue>();

  /** Estimates how long a new request would wait behind those that go first. */
  function estimateWaitMs(
    bucket: Bucket,
    queue: Queue,
    { priority, continuesWrite }: SchedulingOptions,
  ): number {
    const ahead = continuesWrite ? countContinuingWrites(queue) : countAhead(queue, priority);
    const missing = ahead + 1 + getReserve(bucket, priority) - bucket.estimate();
    return Math.max(0, (missing * 1000) / bucket.getSize().perSecond);
  }

  function getQueue(bucket: Bucket): Queue {
    const known = queues.get(bucket);
    if (known) return known;
    const queue = { waiting: [], isRunning: false, wake: () => undefined, consecutiveWrites: 0 };
    queues.set(bucket, queue);
    return queue;
  }

  /** Finds the first request of the highest priority. */
  function findNext(queue: Queue): WaitingRequest | undefined {
    const first = (priority: Priority) => queue.waiting.find((other) => other.priority === priority);
    const read = first('read');
    if (read && queue.consecutiveWrites >= MAX_CONSECUTIVE_WRITES) return read;
    return first('write') ?? read;
  }

  /** @returns whether it was still in the queue. */
  function removeFromQueue(queue: Queue, waiting: WaitingRequest): boolean {
    const index = queue.waiting.indexOf(waiting);
    if (index >= 0) queue.waiting.splice(index, 1);
    return index >= 0;
  }

  async function runQueue(bucket: Bucket, queue: Queue): Promise<void> {
    if (queue.isRunning) return;
    queue.isRunning = true;
    for (let first = findNext(queue); first; first = findNext(queue)) {
      const pauseMs = await bucket.take(getReserve(bucket, first.priority));
      if (pauseMs > 0) {
        await pause(pauseMs, queue);
      } else {
        // A request of higher priority may have come in the meantime, or all may have left. Any of them may use the
        // token.
        const chosen = findNext(queue);
        if (chosen) grantNext(queue, chosen);
      }
    }
    queue.isRunning = false;
  }

  function grantNext(queue: Queue, chosen: WaitingRequest): void {
    removeFromQueue(queue, chosen);
    const continuesRow = chosen.priority === 'write' && queue.waiting.length > 0;
    queue.consecutiveWrites = continuesRow ? queue.consecutiveWrites + 1 : 0;
    chosen.grant();
  }

  /**
   * Waits until the bucket has a token again. `wake` ends the wait, because a new request may need a smaller reserve.
   */
  async function pause(pauseMs: number, queue: Queue): Promise<void> {
    const woken = createDeferred();
    queue.wake = () => woken.resolve();
    await waitFor(woken.promise, Math.min(pauseMs, waitMs), sleep);
  }

  /** Each request has its own timer, so that a slow bucket or Redis cannot make it wait longer. */
  async function waitInQueue(
    bucket: Bucket,
    queue: Queue,
    options: SchedulingOptions,
    leftMs: number,
  ): Promise<void> {
    const { priority, continuesWrite = false } = options;
    const granted = createDeferred();
    const waiting = { priority, continuesWrite, grant: () => granted.resolve() };
    queue.waiting.splice(continuesWrite ? countContinuingWrites(queue) : queue.waiting.length, 0, waiting);
    if (findNext(queue) === waiting) queue.wake();
    void runQueue(bucket, queue);
    await waitFor(granted.promise, leftMs + FINAL_TAKE_MS, sleep);
    if (removeFromQueue(queue, waiting)) throw createBudgetError(estimateWaitMs(bucket, queue, options));
  }

  return {
    async acquire(operation, options) {
      const { priority, staleness = 0, failFast = false } = options;
      const bucket = getBucket(operation);
      const queue = getQueue(bucket);
      const askedAt = clock.now();
      if (queue.waiting.length === 0 && (await bucket.take(getReserve(bucket, priority, staleness))) === 0)
        return;
      const expectedMs = estimateWaitMs(bucket, queue, options);
      // A refresh does not wait: the next reader will ask for one again.
      const leftMs = waitMs - (clock.now() - askedAt);
      if (priority === 'refresh' || failFast || expectedMs > leftMs) throw createBudgetError(expectedMs);
      await waitInQueue(bucket, queue, options, leftMs);
    },
    updateFromHeaders(operation, response) {
      const { status, headers } = response;
      const limit = Number(headers.get('x-ratelimit-limit') ?? Number.NaN);
      if (limit >= 1) getBucket(operation).setCapacity(limit);
      const remaining = Number(headers.get('x-ratelimit-remaining') ?? Number.NaN);
      if (status === 429) {
        const blockedMs = readResetMs(response, clock.now()) ?? 1000;
        void getBucket(operation).sync(0, Math.min(blockedMs, MAX_BLOCKED_MS));
      } else if (Number.isFinite(remaining)) {
        void getBucket(operation).sync(remaining, 0);
      }
    },
  };
}

function countContinuingWrites({ waiting }: Queue): number {
  return waiting.filter(({ continuesWrite }) => continuesWrite).length;
}

function countByPriority({ waiting }: Queue, priority: Priority): number {
  return waiting.filter((other) => other.priority === priority).length;
}

/** Counts the requests that go before a new one of this priority. */
function countAhead(queue: Queue, priority: Priority): number {
  const reads = countByPriority(queue, 'read');
  const writes = countByPriority(queue, 'write');
  const { consecutiveWrites } = queue;
  if (priority === 'write') {
    return writes + Math.min(reads, Math.floor((consecutiveWrites + writes) / MAX_CONSECUTIVE_WRITES));
  }
  return reads + Math.min(writes, Math.max(0, (reads + 1) * MAX_CONSECUTIVE_WRITES - consecutiveWrites));
}

/** Tokens that must stay in the bucket for higher priorities. */
function getReserve(bucket: Bucket, priority: Priority, staleness = 0): number {
  const [first, last] = RESERVED_PERCENT[priority];
  return Math.floor((bucket.getSize().burst * (first + (last - first) * staleness)) / 100);
}

function createBudgetError(waitNeededMs: number): AppError {
  return new AppError('upstream_rate_limited', 'The request budget at the identity provider is used up.', {
    retryAfterSeconds: Math.max(1, Math.ceil(waitNeededMs / 1000)),
  });
}
