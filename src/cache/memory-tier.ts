/**
 * The tier of a deployment without Redis: shared by nobody but this process. Bounded in entries and in
 * remembered invalidations; forgetting an invalidation only ever refuses a fill, never allows one.
 */
import { LRUCache } from 'lru-cache';
import type { CacheEntry, CacheTier } from './tier.ts';

export function createMemoryTier<V>({ entriesMax }: { readonly entriesMax: number }): CacheTier<V> {
  const entries = new LRUCache<string, CacheEntry<V>>({ max: entriesMax });
  const listeners: Array<(key: string) => void> = [];
  let generation = 0;
  /** Every invalidation up to this generation may have been forgotten. */
  let forgotten = 0;
  const raisedAt = new LRUCache<string, number>({
    max: entriesMax,
    dispose: (raised, _key, reason) => {
      if (reason === 'evict') forgotten = Math.max(forgotten, raised);
    },
  });

  return {
    keyOf: (id) => id,
    read: async (key) => entries.get(key),
    lease: async () => generation,
    async fill(key, entry, lease) {
      const raised = raisedAt.get(key) ?? forgotten;
      if (raised <= Number(lease)) entries.set(key, entry);
    },
    // Within one process the flight itself is shared, so a lease is never waited for.
    release: async () => undefined,
    settled: async () => undefined,
    async invalidate(key) {
      generation += 1;
      raisedAt.set(key, generation);
      entries.delete(key);
      for (const listener of listeners) listener(key);
    },
    onInvalidation(listener) {
      listeners.push(listener);
    },
    era: () => 0,
  };
}
