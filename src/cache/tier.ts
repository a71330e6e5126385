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
