/**
 * Spends the tenant's request budget: writes before reads that somebody waits for, and those before
 * refreshes. Who cannot be served within the wait is told so at once, with a time that is true.
 */
import { AppError } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { HttpResponse } from '../lib/http-client.ts';
import type { Bucket } from '../lib/token-bucket.ts';
import type { Urgency } from '../metadata/ports.ts';
import type { Lane } from './budget.ts';

export interface Governor {
  /**
   * Resolves when the request may be sent.
   * @throws AppError `upstream_rate_limited` when that would take longer than the wait.
   */
  admit(lane: Lane, urgency: Urgency): Promise<void>;
  /** Learns from `x-ratelimit-*` what others have spent of the same budget. */
  learn(lane: Lane, response: HttpResponse): void;
}

interface Dependencies {
  readonly clock: Clock;
  readonly sleep: (ms: number) => Promise<unknown>;
  /** The bucket that a lane spends from; lanes may share one. */
  readonly bucketOf: (lane: Lane) => Bucket;
}

export interface GovernorOptions {
  /** `UPSTREAM_WAIT_MS`. */
  readonly waitMs: number;
}

interface Waiting {
  readonly urgency: Urgency;
  readonly giveUpAt: number;
  readonly admit: () => void;
  readonly refuse: (error: AppError) => void;
}

interface Queue {
  readonly waiting: Waiting[];
  pumping: boolean;
}

const ORDER: readonly Urgency[] = ['write', 'read', 'refresh'];

/** The part of a bucket that is kept for those who matter more. */
const KEPT_SHARE: Readonly<Record<Urgency, number>> = { write: 0, read: 0.1, refresh: 0.4 };

/** A block longer than this is no rate limit that we know; asking again then is cheaper than believing it. */
const BLOCKED_MS_MAX = 60_000;

export function createGovernor(
  { clock, sleep, bucketOf }: Dependencies,
  { waitMs }: GovernorOptions,
): Governor {
  const queues = new Map<Bucket, Queue>();

  /** How long a newcomer of this urgency would wait behind those who go before. */
  function expectedWaitMs(bucket: Bucket, queue: Queue, urgency: Urgency): number {
    const ahead = queue.waiting.filter((other) => ORDER.indexOf(other.urgency) <= ORDER.indexOf(urgency));
    const missing = ahead.length + 1 + floorFor(bucket, urgency) - bucket.estimate();
    return Math.max(0, (missing * 1000) / bucket.size().perSecond);
  }

  function queueOf(bucket: Bucket): Queue {
    const known = queues.get(bucket);
    if (known) return known;
    const queue = { waiting: [], pumping: false };
    queues.set(bucket, queue);
    return queue;
  }

  /** Takes the first of the most urgent out of the queue. */
  function next(queue: Queue): Waiting | undefined {
    const urgency = ORDER.find((candidate) => queue.waiting.some((other) => other.urgency === candidate));
    return queue.waiting.find((other) => other.urgency === urgency);
  }

  function leave(queue: Queue, waiting: Waiting): void {
    queue.waiting.splice(queue.waiting.indexOf(waiting), 1);
  }

  async function pump(bucket: Bucket, queue: Queue): Promise<void> {
    if (queue.pumping) return;
    queue.pumping = true;
    for (let first = next(queue); first; first = next(queue)) {
      const pauseMs = await bucket.take(floorFor(bucket, first.urgency));
      if (pauseMs === 0) {
        // Somebody more urgent may have come meanwhile; a token is a token.
        const chosen = next(queue) ?? first;
        leave(queue, chosen);
        chosen.admit();
      } else {
        dismissLate(bucket, queue);
        await pause(pauseMs, queue);
      }
    }
    queue.pumping = false;
  }

  function dismissLate(bucket: Bucket, queue: Queue): void {
    for (const waiting of queue.waiting.filter(({ giveUpAt }) => clock.now() >= giveUpAt)) {
      leave(queue, waiting);
      waiting.refuse(tooBusy(expectedWaitMs(bucket, queue, waiting.urgency)));
    }
  }

  /** Until the bucket has something again, or the first of those who wait has waited long enough. */
  function pause(pauseMs: number, queue: Queue): Promise<unknown> {
    const nextGiveUp = Math.min(...queue.waiting.map(({ giveUpAt }) => giveUpAt - clock.now()));
    return sleep(Math.max(1, Math.min(pauseMs, nextGiveUp)));
  }

  return {
    async admit(lane, urgency) {
      const bucket = bucketOf(lane);
      const queue = queueOf(bucket);
      if (queue.waiting.length === 0 && (await bucket.take(floorFor(bucket, urgency))) === 0) return;
      const expectedMs = expectedWaitMs(bucket, queue, urgency);
      // A refresh that must wait serves nobody: the next reader will ask for one again.
      if (urgency === 'refresh' || expectedMs > waitMs) throw tooBusy(expectedMs);
      await new Promise<void>((admit, refuse) => {
        queue.waiting.push({ urgency, giveUpAt: clock.now() + waitMs, admit, refuse });
        void pump(bucket, queue);
      });
    },
    learn(lane, { status, headers }) {
      const limit = Number(headers.get('x-ratelimit-limit') ?? Number.NaN);
      if (limit >= 1) bucketOf(lane).adopt(limit);
      const remaining = Number(headers.get('x-ratelimit-remaining') ?? Number.NaN);
      const resetMs = Number(headers.get('x-ratelimit-reset') ?? Number.NaN) * 1000 - clock.now();
      if (status === 429) {
        const blockedMs = Number.isFinite(resetMs) ? Math.min(Math.max(resetMs, 0), BLOCKED_MS_MAX) : 1000;
        void bucketOf(lane).correct(0, blockedMs);
      } else if (Number.isFinite(remaining)) {
        void bucketOf(lane).correct(remaining, 0);
      }
    },
  };
}

function floorFor(bucket: Bucket, urgency: Urgency): number {
  return Math.floor(bucket.size().burst * KEPT_SHARE[urgency]);
}

function tooBusy(waitNeededMs: number): AppError {
  return new AppError('upstream_rate_limited', 'The request budget at the identity provider is used up.', {
    retryAfterSeconds: Math.max(1, Math.ceil(waitNeededMs / 1000)),
  });
}
