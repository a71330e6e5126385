/** Network, clock and chance, so that tests can replace them. */

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface Runtime {
  readonly fetch: Fetch;
  /** Calls `callback` once after `ms`. Returns the function that cancels it. */
  readonly setTimer: (ms: number, callback: () => void) => () => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** A number from 0 up to, but not including, 1. */
  readonly random: () => number;
}

export const platformRuntime: Runtime = {
  // Instrumentation may replace the global function later.
  fetch: (url, init) => fetch(url, init),
  setTimer(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
  now: () => Date.now(),
  random: () => Math.random(),
};

/** The shortest delay between two attempts. No response can make the client repeat a request without one. */
export const MIN_DELAY_SECONDS = 0.5;
/** The longest delay. A timer of 25 days or more would overflow and fire at once. */
export const MAX_DELAY_SECONDS = 3600;

/** A delay within the limits; the shortest for NaN. */
function clampDelay(ms: number): number {
  return Math.min(Math.max(ms || 0, MIN_DELAY_SECONDS * 1000), MAX_DELAY_SECONDS * 1000);
}

/**
 * Resolves after `ms`, within the limits above. Rejects with the signal's reason as soon as it is aborted. All delays
 * of the client are made here.
 */
export function delay({ setTimer }: Runtime, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const onAbort = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = setTimer(clampDelay(ms), () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
