/**
 * The read cache and its protocol (docs/cache-protocol.md). A read that a write overtakes never fills the cache: the
 * shared store refuses the fill because its lease is void, and this process because it no longer lists the fetch.
 * Without the lease, the check of the fetch, the order of the steps or the announcement, interleavings exist that
 * serve old data until it expires.
 */
import { AppError, hasCode } from '../lib/app-error.ts';
import { createBoundedMap } from '../lib/bounded-map.ts';
import type { Clock } from '../lib/clock.ts';
import type { Cached, CallOptions, Freshness, ReadCache, WatchReason } from '../metadata/ports.ts';
import type { CacheEntry, CacheStore, Lease, Replacement } from './memory-store.ts';

// Freshness: how old an entry may be to be served as fresh, while it is refreshed, or while the tenant fails.

export interface FreshnessOptions {
  /** An entry is fresh this long. */
  readonly ttlSeconds: number;
  /** After that it is served stale for this long while one read refreshes it (RFC 5861). */
  readonly staleSeconds: number;
  /** And for this long when the tenant cannot answer (RFC 5861). */
  readonly staleIfErrorSeconds: number;
}

type Entry = Pick<CacheEntry<unknown>, 'askedAt'>;

export interface FreshnessRules {
  getAgeMs(entry: Entry): number;
  /** Milliseconds for which the entry is still fresh; negative once it is stale. */
  getFreshMs(entry: Entry): number;
  /** The same in whole seconds, away from 0: positive while the entry is fresh, negative from then on. */
  getTtlSeconds(entry: Entry): number;
  canServeStale(entry: Entry): boolean;
  canServeOnError(entry: Entry): boolean;
  /** How near the end of its time as a stale answer the entry is, from 0 (just stale) to 1. */
  getStaleness(entry: Entry): number;
}

/** Cuts up to a tenth of an entry's time, so that entries made in one moment do not expire in one moment. */
const JITTER = 0.1;

export function createFreshnessRules(
  clock: Clock,
  { ttlSeconds, staleSeconds, staleIfErrorSeconds }: FreshnessOptions,
): FreshnessRules {
  const ttlMs = ttlSeconds * 1000;
  const ageMs = ({ askedAt }: Entry) => Math.max(0, clock.now() - askedAt);
  const freshForMs = (entry: Entry) => ttlMs * (1 - (JITTER * (entry.askedAt % 1000)) / 1000) - ageMs(entry);
  return {
    getAgeMs: ageMs,
    getFreshMs: freshForMs,
    getTtlSeconds(entry) {
      const seconds = freshForMs(entry) / 1000;
      return seconds > 0 ? Math.ceil(seconds) : Math.min(-1, Math.floor(seconds));
    },
    canServeStale: (entry) => ageMs(entry) < ttlMs + staleSeconds * 1000,
    getStaleness: (entry) =>
      Math.min(1, Math.max(0, (ageMs(entry) - ttlMs) / Math.max(1, staleSeconds * 1000))),
    canServeOnError: (entry) => ageMs(entry) < ttlMs + staleIfErrorSeconds * 1000,
  };
}

// What a read does before it asks the tenant: it looks into the shared store, and either finds an entry that
// suffices or takes the lease. A read that does not get the lease waits for its holder, for a limited time.

/** What a read accepts: an entry that may be served, a fresh entry, or only the tenant's answer. */
export type ReadMode = 'read' | 'refresh' | 'revalidate';

export interface Preparation<V> {
  readonly shared: CacheEntry<V> | undefined;
  /** Whether `shared` suffices, so that the tenant is not asked. */
  readonly suffices: boolean;
  /** Undefined when the store must not be filled. */
  readonly lease: Lease | undefined;
}

interface LookupDependencies<V> {
  readonly store: CacheStore<V>;
  readonly rules: FreshnessRules;
  readonly clock: Clock;
}

/** How long a reader waits for another one's fetch or change before it asks the tenant itself. */
const MAX_WAIT_MS = 4_000;

export function createStoreLookup<V>({ store, rules, clock }: LookupDependencies<V>) {
  return async function lookUp(key: string, mode: ReadMode): Promise<Preparation<V>> {
    if (mode === 'revalidate') {
      return { shared: undefined, suffices: false, lease: await store.lease(key, true) };
    }
    const suffices = (entry: CacheEntry<V>) =>
      rules.getFreshMs(entry) > 0 || (mode === 'read' && rules.canServeStale(entry));
    const giveUpAt = clock.now() + MAX_WAIT_MS;
    let shared = await store.read(key);
    while (clock.now() < giveUpAt) {
      if (shared && suffices(shared)) return { shared, suffices: true, lease: undefined };
      // One attempt after another: each depends on what the holder of the lease did before.
      const lease = await store.lease(key, false);
      if (lease === undefined) await store.waitForLease(key);
      // Also with the lease: its last holder may have filled since we looked.
      shared = await store.read(key);
      if (lease !== undefined && shared && suffices(shared)) await store.release(key, lease);
      else if (lease !== undefined) return { shared, suffices: false, lease };
    }
    return { shared, suffices: false, lease: undefined };
  };
}

// Watchers of a value are called for every announcement of it and, because announcements may have been lost,
// whenever the store enters another epoch.

type Listener = (reason: WatchReason) => void;

/** Watchers learn of a new epoch within this time. */
const EPOCH_CHECK_MS = 500;

/**
 * Listens to the store from now on. The cache must have subscribed before, so that a watcher that reads when it is
 * called does not find the copy that the announcement removes.
 */
export function createWatchers(store: Pick<CacheStore<unknown>, 'toKey' | 'onInvalidation' | 'epoch'>) {
  const watched = new Map<string, Set<Listener>>();
  let epoch = store.epoch();
  let timer: NodeJS.Timeout | undefined;

  store.onInvalidation((key) => {
    for (const listener of watched.get(key) ?? []) listener('changed');
  });

  function checkEra(): void {
    const current = store.epoch();
    if (current === undefined || current === epoch) return;
    epoch = current;
    for (const listener of [...watched.values()].flatMap((listeners) => [...listeners])) listener('missed');
  }

  function startChecking(): void {
    epoch = store.epoch();
    timer = setInterval(checkEra, EPOCH_CHECK_MS);
    timer.unref();
  }

  return function watch(id: string, listener: Listener): () => void {
    const key = store.toKey(id);
    const listeners = watched.get(key) ?? new Set();
    listeners.add(listener);
    if (watched.size === 0) startChecking();
    watched.set(key, listeners);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) watched.delete(key);
      if (watched.size === 0) clearInterval(timer);
    };
  };
}

export interface MetadataCacheOptions extends FreshnessOptions {
  /** How many values this process keeps in memory. */
  readonly maxEntries: number;
}

interface Dependencies<V> {
  readonly store: CacheStore<V>;
  /** Asks the tenant. */
  readonly load: (id: string, options: CallOptions) => Promise<V>;
  readonly clock: Clock;
  /** Called with the origin of each answer. */
  readonly onRead?: (outcome: Freshness['kind']) => void;
}

interface MemoryEntry<V> {
  readonly entry: CacheEntry<V>;
  /** The store's epoch when the entry was read. In another epoch the entry may be out of date. */
  readonly epoch: number | undefined;
}

interface FetchResult<V> {
  readonly entry: CacheEntry<V>;
  readonly origin: 'store' | 'tenant' | 'fallback';
  readonly stored: boolean;
}

/**
 * Creates a cache in which concurrent reads of an id cost one read of the tenant. After `invalidate` resolves, no read
 * that starts in this process answers older data. In other processes, no read that starts after the store's
 * announcement arrived there does.
 */
export function createMetadataCache<V>(
  { store, load, clock, onRead = () => undefined }: Dependencies<V>,
  options: MetadataCacheOptions,
): ReadCache<V> {
  const rules = createFreshnessRules(clock, options);
  const lookUp = createStoreLookup({ store, rules, clock });
  const memory = createBoundedMap<MemoryEntry<V>>(options.maxEntries);
  /** Entries from before a change that failed. They are served only while the tenant fails. */
  const fallbacks = createBoundedMap<CacheEntry<V>>(options.maxEntries);
  /** Reads in progress. Only the fetch that is still listed may fill the memory. */
  const fetches = new Map<string, Promise<FetchResult<V>>>();

  store.onInvalidation(forget);
  const watch = createWatchers(store);

  function forget(key: string, isOwn = false): void {
    fetches.delete(key);
    memory.delete(key);
    if (!isOwn) fallbacks.delete(key);
  }

  function toCached(entry: CacheEntry<V>, freshness: Freshness): Cached<V> {
    onRead(freshness.kind);
    return { value: entry.value, freshness, ageSeconds: Math.floor(rules.getAgeMs(entry) / 1000) };
  }

  function startFetch(id: string, key: string, mode: ReadMode): Promise<FetchResult<V>> {
    const isCurrent = () => fetches.get(key) === result;
    const result = fetch(id, key, mode, isCurrent).finally(() => {
      if (isCurrent()) fetches.delete(key);
    });
    fetches.set(key, result);
    return result;
  }

  async function fetch(
    id: string,
    key: string,
    mode: ReadMode,
    isCurrent: () => boolean,
  ): Promise<FetchResult<V>> {
    const epoch = store.epoch();
    const keep = (entry: CacheEntry<V>): boolean => {
      const current = isCurrent();
      if (current) memory.set(key, { entry, epoch: epoch });
      if (current) fallbacks.delete(key);
      return current;
    };
    const { shared, suffices, lease } = await lookUp(key, mode);
    if (suffices && shared) return { entry: shared, origin: 'store', stored: keep(shared) };
    const askedAt = clock.now();
    try {
      const entry = { value: await load(id, toCallOptions(mode, shared)), askedAt };
      if (lease !== undefined) await store.fill(key, entry, lease);
      return { entry, origin: 'tenant', stored: keep(entry) };
    } catch (error) {
      if (hasCode(error, 'user_not_found')) await dropEntry(key);
      else if (lease !== undefined) await store.release(key, lease);
      const fallback = shared ?? fallbacks.get(key);
      if (fallback && canServeStaleOnError(fallback, error))
        return { entry: fallback, origin: 'fallback', stored: false };
      throw error;
    }
  }

  function toCallOptions(mode: ReadMode, shared: CacheEntry<V> | undefined): CallOptions {
    if (mode === 'refresh') return { priority: mode, staleness: shared ? rules.getStaleness(shared) : 0 };
    return { priority: 'read', failFast: shared !== undefined && rules.canServeOnError(shared) };
  }

  function canServeStaleOnError(entry: CacheEntry<V>, error: unknown): boolean {
    return isUpstreamFailure(error) && rules.canServeOnError(entry);
  }

  async function dropEntry(key: string, replacement?: Replacement<V>): Promise<void> {
    forget(key);
    await store.invalidate(key, replacement);
    // A reader that started meanwhile may have found the old entry in the store.
    forget(key);
  }

  async function readThrough(id: string, key: string, revalidate: boolean): Promise<Cached<V>> {
    const underWay = revalidate ? undefined : fetches.get(key);
    const { entry, origin, stored } = await (underWay ??
      startFetch(id, key, revalidate ? 'revalidate' : 'read'));
    if (origin === 'store') return serveCached(id, key, entry);
    if (origin === 'fallback') return serveStaleOnError(entry);
    if (underWay) return toCached(entry, { kind: 'collapsed' });
    return toCached(entry, { kind: revalidate ? 'request' : 'miss', stored });
  }

  /** Serves an entry that is fresh, or serves a stale one and refreshes it in the background. */
  function serveCached(id: string, key: string, entry: CacheEntry<V>): Cached<V> {
    const ttlSeconds = rules.getTtlSeconds(entry);
    if (ttlSeconds > 0) return toCached(entry, { kind: 'hit', ttlSeconds });
    // The next reader sees whether the refresh succeeded.
    if (!fetches.has(key)) startFetch(id, key, 'refresh').catch(() => undefined);
    return toCached(entry, { kind: 'stale-while-revalidate', ttlSeconds });
  }

  function serveStaleOnError(entry: CacheEntry<V>): Cached<V> {
    return toCached(entry, { kind: 'stale-if-error', ttlSeconds: rules.getTtlSeconds(entry) });
  }

  return {
    async read(id, { revalidate = false } = {}) {
      const key = store.toKey(id);
      const held = revalidate ? undefined : memory.get(key);
      if (!held) return readThrough(id, key, revalidate);
      const epoch = store.epoch();
      if (epoch !== undefined && epoch === held.epoch && rules.canServeStale(held.entry)) {
        return serveCached(id, key, held.entry);
      }
      try {
        return await readThrough(id, key, false);
      } catch (error) {
        if (canServeStaleOnError(held.entry, error)) return serveStaleOnError(held.entry);
        throw error;
      }
    },
    peek(id) {
      const held = memory.get(store.toKey(id));
      if (!held || store.epoch() === undefined || store.epoch() !== held.epoch) return undefined;
      return rules.canServeStale(held.entry) ? held.entry.value : undefined;
    },
    invalidate: (id) => dropEntry(store.toKey(id)),
    async invalidateUnless(id, isKnown) {
      const key = store.toKey(id);
      const shared = await store.read(key);
      if (shared?.announced && isKnown(shared.value)) return false;
      await dropEntry(key);
      return true;
    },
    async change(id, send) {
      const key = store.toKey(id);
      let begun: { readonly lease: Lease | undefined; readonly askedAt: number } | undefined;
      let replacement: Replacement<V> | undefined;
      let before: CacheEntry<V> | undefined;
      let isFailed = false;
      const begin = async () => {
        before ??= memory.get(key)?.entry ?? fallbacks.get(key);
        await dropEntry(key);
        // With the lease taken, a reader that arrives now waits for the answer to the change.
        begun = { lease: await store.lease(key, true), askedAt: clock.now() };
      };
      try {
        const value = await send(begin);
        if (begun?.lease !== undefined) {
          replacement = { entry: { value, askedAt: begun.askedAt, announced: true }, lease: begun.lease };
        }
        return value;
      } catch (error) {
        isFailed = isUpstreamFailure(error);
        throw error;
      } finally {
        // Also after a failure: the tenant may have applied a change that it did not answer.
        if (begun) await dropEntry(key, replacement);
        if (begun && isFailed && before && !memory.has(key)) fallbacks.set(key, before);
      }
    },
    watch,
  };
}

/** Whether the tenant could not answer, which says nothing about the stored value. */
function isUpstreamFailure(error: unknown): boolean {
  return error instanceof AppError && error.code.startsWith('upstream_');
}
