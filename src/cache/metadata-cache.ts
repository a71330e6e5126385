/**
 * The cache protocol. A read that a write overtook never fills the cache: the shared tier refuses it by
 * its lease, and this process by forgetting the flight. Take away the lease, the flight check, the order
 * or the announcement, and interleavings exist that serve old data until it expires.
 */
import { LRUCache } from 'lru-cache';
import { AppError } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { Cached, Freshness, ReadCache } from '../metadata/ports.ts';
import type { CacheEntry, CacheTier } from './tier.ts';

export interface MetadataCacheOptions {
  /** An entry is fresh this long. */
  readonly ttlSeconds: number;
  /** After that it is served stale for this long while one read refreshes it (RFC 5861). */
  readonly staleSeconds: number;
  /** And for this long when the tenant cannot answer (RFC 5861). */
  readonly staleIfErrorSeconds: number;
  /** Values held by this process. */
  readonly entriesMax: number;
}

interface Dependencies<V> {
  readonly tier: CacheTier<V>;
  /** Asks the tenant. */
  readonly load: (id: string) => Promise<V>;
  readonly clock: Clock;
}

interface Landing<V> {
  readonly entry: CacheEntry<V>;
  readonly origin: 'tier' | 'tenant';
  readonly stored: boolean;
}

/**
 * Any number of concurrent reads of an id cost one read of the tenant. After `invalidate` resolves, no
 * read that starts in this process answers older data; in other processes, none that starts after the
 * tier's announcement arrived there.
 */
export function createMetadataCache<V>(
  { tier, load, clock }: Dependencies<V>,
  { ttlSeconds, staleSeconds, staleIfErrorSeconds, entriesMax }: MetadataCacheOptions,
): ReadCache<V> {
  const ttlMs = ttlSeconds * 1000;
  const staleUntilMs = ttlMs + staleSeconds * 1000;
  const staleIfErrorUntilMs = ttlMs + staleIfErrorSeconds * 1000;
  const memory = new LRUCache<string, CacheEntry<V>>({ max: entriesMax });
  /** Reads under way. Only the one that is still listed may fill the memory. */
  const flights = new Map<string, Promise<Landing<V>>>();

  tier.onInvalidation(forget);

  function forget(id: string): void {
    flights.delete(id);
    memory.delete(id);
  }

  function ageMs(entry: CacheEntry<V>): number {
    return Math.max(0, clock.now() - entry.askedAt);
  }

  function answer(entry: CacheEntry<V>, freshness: Freshness): Cached<V> {
    return { value: entry.value, freshness, ageSeconds: Math.floor(ageMs(entry) / 1000) };
  }

  function hit(entry: CacheEntry<V>): Cached<V> {
    return answer(entry, { kind: 'hit', ttlSeconds: Math.ceil((ttlMs - ageMs(entry)) / 1000) });
  }

  function depart(id: string, mayUseTier: boolean): Promise<Landing<V>> {
    const isCurrent = () => flights.get(id) === landing;
    const landing = fly(id, mayUseTier, isCurrent).finally(() => {
      if (isCurrent()) flights.delete(id);
    });
    flights.set(id, landing);
    return landing;
  }

  async function fly(id: string, mayUseTier: boolean, isCurrent: () => boolean): Promise<Landing<V>> {
    const shared = mayUseTier ? await tier.read(id) : undefined;
    if (shared && ageMs(shared) < ttlMs) {
      return { entry: shared, origin: 'tier', stored: keep(id, shared, isCurrent()) };
    }
    const lease = await tier.lease(id);
    const askedAt = clock.now();
    const entry = { value: await ask(id), askedAt };
    await tier.fill(id, entry, lease);
    return { entry, origin: 'tenant', stored: keep(id, entry, isCurrent()) };
  }

  async function ask(id: string): Promise<V> {
    try {
      return await load(id);
    } catch (error) {
      if (error instanceof AppError && error.code === 'user_not_found') await invalidate(id);
      throw error;
    }
  }

  function keep(id: string, entry: CacheEntry<V>, current: boolean): boolean {
    if (current) memory.set(id, entry);
    return current;
  }

  async function invalidate(id: string): Promise<void> {
    forget(id);
    await tier.invalidate(id);
    // A reader that set out meanwhile may have found the tier not yet emptied.
    forget(id);
  }

  async function readThrough(id: string, revalidate: boolean): Promise<Cached<V>> {
    const underWay = revalidate ? undefined : flights.get(id);
    const { entry, origin, stored } = await (underWay ?? depart(id, !revalidate));
    if (origin === 'tier') return hit(entry);
    if (underWay) return answer(entry, { kind: 'collapsed' });
    return answer(entry, { kind: revalidate ? 'request' : 'miss', stored });
  }

  return {
    async read(id, { revalidate = false } = {}) {
      const held = revalidate ? undefined : memory.get(id);
      if (!held) return readThrough(id, revalidate);
      if (ageMs(held) < ttlMs) return hit(held);
      if (ageMs(held) < staleUntilMs) {
        // Whether the refresh succeeds is for the next reader to see.
        if (!flights.has(id)) depart(id, true).catch(() => undefined);
        return answer(held, { kind: 'stale-while-revalidate' });
      }
      try {
        return await readThrough(id, false);
      } catch (error) {
        if (isUpstreamFailure(error) && ageMs(held) < staleIfErrorUntilMs) {
          return answer(held, { kind: 'stale-if-error' });
        }
        throw error;
      }
    },
    peek: (id) => memory.get(id)?.value,
    invalidate,
  };
}

/** The tenant could not answer, which says nothing about what it holds. */
function isUpstreamFailure(error: unknown): boolean {
  return error instanceof AppError && error.code.startsWith('upstream_');
}
