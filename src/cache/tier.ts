/**
 * The shared tier of the cache, as the protocol in metadata-cache.ts needs it. A tier never rejects: one
 * that is out of reach answers as if it were empty.
 */
import type { Profile } from '../metadata/ports.ts';

export interface CacheEntry {
  readonly profile: Profile;
  /** When the tenant was asked, in milliseconds since the epoch. */
  readonly askedAt: number;
}

/** The generation of a key at the moment a reader set out to the tenant. */
export type Lease = number;

export interface CacheTier {
  read(userId: string): Promise<CacheEntry | undefined>;
  /** To be taken before the tenant is asked. */
  lease(userId: string): Promise<Lease>;
  /** Stores the entry only if the user was not invalidated since the lease was taken. */
  fill(userId: string, entry: CacheEntry, lease: Lease): Promise<void>;
  /** Raises the generation, deletes the entry and announces both to every listener, in that order. */
  invalidate(userId: string): Promise<void>;
  onInvalidation(listener: (userId: string) => void): void;
}
