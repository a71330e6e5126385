/** What the client needs of the world, so that tests can stand in for it. */

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface Runtime {
  readonly fetch: Fetch;
  /** Rings once after `ms`. Returns the function that prevents it. */
  readonly setAlarm: (ms: number, ring: () => void) => () => void;
  /** Milliseconds since any moment. */
  readonly now: () => number;
  /** From 0 up to 1. */
  readonly random: () => number;
}

export const platform: Runtime = {
  // Looked up at each call: instrumentation may replace it later.
  fetch: (url, init) => fetch(url, init),
  setAlarm(ms, ring) {
    const timer = setTimeout(ring, ms);
    return () => clearTimeout(timer);
  },
  now: () => Date.now(),
  random: () => Math.random(),
};

/** The shortest pause between two requests, in seconds. No answer can make the client go on without one. */
export const MIN_PAUSE_SECONDS = 0.5;
/** The longest pause, in seconds. Without a limit, a timer of 25 days or more overflows and fires at once. */
export const MAX_PAUSE_SECONDS = 3600;

/** A pause within the limits; the shortest for what is no number. In milliseconds. */
function clampDelay(ms: number): number {
  return Math.min(Math.max(ms || 0, MIN_PAUSE_SECONDS * 1000), MAX_PAUSE_SECONDS * 1000);
}

/**
 * Resolves after `ms`, within the limits above. Rejects with the signal's reason as soon as it is aborted. All waits of
 * the client are made here.
 */
export function pause({ setAlarm }: Runtime, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const leave = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = setAlarm(clampDelay(ms), () => {
      signal?.removeEventListener('abort', leave);
      resolve();
    });
    signal?.addEventListener('abort', leave, { once: true });
  });
}
