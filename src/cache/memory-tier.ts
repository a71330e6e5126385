/**
 * The tier of a deployment without Redis: shared by nobody but this process. Bounded in entries and in
 * remembered invalidations; forgetting an invalidation only ever refuses a fill, never allows one.
 */
import { LRUCache } from 'lru-cache';
import type { CacheEntry, CacheTier } from './tier.ts';

export function createMemoryTier<V>({ entriesMax }: { readonly entriesMax: number }): CacheTier<V> {
  const entries = new LRUCache<string, CacheEntry<V>>({ max: entriesMax });
  const listeners: Array<(id: string) => void> = [];
  let generation = 0;
  /** Every invalidation up to this generation may have been forgotten. */
  let forgotten = 0;
  const raisedAt = new LRUCache<string, number>({
    max: entriesMax,
    dispose: (raised, _id, reason) => {
      if (reason === 'evict') forgotten = Math.max(forgotten, raised);
    },
  });

  return {
    read: async (id) => entries.get(id),
    lease: async () => generation,
    async fill(id, entry, lease) {
      const raised = raisedAt.get(id) ?? forgotten;
      if (raised <= lease) entries.set(id, entry);
    },
    async invalidate(id) {
      generation += 1;
      raisedAt.set(id, generation);
      entries.delete(id);
      for (const listener of listeners) listener(id);
    },
    onInvalidation(listener) {
      listeners.push(listener);
    },
  };
}
