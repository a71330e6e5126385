/**
 * Waiting that can be called off: delayed answers wait here, and releasing them (or stopping the tenant) lets all go on
 * at once, so that nothing hangs on a delay that is no longer wanted.
 */

export interface Pauses {
  /** Resolves after `ms`, or as soon as `release` is called for this group or for all. */
  wait(ms: number, group: string): Promise<void>;
  release(group?: string): void;
}

/** No pause is under way at the start. */
export function createPauses(): Pauses {
  const waiting = new Set<{ group: string; end: () => void }>();
  return {
    wait(ms, group) {
      if (ms <= 0) return Promise.resolve();
      return new Promise((resolve) => {
        const timer = setTimeout(() => pause.end(), ms);
        const pause = {
          group,
          end: () => {
            clearTimeout(timer);
            waiting.delete(pause);
            resolve();
          },
        };
        waiting.add(pause);
      });
    },
    release(group) {
      for (const pause of waiting) {
        if (group === undefined || pause.group === group) pause.end();
      }
    },
  };
}
