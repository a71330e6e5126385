/**
 * The tier of a deployment without Redis: shared by nobody but this process, and true to the same protocol.
 * Bounded in entries; leases last as long as the request to the tenant that they were taken for.
 */
import { boundedMap } from '../lib/bounded-map.ts';

/**
 * The shared tier of the cache, as the protocol in metadata-cache.ts needs it. A tier never rejects: one
 * that is out of reach answers as if it were empty, and says by its era that announcements were missed.
 */

export interface CacheEntry<V> {
  readonly value: V;
  /** When the tenant was asked, in milliseconds since the epoch. */
  readonly askedAt: number;
  /** Whether it took the place of what was announced as gone, so that no process holds anything older. */
  readonly announced?: boolean | undefined;
}

/** The right to fill one key: held by one process at a time, and void as soon as the key is invalidated. */
export type Lease = string | number;

export interface Successor<V> {
  readonly entry: CacheEntry<V>;
  readonly lease: Lease;
}

/** Every method but `keyOf` speaks of keys, never of ids: ids must not reach what others can read. */
export interface CacheTier<V> {
  /** What stands for an id in this tier and in its announcements. */
  keyOf(id: string): string;
  read(key: string): Promise<CacheEntry<V> | undefined>;
  /**
   * To be taken before the tenant is asked. Undefined while somebody holds it, who is about to fill or
   * to change the value; `force` takes it away.
   */
  lease(key: string, force: boolean): Promise<Lease | undefined>;
  /** Stores the entry only if the key was not invalidated since the lease was taken. */
  fill(key: string, entry: CacheEntry<V>, lease: Lease): Promise<void>;
  /** Gives the lease up unused, so that nobody waits for it. */
  release(key: string, lease: Lease): Promise<void>;
  /** Resolves when it is worth looking again for what the holder of the lease brings, within a second. */
  settled(key: string): Promise<void>;
  /**
   * Voids any lease, deletes the entry and announces it to every listener, in that order. With a `successor`
   * whose lease is the one held, its entry takes the place of the deleted one in the same step.
   */
  invalidate(key: string, successor?: Successor<V>): Promise<void>;
  /** `isOwn`: the announcement was made by this very tier, and only comes back to it. */
  onInvalidation(listener: (key: string, isOwn?: boolean) => void): void;
  /**
   * Changes whenever announcements may have been missed; undefined while they are being missed. What was
   * learnt in another era must not count as fresh.
   */
  era(): number | undefined;
}

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
