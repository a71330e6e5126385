/**
 * Time that passes only when nothing is left to do: a queue of events, each of which runs, with all the promises that
 * it settles, before the next one begins. Two runs of one program take the same steps.
 */
import type { Clock } from '../../src/lib/clock.ts';

export interface VirtualTime {
  readonly clock: Clock;
  /** Resolves when so many virtual milliseconds have passed. */
  readonly sleep: (ms: number) => Promise<void>;
  /** Runs the action at that time, or next if that time has passed. Equal times keep their order. */
  at(timeMs: number, action: () => void): void;
  /** Runs all events up to and including that time, and leaves the clock there. */
  runUntil(timeMs: number): Promise<void>;
}

interface Event {
  readonly timeMs: number;
  readonly action: () => void;
}

/** @param startMs of the virtual clock, in milliseconds since the epoch. */
export function createVirtualTime(startMs: number): VirtualTime {
  /** The next one last. */
  const events: Event[] = [];
  let nowMs = startMs;

  function at(timeMs: number, action: () => void): void {
    const event = { timeMs: Math.max(nowMs, timeMs), action };
    let low = 0;
    let high = events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((events[middle]?.timeMs ?? 0) > event.timeMs) low = middle + 1;
      else high = middle;
    }
    events.splice(low, 0, event);
  }

  return {
    clock: { now: () => nowMs },
    sleep: (ms) => new Promise((resolve) => at(nowMs + Math.max(0, ms), resolve)),
    at,
    async runUntil(timeMs) {
      await promisesSettled();
      for (let next = events.at(-1); next && next.timeMs <= timeMs; next = events.at(-1)) {
        events.pop();
        nowMs = next.timeMs;
        next.action();
        await promisesSettled();
      }
      nowMs = Math.max(nowMs, timeMs);
    },
  };
}

/** A turn of the real event loop comes only after every promise that can settle has settled. */
function promisesSettled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
