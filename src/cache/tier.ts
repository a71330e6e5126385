/**
 * The shared tier of the cache, as the protocol in metadata-cache.ts needs it. A tier never rejects: one
 * that is out of reach answers as if it were empty.
 */
export interface CacheEntry<V> {
  readonly value: V;
  /** When the tenant was asked, in milliseconds since the epoch. */
  readonly askedAt: number;
}

/** The generation of a key at the moment a reader set out to the tenant. */
export type Lease = number;

export interface CacheTier<V> {
  read(id: string): Promise<CacheEntry<V> | undefined>;
  /** To be taken before the tenant is asked. */
  lease(id: string): Promise<Lease>;
  /** Stores the entry only if the id was not invalidated since the lease was taken. */
  fill(id: string, entry: CacheEntry<V>, lease: Lease): Promise<void>;
  /** Raises the generation, deletes the entry and announces both to every listener, in that order. */
  invalidate(id: string): Promise<void>;
  onInvalidation(listener: (id: string) => void): void;
}
