/**
 * The store that the read cache shares between replicas, as an interface, and its implementation for one process
 * without Redis. The memory store is bounded in entries. A lease lasts as long as the request it was taken for.
 */
import { createBoundedMap } from '../lib/bounded-map.ts';

export interface CacheEntry<V> {
  readonly value: V;
  /** When the tenant was asked, in milliseconds since the epoch. */
  readonly askedAt: number;
  /** Whether it replaced an entry whose removal was announced, so that no process has an older one. */
  readonly announced?: boolean | undefined;
}

/** The right to fill one key. One process has it at a time, and an invalidation of the key voids it. */
export type Lease = string | number;

export interface Replacement<V> {
  readonly entry: CacheEntry<V>;
  readonly lease: Lease;
}

/**
 * The shared store of the cache, as the protocol in metadata-cache.ts needs it. A store never rejects: while it cannot
 * be reached, it answers as if it were empty, and its epoch says that announcements were missed. Every method but
 * `toKey` takes keys and not ids, because ids must not reach a store that others can read.
 */
export interface CacheStore<V> {
  /** The key of an id in this store and in its announcements. */
  toKey(id: string): string;
  read(key: string): Promise<CacheEntry<V> | undefined>;
  /**
   * Takes the lease, before the tenant is asked. Undefined while another reader or writer has it; `force` takes it away.
   */
  lease(key: string, force: boolean): Promise<Lease | undefined>;
  /** Stores the entry only if the key was not invalidated since the lease was taken. */
  fill(key: string, entry: CacheEntry<V>, lease: Lease): Promise<void>;
  /** Gives the lease up unused, so that other readers need not wait for it. */
  release(key: string, lease: Lease): Promise<void>;
  /** Resolves when the lease has ended, or after a second. */
  waitForLease(key: string): Promise<void>;
  /**
   * Voids any lease, deletes the entry and announces that to every listener, in this order. A `replacement` whose lease
   * is still valid takes the place of the deleted entry in the same step.
   */
  invalidate(key: string, replacement?: Replacement<V>): Promise<void>;
  /** `isOwn`: this very store made the announcement, which comes back to it. */
  onInvalidation(listener: (key: string, isOwn?: boolean) => void): void;
  /**
   * A number that changes whenever announcements may have been missed; undefined while they are being missed. An entry
   * read in another epoch must not count as fresh.
   */
  epoch(): number | undefined;
}

/** After this time, a waiting reader looks again although the lease is still taken. */
const LEASE_WAIT_MS = 1_000;

export function createMemoryStore<V>({ maxEntries }: { readonly maxEntries: number }): CacheStore<V> {
  const entries = createBoundedMap<CacheEntry<V>>(maxEntries);
  const listeners: Array<(key: string, isOwn?: boolean) => void> = [];
  const leases = new Map<string, Lease>();
  const waiting = new Map<string, Set<() => void>>();
  let granted = 0;

  function endLease(key: string): void {
    leases.delete(key);
    for (const wake of waiting.get(key) ?? []) wake();
  }

  return {
    toKey: (id) => id,
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
    async waitForLease(key) {
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
        const timer = setTimeout(wake, LEASE_WAIT_MS).unref();
        wakers.add(wake);
      });
    },
    async invalidate(key, replacement) {
      if (replacement && leases.get(key) === replacement.lease) entries.set(key, replacement.entry);
      else entries.delete(key);
      endLease(key);
      for (const listener of listeners) listener(key);
    },
    onInvalidation(listener) {
      listeners.push(listener);
    },
    epoch: () => 0,
  };
}
