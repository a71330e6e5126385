/** Promises that other code resolves, shared calls, and waits that end. */
import { setTimeout as delay } from 'node:timers/promises';

/** A promise that other code resolves. */
export interface Deferred {
  readonly promise: Promise<void>;
  resolve(): void;
}

export function createDeferred(): Deferred {
  let settle: (() => void) | undefined;
  const promise = new Promise<void>((resolve) => {
    settle = resolve;
  });
  return { promise, resolve: () => settle?.() };
}

/** Rejects, or resolves early, when the signal aborts. */
export type Sleep = (ms: number, signal?: AbortSignal) => Promise<unknown>;

export const sleep: Sleep = (ms, signal) => delay(ms, undefined, signal && { signal });

/** Waits for the promise, or for so long. The timer ends with the wait: it would keep the process, and memory. */
export async function waitFor(promise: Promise<unknown>, ms: number, wait: Sleep): Promise<void> {
  const ended = new AbortController();
  const late = wait(ms, ended.signal).catch(() => undefined);
  await Promise.race([promise, late]).finally(() => ended.abort());
}

/**
 * One call in flight, shared by all callers in the meantime. Outcomes are not kept: the next caller after the
 * end starts anew.
 */
export function createSingleFlight<T>(task: () => Promise<T>): () => Promise<T> {
  let flight: Promise<T> | undefined;
  return function join(): Promise<T> {
    flight ??= task().finally(() => {
      flight = undefined;
    });
    return flight;
  };
}

/**
 * The task's outcome, or after `ms` the error that `late` makes. The time runs in two halves, so that after a
 * pause of this very process an answer that has arrived in the meantime can still be read.
 */
export async function withinTime<T>(task: () => Promise<T>, ms: number, late: () => Error): Promise<T> {
  let timeout: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    // What has arrived while this process was busy is read before an immediate runs.
    const expire = () => setImmediate(() => reject(late()));
    timeout = setTimeout(() => {
      timeout = setTimeout(expire, ms / 2);
    }, ms / 2);
  });
  try {
    return await Promise.race([task(), limit]);
  } finally {
    clearTimeout(timeout);
  }
}
