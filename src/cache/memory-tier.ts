/**
 * The tier of a deployment without Redis: shared by nobody but this process. Bounded in entries and in
 * remembered invalidations; forgetting an invalidation only ever refuses a fill, never allows one.
 */
import { LRUCache } from 'lru-cache';
import type { CacheEntry, CacheTier } from './tier.ts';

export function createMemoryTier({ entriesMax }: { readonly entriesMax: number }): CacheTier {
  const entries = new LRUCache<string, CacheEntry>({ max: entriesMax });
  const listeners: Array<(userId: string) => void> = [];
  let generation = 0;
  /** Every invalidation up to this generation may have been forgotten. */
  let forgotten = 0;
  const raisedAt = new LRUCache<string, number>({
    max: entriesMax,
    dispose: (raised, _userId, reason) => {
      if (reason === 'evict') forgotten = Math.max(forgotten, raised);
    },
  });

  return {
    read: async (userId) => entries.get(userId),
    lease: async () => generation,
    async fill(userId, entry, lease) {
      const raised = raisedAt.get(userId) ?? forgotten;
      if (raised <= lease) entries.set(userId, entry);
    },
    async invalidate(userId) {
      generation += 1;
      raisedAt.set(userId, generation);
      entries.delete(userId);
      for (const listener of listeners) listener(userId);
    },
    onInvalidation(listener) {
      listeners.push(listener);
    },
  };
}
