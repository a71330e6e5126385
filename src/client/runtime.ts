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

/** Resolves after `ms`. Rejects with the signal's reason as soon as it is aborted. */
export function pause({ setAlarm }: Runtime, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const leave = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = setAlarm(ms, () => {
      signal?.removeEventListener('abort', leave);
      resolve();
    });
    signal?.addEventListener('abort', leave, { once: true });
  });
}
