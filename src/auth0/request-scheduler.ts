/**
 * Spends the tenant's request budget: writes before reads that somebody waits for, and those before
 * refreshes, those of the oldest copies first. Who cannot be served within the wait is told so at once, with a time that is true.
 */
import type { PlanName } from '../../config/parsers.ts';
import { AppError } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { HttpResponse } from '../lib/http-client.ts';
import { createDeferred } from '../lib/promises.ts';
import type { Bucket, BucketSize } from '../lib/token-bucket.ts';
import type { CallOptions, Priority } from '../metadata/ports.ts';
import { readResetMs } from './errors.ts';

// What a tenant's plan allows: the Management API's buckets (Auth0 rate limit configurations), spent
// slightly under their true size, because requests that leave evenly may arrive in a bunch.

/** The kinds of request that a plan may count apart. */
export type Lane = 'users.read' | 'users.change' | 'clients.read';

/** One bucket for all lanes, or one for each. */
export type Budget = BucketSize | Readonly<Record<Lane, BucketSize>>;

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

const MARGIN = 0.95;

/** The size to spend of a bucket of this true size. */
export function cautious({ burst, perSecond }: BucketSize): BucketSize {
  return { burst: Math.max(1, Math.floor(burst * 0.9)), perSecond: perSecond * MARGIN };
}

type Wish = Pick<CallOptions, 'priority' | 'staleness' | 'failFast' | 'continuesWrite'>;

export interface Governor {
  /**
   * Resolves when the request may be sent.
   * @throws AppError `upstream_rate_limited` when that would take longer than the wait.
   */
  admit(lane: Lane, call: Wish): Promise<void>;
  /** Learns from `x-ratelimit-*` what others have spent of the same budget. */
  learn(lane: Lane, response: HttpResponse): void;
}

interface Dependencies {
  readonly clock: Clock;
  readonly sleep: (ms: number) => Promise<unknown>;
  /** The bucket that a lane spends from; lanes may share one. */
  readonly bucketOf: (lane: Lane) => Bucket;
}

interface GovernorOptions {
  /** `UPSTREAM_WAIT_MS`. */
  readonly waitMs: number;
}

interface Waiting {
  readonly priority: Priority;
  /** Whether it completes a write that has begun. Such come first in the queue. */
  readonly completes: boolean;
  readonly admit: () => void;
}

interface Queue {
  readonly waiting: Waiting[];
  pumping: boolean;
  /** Ends the pause of the pump. */
  wake: () => void;
  /** Writes admitted in a row since somebody has been waiting all the time. */
  writesInARow: number;
}

/**
 * So many writes go before a read that waits, then the read: where writes alone exceed the budget, users of whom
 * nothing is held would never be answered.
 */
const WRITES_IN_A_ROW_MAX = 4;

/**
 * The part of a bucket that is kept for those who matter more. The older the copy, the more its refresh matters:
 * from the first number, when it has just become stale, to the last, when it may no longer be served.
 */
const KEPT_TENTHS: Readonly<Record<Priority, readonly [first: number, last: number]>> = {
  write: [0, 0],
  read: [1, 1],
  refresh: [8, 2],
};

/** A token that is due at the very end of the wait may still be taken, which is a round trip to Redis. */
const LAST_TAKE_MS = 50;

/** A block longer than this is no rate limit that we know; asking again then is cheaper than believing it. */
const BLOCKED_MS_MAX = 60_000;

export function createGovernor(
  { clock, sleep, bucketOf }: Dependencies,
  { waitMs }: GovernorOptions,
): Governor {
  const queues = new Map<Bucket, Queue>();

  /** How long a newcomer of this priority would wait behind those who go before. */
  function expectedWaitMs(bucket: Bucket, queue: Queue, { priority, continuesWrite }: Wish): number {
    const ahead = continuesWrite ? completing(queue) : countAhead(queue, priority);
    const missing = ahead + 1 + floorFor(bucket, priority) - bucket.estimate();
    return Math.max(0, (missing * 1000) / bucket.size().perSecond);
  }

  function queueOf(bucket: Bucket): Queue {
    const known = queues.get(bucket);
    if (known) return known;
    const queue = { waiting: [], pumping: false, wake: () => undefined, writesInARow: 0 };
    queues.set(bucket, queue);
    return queue;
  }

  /** Takes the first of the most urgent out of the queue. */
  function next(queue: Queue): Waiting | undefined {
    const first = (priority: Priority) => queue.waiting.find((other) => other.priority === priority);
    const read = first('read');
    if (read && queue.writesInARow >= WRITES_IN_A_ROW_MAX) return read;
    return first('write') ?? read;
  }

  /** @returns whether it was still in the queue. */
  function leave(queue: Queue, waiting: Waiting): boolean {
    const index = queue.waiting.indexOf(waiting);
    if (index >= 0) queue.waiting.splice(index, 1);
    return index >= 0;
  }

  async function pump(bucket: Bucket, queue: Queue): Promise<void> {
    if (queue.pumping) return;
    queue.pumping = true;
    for (let first = next(queue); first; first = next(queue)) {
      const pauseMs = await bucket.take(floorFor(bucket, first.priority));
      if (pauseMs > 0) {
        await pause(pauseMs, queue);
      } else {
        // Somebody more urgent may have come meanwhile, or everybody may have left; a token is a token.
        const chosen = next(queue);
        if (chosen) admitNow(queue, chosen);
      }
    }
    queue.pumping = false;
  }

  function admitNow(queue: Queue, chosen: Waiting): void {
    leave(queue, chosen);
    const inARow = chosen.priority === 'write' && queue.waiting.length > 0;
    queue.writesInARow = inARow ? queue.writesInARow + 1 : 0;
    chosen.admit();
  }

  /** Until the bucket has something again. A newcomer who is served first may not have to wait for as long. */
  async function pause(pauseMs: number, queue: Queue): Promise<void> {
    const woken = createDeferred();
    queue.wake = () => woken.resolve();
    await Promise.race([sleep(Math.min(pauseMs, waitMs)), woken.promise]);
  }

  /** Each request has a timer of its own, so that what the bucket or its Redis do cannot make it wait longer. */
  async function waitInQueue(bucket: Bucket, queue: Queue, wish: Wish, leftMs: number): Promise<void> {
    const { priority, continuesWrite = false } = wish;
    const admitted = createDeferred();
    const waiting = { priority, completes: continuesWrite, admit: () => admitted.resolve() };
    queue.waiting.splice(continuesWrite ? completing(queue) : queue.waiting.length, 0, waiting);
    if (next(queue) === waiting) queue.wake();
    void pump(bucket, queue);
    await Promise.race([admitted.promise, sleep(leftMs + LAST_TAKE_MS)]);
    if (leave(queue, waiting)) throw tooBusy(expectedWaitMs(bucket, queue, wish));
  }

  return {
    async admit(lane, wish) {
      const { priority, staleness = 0, failFast = false } = wish;
      const bucket = bucketOf(lane);
      const queue = queueOf(bucket);
      const askedAt = clock.now();
      if (queue.waiting.length === 0 && (await bucket.take(floorFor(bucket, priority, staleness))) === 0)
        return;
      const expectedMs = expectedWaitMs(bucket, queue, wish);
      // A refresh that must wait serves nobody: the next reader will ask for one again.
      const leftMs = waitMs - (clock.now() - askedAt);
      if (priority === 'refresh' || failFast || expectedMs > leftMs) throw tooBusy(expectedMs);
      await waitInQueue(bucket, queue, wish, leftMs);
    },
    learn(lane, response) {
      const { status, headers } = response;
      const limit = Number(headers.get('x-ratelimit-limit') ?? Number.NaN);
      if (limit >= 1) bucketOf(lane).adopt(limit);
      const remaining = Number(headers.get('x-ratelimit-remaining') ?? Number.NaN);
      if (status === 429) {
        const blockedMs = readResetMs(response, clock.now()) ?? 1000;
        void bucketOf(lane).correct(0, Math.min(blockedMs, BLOCKED_MS_MAX));
      } else if (Number.isFinite(remaining)) {
        void bucketOf(lane).correct(remaining, 0);
      }
    },
  };
}

function completing({ waiting }: Queue): number {
  return waiting.filter(({ completes }) => completes).length;
}

function count({ waiting }: Queue, priority: Priority): number {
  return waiting.filter((other) => other.priority === priority).length;
}

/** Those who would be admitted before a newcomer of this priority. */
function countAhead(queue: Queue, priority: Priority): number {
  const reads = count(queue, 'read');
  const writes = count(queue, 'write');
  const { writesInARow } = queue;
  if (priority === 'write') {
    return writes + Math.min(reads, Math.floor((writesInARow + writes) / WRITES_IN_A_ROW_MAX));
  }
  return reads + Math.min(writes, Math.max(0, (reads + 1) * WRITES_IN_A_ROW_MAX - writesInARow));
}

function floorFor(bucket: Bucket, priority: Priority, staleness = 0): number {
  const [first, last] = KEPT_TENTHS[priority];
  return Math.floor((bucket.size().burst * (first + (last - first) * staleness)) / 10);
}

function tooBusy(waitNeededMs: number): AppError {
  return new AppError('upstream_rate_limited', 'The request budget at the identity provider is used up.', {
    retryAfterSeconds: Math.max(1, Math.ceil(waitNeededMs / 1000)),
  });
}
