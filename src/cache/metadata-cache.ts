/**
 * The cache protocol. A read that a write overtook never fills the cache: the shared tier refuses it by
 * its lease, and this process by forgetting the flight. Take away the lease, the flight check, the order
 * or the announcement, and interleavings exist that serve old data until it expires.
 */
import { LRUCache } from 'lru-cache';
import { AppError } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { CachedProfile, Freshness, MetadataCache, Profile } from '../metadata/ports.ts';
import type { CacheEntry, CacheTier } from './tier.ts';

export interface MetadataCacheOptions {
  /** An entry is fresh this long. */
  readonly ttlSeconds: number;
  /** After that it is served stale for this long while one read refreshes it (RFC 5861). */
  readonly staleSeconds: number;
  /** And for this long when the tenant cannot answer (RFC 5861). */
  readonly staleIfErrorSeconds: number;
  /** Users held by this process. */
  readonly entriesMax: number;
}

interface Dependencies {
  readonly tier: CacheTier;
  /** Asks the tenant. */
  readonly load: (userId: string) => Promise<Profile>;
  readonly clock: Clock;
}

interface Landing {
  readonly entry: CacheEntry;
  readonly origin: 'tier' | 'tenant';
  readonly stored: boolean;
}

/**
 * Any number of concurrent reads of a user cost one read of the tenant. After `invalidate` resolves, no
 * read that starts in this process answers older data; in other processes, none that starts after the
 * tier's announcement arrived there.
 */
export function createMetadataCache(
  { tier, load, clock }: Dependencies,
  { ttlSeconds, staleSeconds, staleIfErrorSeconds, entriesMax }: MetadataCacheOptions,
): MetadataCache {
  const ttlMs = ttlSeconds * 1000;
  const staleUntilMs = ttlMs + staleSeconds * 1000;
  const staleIfErrorUntilMs = ttlMs + staleIfErrorSeconds * 1000;
  const memory = new LRUCache<string, CacheEntry>({ max: entriesMax });
  /** Reads under way. Only the one that is still listed may fill the memory. */
  const flights = new Map<string, Promise<Landing>>();

  tier.onInvalidation(forget);

  function forget(userId: string): void {
    flights.delete(userId);
    memory.delete(userId);
  }

  function ageMs(entry: CacheEntry): number {
    return Math.max(0, clock.now() - entry.askedAt);
  }

  function answer(entry: CacheEntry, freshness: Freshness): CachedProfile {
    return { profile: entry.profile, freshness, ageSeconds: Math.floor(ageMs(entry) / 1000) };
  }

  function hit(entry: CacheEntry): CachedProfile {
    return answer(entry, { kind: 'hit', ttlSeconds: Math.ceil((ttlMs - ageMs(entry)) / 1000) });
  }

  function depart(userId: string, mayUseTier: boolean): Promise<Landing> {
    const isCurrent = () => flights.get(userId) === landing;
    const landing = fly(userId, mayUseTier, isCurrent).finally(() => {
      if (isCurrent()) flights.delete(userId);
    });
    flights.set(userId, landing);
    return landing;
  }

  async function fly(userId: string, mayUseTier: boolean, isCurrent: () => boolean): Promise<Landing> {
    const shared = mayUseTier ? await tier.read(userId) : undefined;
    if (shared && ageMs(shared) < ttlMs) {
      return { entry: shared, origin: 'tier', stored: keep(userId, shared, isCurrent()) };
    }
    const lease = await tier.lease(userId);
    const askedAt = clock.now();
    const entry = { profile: await ask(userId), askedAt };
    await tier.fill(userId, entry, lease);
    return { entry, origin: 'tenant', stored: keep(userId, entry, isCurrent()) };
  }

  async function ask(userId: string): Promise<Profile> {
    try {
      return await load(userId);
    } catch (error) {
      if (error instanceof AppError && error.code === 'user_not_found') await invalidate(userId);
      throw error;
    }
  }

  function keep(userId: string, entry: CacheEntry, current: boolean): boolean {
    if (current) memory.set(userId, entry);
    return current;
  }

  async function invalidate(userId: string): Promise<void> {
    forget(userId);
    await tier.invalidate(userId);
    // A reader that set out meanwhile may have found the tier not yet emptied.
    forget(userId);
  }

  async function readThrough(userId: string, revalidate: boolean): Promise<CachedProfile> {
    const underWay = revalidate ? undefined : flights.get(userId);
    const { entry, origin, stored } = await (underWay ?? depart(userId, !revalidate));
    if (origin === 'tier') return hit(entry);
    if (underWay) return answer(entry, { kind: 'collapsed' });
    return answer(entry, { kind: revalidate ? 'request' : 'miss', stored });
  }

  return {
    async read(userId, { revalidate = false } = {}) {
      const held = revalidate ? undefined : memory.get(userId);
      if (!held) return readThrough(userId, revalidate);
      if (ageMs(held) < ttlMs) return hit(held);
      if (ageMs(held) < staleUntilMs) {
        // Whether the refresh succeeds is for the next reader to see.
        if (!flights.has(userId)) depart(userId, true).catch(() => undefined);
        return answer(held, { kind: 'stale-while-revalidate' });
      }
      try {
        return await readThrough(userId, false);
      } catch (error) {
        if (isUpstreamFailure(error) && ageMs(held) < staleIfErrorUntilMs) {
          return answer(held, { kind: 'stale-if-error' });
        }
        throw error;
      }
    },
    peek: (userId) => memory.get(userId)?.profile,
    invalidate,
  };
}

/** The tenant could not answer, which says nothing about the user. */
function isUpstreamFailure(error: unknown): boolean {
  return error instanceof AppError && error.code.startsWith('upstream_');
}
