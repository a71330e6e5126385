/**
 * The tier of a deployment without Redis: shared by nobody but this process, and true to the same protocol.
 * Bounded in entries; leases last as long as the request to the tenant that they were taken for.
 */
import { boundedMap } from '../lib/bounded-map.ts';
import type { CacheEntry, CacheTier, Lease } from './tier.ts';

/** A holder that takes longer keeps nobody from looking. */
const SETTLE_MS = 1_000;

export function createMemoryTier<V>({ entriesMax }: { readonly entriesMax: number }): CacheTier<V> {
  const entries = boundedMap<CacheEntry<V>>(entriesMax);
  const listeners: Array<(key: string, isOwn?: boolean) => void> = [];
  const leases = new Map<string, Lease>();
  const waiting = new Map<string, Set<() => void>>();
  let granted = 0;

  function endLease(key: string): void {
    leases.delete(key);
    for (const wake of waiting.get(key) ?? []) wake();
  }

  return {
    keyOf: (id) => id,
    read: async (key) => entries.get(key),
    async lease(key, force) {
      if (leases.has(key) && !force) return undefined;
      granted += 1;
      leases.set(key, granted);
      return granted;
    },
    async fill(key, entry, lease) {
      if (leases.get(key) !== lease) return;
      entries.set(key, entry);
      endLease(key);
    },
    async release(key, lease) {
      if (leases.get(key) === lease) endLease(key);
    },
    async settled(key) {
      if (!leases.has(key)) return;
      const wakers = waiting.get(key) ?? new Set();
      waiting.set(key, wakers);
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          wakers.delete(wake);
          if (wakers.size === 0) waiting.delete(key);
          resolve();
        };
        const timer = setTimeout(wake, SETTLE_MS).unref();
        wakers.add(wake);
      });
    },
    async invalidate(key, successor) {
      if (successor && leases.get(key) === successor.lease) entries.set(key, successor.entry);
      else entries.delete(key);
      endLease(key);
      for (const listener of listeners) listener(key);
    },
    onInvalidation(listener) {
      listeners.push(listener);
    },
    era: () => 0,
  };
}
