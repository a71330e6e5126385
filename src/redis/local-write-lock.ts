/**
 * The write lock of a process that is alone. Its queue keeps writes of one user in order already; what is left to do is to
 * wait for a change that was sent, and of which it is unknown whether and when the tenant applies it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../lib/app-error.ts';
import { boundedMap } from '../lib/bounded-map.ts';
import type { WriteLock } from '../metadata/ports.ts';

export interface LocalWriteLockOptions {
  /** For how long after its time-out a change may still be applied. */
  readonly keepMs: number;
  /** `UPSTREAM_WAIT_MS`. */
  readonly waitMs: number;
}

const USERS_MAX = 10_000;

export function createLocalWriteLock({ keepMs, waitMs }: LocalWriteLockOptions): WriteLock {
  /** Until when a change of a user may still be applied, by a monotonic clock. */
  const kept = boundedMap<number>(USERS_MAX);

  return {
    async hold(userId, task) {
      const leftMs = (kept.get(userId) ?? 0) - performance.now();
      if (leftMs > waitMs) {
        throw new AppError('lock_unavailable', 'An earlier change of this user may still be applied.', {
          retryAfterSeconds: Math.ceil(leftMs / 1000),
        });
      }
      if (leftMs > 0) await delay(leftMs);
      return task({
        confirm: async () => undefined,
        keep: () => void kept.set(userId, performance.now() + keepMs),
      });
    },
  };
}
