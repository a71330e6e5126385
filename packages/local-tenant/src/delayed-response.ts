/**
 * Delays or replaces the response of a handler after its operation has run. It works for handlers that send a response
 * with a single `end`, as all handlers of the tenant do.
 */
import type { ServerResponse } from 'node:http';

/** Sends the response of the handler only after `wait` has resolved. */
export function delayResponse(response: ServerResponse, wait: () => Promise<void>): void {
  interceptEnd(response, (finish) => {
    void wait().then(finish);
  });
}

/** Drops the response of the handler, and calls `sendReplacement` when the handler would have sent it. */
export function replaceResponse(response: ServerResponse, sendReplacement: () => void): void {
  interceptEnd(response, () => {
    // Headers of the content go with it; rate limits and cross-origin permissions hold for any response.
    const described = response.getHeaderNames().filter((name) => name.startsWith('content-'));
    for (const name of described) response.removeHeader(name);
    sendReplacement();
  });
}

function interceptEnd(response: ServerResponse, then: (finish: () => void) => void): void {
  // Read as a value: an outer interception must still run, with the response as `this`.
  const end: typeof response.end = Reflect.get(response, 'end');
  response.end = (...args: unknown[]) => {
    response.end = end;
    then(() => {
      Reflect.apply(end, response, args);
    });
    return response;
  };
}

/** Delays that can be cancelled, so that removing a fault or stopping the tenant sends delayed responses at once. */
export interface Delays {
  /** Resolves after `ms`, or as soon as `release` is called for this group or for all. */
  wait(ms: number, group: string): Promise<void>;
  release(group?: string): void;
}

/** Creates delays, of which none is pending. */
export function createDelays(): Delays {
  const waiting = new Set<{ group: string; end: () => void }>();
  return {
    wait(ms, group) {
      if (ms <= 0) return Promise.resolve();
      return new Promise((resolve) => {
        const timer = setTimeout(() => entry.end(), ms);
        const entry = {
          group,
          end: () => {
            clearTimeout(timer);
            waiting.delete(entry);
            resolve();
          },
        };
        waiting.add(entry);
      });
    },
    release(group) {
      for (const entry of waiting) {
        if (group === undefined || entry.group === group) entry.end();
      }
    },
  };
}
