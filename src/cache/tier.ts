/**
 * The shared tier of the cache, as the protocol in metadata-cache.ts needs it. A tier never rejects: one
 * that is out of reach answers as if it were empty, and says by its era that announcements were missed.
 */

export interface CacheEntry<V> {
  readonly value: V;
  /** When the tenant was asked, in milliseconds since the epoch. */
  readonly askedAt: number;
}

/** The right to fill one key, void as soon as the key is invalidated. */
export type Lease = string | number;

/** Every method but `keyOf` speaks of keys, never of ids: ids must not reach what others can read. */
export interface CacheTier<V> {
  /** What stands for an id in this tier and in its announcements. */
  keyOf(id: string): string;
  read(key: string): Promise<CacheEntry<V> | undefined>;
  /**
   * To be taken before the tenant is asked. Undefined while another process holds one, which is about to
   * fill; `force` takes it away from that one.
   */
  lease(key: string, force: boolean): Promise<Lease | undefined>;
  /** Stores the entry only if the key was not invalidated since the lease was taken. */
  fill(key: string, entry: CacheEntry<V>, lease: Lease): Promise<void>;
  /** Gives the lease up unused, so that nobody waits for it. */
  release(key: string, lease: Lease): Promise<void>;
  /** Resolves when it is worth looking again for what the holder of the lease brings. */
  settled(key: string): Promise<void>;
  /** Raises the generation, deletes the entry and announces both to every listener, in that order. */
  invalidate(key: string): Promise<void>;
  onInvalidation(listener: (key: string) => void): void;
  /**
   * Changes whenever announcements may have been missed; undefined while they are being missed. What was
   * learnt in another era must not count as fresh.
   */
  era(): number | undefined;
}
