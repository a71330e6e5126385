/** How the change feed is doing: whether it is up, and how far behind the tenant it is. */
import type { Clock } from '../lib/clock.ts';

export interface FeedHealth {
  begin(): void;
  connected(): void;
  /** A change was evicted that happened at this time. */
  evicted(occurredAt: number | undefined): void;
  /** Nothing is left to be told. */
  caughtUp(): void;
  disconnected(): void;
  end(): void;
  /** False when this process should be consuming, and has had no stream for a while. */
  passing(): boolean;
  /**
   * While the stream is open, the time from the latest change to its eviction; while it is not, the time
   * since it was lost. 0 where another process consumes.
   */
  lagSeconds(): number;
}

/** Streams are closed every few minutes in the course of things; only a longer absence is worth a word. */
const TOLERATED_MS = 30_000;

export function createFeedHealth(clock: Clock): FeedHealth {
  let consuming = false;
  let lostAt: number | undefined;
  let lagMs = 0;

  return {
    begin() {
      consuming = true;
      lostAt = clock.now();
    },
    connected() {
      lostAt = undefined;
    },
    evicted(occurredAt) {
      if (occurredAt !== undefined) lagMs = Math.max(0, clock.now() - occurredAt);
    },
    caughtUp() {
      lagMs = 0;
    },
    disconnected() {
      lostAt = clock.now();
    },
    end() {
      consuming = false;
      lagMs = 0;
    },
    passing: () => !consuming || lostAt === undefined || clock.now() - lostAt < TOLERATED_MS,
    lagSeconds() {
      if (!consuming) return 0;
      return (lostAt === undefined ? lagMs : Math.max(0, clock.now() - lostAt)) / 1000;
    },
  };
}
