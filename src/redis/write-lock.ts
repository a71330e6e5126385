/**
 * One writer per user across replicas: a lock in Redis with a bound, so that a replica which dies holding
 * it delays others by that bound at most.
 *
 * A write goes without the lock only after Redis has been silent for longer than that bound, when no replica can hold
 * a lock any more, and only where the operator allows it. A Redis that answers, if only to refuse, may be serving
 * others.
 *
 * A Redis that was emptied, restarted with old data, or has become the primary may not know who holds a lock. It is known
 * by a key that is missing beside the lock, or by not knowing the script that takes one. Then it grants none for one
 * bound, and those who hold one take it again meanwhile.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../lib/app-error.ts';
import { createBoundedMap } from '../lib/bounded-map.ts';
import { createDeferred, sleep, waitFor } from '../lib/promises.ts';
import type { LockHandle, WriteLock } from '../metadata/ports.ts';
import type { RedisConnection, ScriptRunner } from './connection.ts';
import {
  ACQUIRE_WRITE_LOCK,
  FORGET_WRITE_LOCKS,
  parseLockReply,
  RELEASE_LOCK,
  RENEW_WRITE_LOCK,
} from './lock.ts';
import { KEY_GROUPS, mayBeDone, RedisRefused, type RedisReply, toGroupedKey } from './script.ts';

interface Dependencies {
  readonly redis: Pick<
    RedisConnection,
    'run' | 'runKnown' | 'epoch' | 'getSilentMs' | 'onUp' | 'onDown' | 'addProbe'
  >;
  /** From a user id to what may stand in Redis in its place. */
  readonly hashId: (userId: string) => string;
  readonly random: () => number;
  /** Keeps the order of this process while Redis is silent. */
  readonly local: WriteLock;
  /** Called for each write that goes without the shared lock. */
  readonly onUnlocked?: (() => void) | undefined;
  /** Called when Redis may not know who holds a lock: locks are granted after `waitMs`. */
  readonly onPaused?: ((waitMs: number) => void) | undefined;
}

export interface WriteLockOptions {
  /** The bound: without a renewal the lock ends after this time. A living holder renews it. */
  readonly lockMs: number;
  /** `UPSTREAM_WAIT_MS`: how long a write waits for the lock. */
  readonly waitMs: number;
  /** The longest time that one attempt to take the lock can take. */
  readonly commandTimeoutMs: number;
  /** `WRITE_WITHOUT_LOCK`. */
  readonly withoutLock: 'allow' | 'refuse';
}

interface RedisWriteLock extends WriteLock {
  /** Resolves when locks can be had, or when Redis is not there to be asked. */
  settled(): Promise<void>;
  /** Whether no lock is granted for a while, because Redis may not know who holds one. */
  isPaused(): boolean;
}

const POLL_MS = 15;
const POLL_JITTER_MS = 20;
/** Beyond that, a lock ends by its bound only. */
const UNHEARD_MAX = 1_000;
/** How long Redis is remembered to hold what it held; far longer than it takes to come by every group of keys. */
const SINCE_MS = 7 * 24 * 60 * 60 * 1000;
/** How long a start waits to find out whether there is a Redis. */
const FIRST_LOOK_MS = 1_000;
/** A write whose lock was lost before anything was sent is begun anew, so often. */
const RUNS_MAX = 3;

type Granted = { readonly until: number } | 'unlocked';

/** How long one write may still wait, for all reasons together. */
interface Wait {
  leftMs: number;
}

export function createRedisWriteLock(
  { redis, hashId, random, local, onUnlocked, onPaused }: Dependencies,
  { lockMs, waitMs, commandTimeoutMs, withoutLock }: WriteLockOptions,
): RedisWriteLock {
  /** Locks that Redis may hold for us without our knowing, or would not let go, by their token. */
  const unheard = new Map<string, string>();
  const probeToken = randomUUID();
  let settledAt = 0;
  let forgetting: Promise<void> | undefined;
  /** Resolved when it is known whether there is a Redis, and since when it has held something. */
  const looked = createDeferred();

  redis.onDown(() => looked.resolve());
  redis.onUp(async () => {
    for (const [token, lock] of unheard) {
      await redis.run(RELEASE_LOCK, [lock], [token]);
      unheard.delete(token);
    }
    await examineGroups();
  });
  redis.addProbe(async (runner, group) => {
    const keys = toProbeKeys(group);
    const reply = await runAcquire(runner, keys, probeToken);
    await runner.run(RENEW_WRITE_LOCK, keys, [...acquireArgs(probeToken), '0']);
    await runner.run(RELEASE_LOCK, [keys[0]], [probeToken]);
    if (isFoundEmpty(reply)) await examineGroups(runner);
    else learnPause(reply);
  });

  function acquireArgs(token: string): string[] {
    return [token, String(lockMs), String(SINCE_MS)];
  }

  /** Looks at every group of keys at once, so that an empty Redis costs one bound, and not one for each. */
  async function examineGroups(runner: ScriptRunner = redis): Promise<void> {
    const replies = await Promise.all(
      KEY_GROUPS.map((group) => runAcquire(runner, toProbeKeys(group), probeToken).catch(() => undefined)),
    );
    if (replies.some(isFoundEmpty)) notifyPaused();
    else replies.forEach(learnPause);
    looked.resolve();
  }

  /** A lock of this process alone. */
  function toProbeKeys(group: string): [lock: string, since: string] {
    return toLockKeys(`{${group}}:probe:${probeToken}`);
  }

  function notifyPaused(): void {
    const now = performance.now();
    // Several groups of keys, or several writes, may find out about the same.
    if (settledAt - now < lockMs / 2) onPaused?.(lockMs);
    settledAt = now + lockMs;
  }

  /** A lock that no other writer has, and that is not granted, says for how long Redis grants none. */
  function learnPause(reply: RedisReply | undefined): void {
    const answer = parseLockReply(reply);
    if (answer.granted) return;
    // Redis never pauses for longer than one bound.
    settledAt = Math.max(settledAt, performance.now() + Math.min(answer.afterMs ?? 0, lockMs));
  }

  /** @throws what a runner throws. Where it does, the script that takes locks is not known to Redis yet. */
  async function forget(runner: ScriptRunner): Promise<void> {
    await Promise.all(
      KEY_GROUPS.map((group) => runner.run(FORGET_WRITE_LOCKS, toProbeKeys(group), acquireArgs(probeToken))),
    );
    notifyPaused();
  }

  async function runAcquire(
    runner: ScriptRunner,
    keys: readonly string[],
    token: string,
  ): Promise<RedisReply> {
    try {
      return await runner.runKnown(ACQUIRE_WRITE_LOCK, keys, acquireArgs(token));
    } catch (error) {
      if (!(error instanceof RedisRefused) || error.code !== 'NOSCRIPT') throw error;
      await (forgetting ??= forget(runner).finally(() => {
        forgetting = undefined;
      }));
      return runner.run(ACQUIRE_WRITE_LOCK, keys, acquireArgs(token));
    }
  }

  function remember(lock: string, token: string): void {
    if (unheard.size < UNHEARD_MAX) unheard.set(token, lock);
  }

  /** @throws AppError `lock_unavailable` when the wait is over. */
  async function acquire(
    [lock, since]: readonly [string, string],
    token: string,
    wait: Wait,
  ): Promise<Granted> {
    let mayBeHeld = false;
    for (;;) {
      const askedAt = performance.now();
      const reply = await runAcquire(redis, [lock, since], token).catch((error: unknown) => {
        mayBeHeld ||= mayBeDone(error);
        return undefined;
      });
      const answer = parseLockReply(reply);
      if (answer.granted) return { until: askedAt + lockMs };
      const silentMs = redis.getSilentMs();
      const isSilent = reply === undefined && silentMs > lockMs;
      if (wait.leftMs <= 0 || isSilent) {
        if (mayBeHeld) remember(lock, token);
        if (isSilent && withoutLock === 'allow') return 'unlocked';
        throw createLockUnavailableError(answer.afterMs ?? Math.max(0, lockMs - silentMs));
      }
      await delay(POLL_MS + random() * POLL_JITTER_MS);
      // A process that stood still has not waited for Redis meanwhile.
      wait.leftMs -= Math.min(performance.now() - askedAt, commandTimeoutMs + 2 * (POLL_MS + POLL_JITTER_MS));
    }
  }

  /** @returns undefined when the lock was lost before anything was sent, so that the task may be run again. */
  async function runLocked<T>(userId: string, task: (lockHandle: LockHandle) => Promise<T>, wait: Wait) {
    const keys = toLockKeys(toGroupedKey(hashId(userId)));
    const token = randomUUID();
    const granted = await acquire(keys, token, wait);
    /** Whether something may have been sent: a task that sends more than once must not be run again then. */
    let maySend = false;
    let isLost = false;
    const lose = (): never => {
      isLost = !maySend;
      throw createLockUnavailableError(0);
    };

    if (granted === 'unlocked') {
      onUnlocked?.();
      const value = await local.withLock(userId, (lockHandle) =>
        task({
          ...lockHandle,
          async refresh() {
            // Redis is back, and another replica may have been granted the lock.
            if (redis.epoch() !== undefined) lose();
            maySend = true;
          },
        }),
      );
      return { value, isLost };
    }

    let heldUntil = granted.until;
    let isKept = false;
    const renew = async () => {
      const askedAt = performance.now();
      const mayTakeAgain = askedAt < heldUntil ? '1' : '0';
      const renewed = await redis
        .run(RENEW_WRITE_LOCK, keys, [...acquireArgs(token), mayTakeAgain])
        .catch(() => undefined);
      if (renewed === 1) heldUntil = askedAt + lockMs;
      return renewed;
    };
    const timer = setInterval(() => void renew(), lockMs / 3);
    try {
      const value = await task({
        async refresh() {
          const renewed = await renew();
          // Without an answer, what is about to be sent must be over before another one can have the lock.
          const isHeld = renewed === undefined && heldUntil - performance.now() >= lockMs / 2;
          if (renewed !== 1 && !isHeld) lose();
          maySend = true;
        },
        keepForBound() {
          isKept = true;
        },
      });
      return { value, isLost };
    } finally {
      clearInterval(timer);
      if (isKept) await renew();
      else await redis.run(RELEASE_LOCK, [keys[0]], [token]).catch(() => remember(keys[0], token));
    }
  }

  return {
    async withLock(userId, task) {
      const wait = { leftMs: waitMs };
      for (let runs = 1; ; runs += 1) {
        const { value, isLost } = await runLocked(userId, task, wait);
        if (!isLost || runs >= RUNS_MAX) return value;
      }
    },
    isPaused: () => performance.now() < settledAt,
    async settled() {
      await waitFor(looked.promise, FIRST_LOOK_MS, sleep);
      await delay(Math.max(0, settledAt - performance.now()));
    },
  };
}

function toLockKeys(groupedKey: string): [lock: string, since: string] {
  const lock = `metadata-bff:write:${groupedKey}`;
  return [lock, `${lock.slice(0, lock.indexOf('}') + 1)}:since`];
}

function isFoundEmpty(reply: RedisReply | undefined): boolean {
  return Array.isArray(reply) && reply[2] === 1;
}

function createLockUnavailableError(afterMs: number): AppError {
  return new AppError(
    'lock_unavailable',
    'The write lock cannot be had at the moment. Nothing was changed.',
    {
      retryAfterSeconds: Math.max(1, Math.ceil(afterMs / 1000)),
    },
  );
}

// The write lock of a process that is alone. Its queue keeps writes of one user in order already; what is left to do is to
// wait for a change that was sent, and of which it is unknown whether and when the tenant applies it.

interface LocalWriteLockOptions {
  /** For how long after its time-out a change may still be applied. */
  readonly keepMs: number;
  /** `UPSTREAM_WAIT_MS`. */
  readonly waitMs: number;
}

const USERS_MAX = 10_000;

export function createLocalWriteLock({ keepMs, waitMs }: LocalWriteLockOptions): WriteLock {
  /** Until when a change of a user may still be applied, by a monotonic clock. */
  const kept = createBoundedMap<number>(USERS_MAX);

  return {
    async withLock(userId, task) {
      const leftMs = (kept.get(userId) ?? 0) - performance.now();
      if (leftMs > waitMs) {
        throw new AppError('lock_unavailable', 'An earlier change of this user may still be applied.', {
          retryAfterSeconds: Math.ceil(leftMs / 1000),
        });
      }
      if (leftMs > 0) await delay(leftMs);
      return task({
        refresh: async () => undefined,
        keepForBound: () => void kept.set(userId, performance.now() + keepMs),
      });
    },
  };
}
