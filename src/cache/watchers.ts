/**
 * Who wants to know when a value may have changed: told of every announcement for it and, because some may
 * have been lost, whenever the tier enters another era.
 */
import type { WatchReason } from '../metadata/ports.ts';
import type { CacheTier } from './tier.ts';

type Listener = (reason: WatchReason) => void;

/** A new era is told within this time. */
const ERA_CHECK_MS = 500;

/**
 * Listens to the tier from now on. Whoever keeps copies must have begun before, so that nobody who reads when
 * told finds what was to be forgotten.
 */
export function createWatchers(tier: Pick<CacheTier<unknown>, 'keyOf' | 'onInvalidation' | 'era'>) {
  const watched = new Map<string, Set<Listener>>();
  let era = tier.era();
  let timer: NodeJS.Timeout | undefined;

  tier.onInvalidation((key) => {
    for (const listener of watched.get(key) ?? []) listener('changed');
  });

  function checkEra(): void {
    const current = tier.era();
    if (current === undefined || current === era) return;
    era = current;
    for (const listener of [...watched.values()].flatMap((listeners) => [...listeners])) listener('missed');
  }

  function startChecking(): void {
    era = tier.era();
    timer = setInterval(checkEra, ERA_CHECK_MS);
    timer.unref();
  }

  return function watch(id: string, listener: Listener): () => void {
    const key = tier.keyOf(id);
    const listeners = watched.get(key) ?? new Set();
    listeners.add(listener);
    if (watched.size === 0) startChecking();
    watched.set(key, listeners);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) watched.delete(key);
      if (watched.size === 0) clearInterval(timer);
    };
  };
}
