/**
 * Time that passes only when nothing is left to do: a queue of events, each of which runs, with all the
 * promises it settles, before the next one begins. Two runs of one program take the same steps.
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
  readonly order: number;
  readonly action: () => void;
}

/** @param startMs of the virtual clock, in milliseconds since the epoch. */
export function createVirtualTime(startMs: number): VirtualTime {
  const heap: Event[] = [];
  let nowMs = startMs;
  let scheduled = 0;

  function at(timeMs: number, action: () => void): void {
    scheduled += 1;
    push(heap, { timeMs: Math.max(nowMs, timeMs), order: scheduled, action });
  }

  return {
    clock: { now: () => nowMs },
    sleep: (ms) => new Promise((resolve) => at(nowMs + Math.max(0, ms), resolve)),
    at,
    async runUntil(timeMs) {
      await promisesSettled();
      for (let first = heap[0]; first && first.timeMs <= timeMs; first = heap[0]) {
        pop(heap);
        nowMs = first.timeMs;
        first.action();
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

function isEarlier(left: Event | undefined, right: Event | undefined): boolean {
  if (!left || !right) return left !== undefined;
  return left.timeMs === right.timeMs ? left.order < right.order : left.timeMs < right.timeMs;
}

function push(heap: Event[], event: Event): void {
  let index = heap.length;
  heap.push(event);
  while (index > 0) {
    const above = (index - 1) >> 1;
    if (!isEarlier(event, heap[above])) break;
    swap(heap, index, above);
    index = above;
  }
}

function pop(heap: Event[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  heap[0] = last;
  let index = 0;
  for (;;) {
    const left = 2 * index + 1;
    const below = isEarlier(heap[left + 1], heap[left]) ? left + 1 : left;
    if (!isEarlier(heap[below], heap[index])) return;
    swap(heap, index, below);
    index = below;
  }
}

function swap(heap: Event[], left: number, right: number): void {
  const [first, second] = [heap[left], heap[right]];
  if (first === undefined || second === undefined) return;
  heap[left] = second;
  heap[right] = first;
}
