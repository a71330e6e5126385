/**
 * The cache protocol. A read that a write overtook never fills the cache: the shared tier refuses it by
 * its lease, and this process by forgetting the flight. Take away the lease, the flight check, the order
 * or the announcement, and interleavings exist that serve old data until it expires.
 */
import { AppError, hasCode } from '../lib/app-error.ts';
import { boundedMap } from '../lib/bounded-map.ts';
import type { Clock } from '../lib/clock.ts';
import type { Cached, CallOptions, Freshness, ReadCache, WatchReason } from '../metadata/ports.ts';
import type { CacheEntry, CacheTier, Lease, Successor } from './memory-store.ts';

// How old an entry may be for what: fresh, stale while it is refreshed, stale when the tenant fails.

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
  ageMs(entry: Entry): number;
  /** Milliseconds for which the entry is still fresh; negative once it is stale. */
  freshForMs(entry: Entry): number;
  /** The same in whole seconds, away from 0: positive while the entry is fresh, negative from then on. */
  ttlSeconds(entry: Entry): number;
  mayServeStale(entry: Entry): boolean;
  mayServeOnError(entry: Entry): boolean;
  /** How near the end of its time as a stale answer the entry is, from 0 (just stale) to 1. */
  staleness(entry: Entry): number;
}

/** Entries made in the same moment must not end in the same moment: up to a tenth of their time is cut. */
const JITTER = 0.1;

export function createFreshnessRules(
  clock: Clock,
  { ttlSeconds, staleSeconds, staleIfErrorSeconds }: FreshnessOptions,
): FreshnessRules {
  const ttlMs = ttlSeconds * 1000;
  const ageMs = ({ askedAt }: Entry) => Math.max(0, clock.now() - askedAt);
  const freshForMs = (entry: Entry) => ttlMs * (1 - (JITTER * (entry.askedAt % 1000)) / 1000) - ageMs(entry);
  return {
    ageMs,
    freshForMs,
    ttlSeconds(entry) {
      const seconds = freshForMs(entry) / 1000;
      return seconds > 0 ? Math.ceil(seconds) : Math.min(-1, Math.floor(seconds));
    },
    mayServeStale: (entry) => ageMs(entry) < ttlMs + staleSeconds * 1000,
    staleness: (entry) => Math.min(1, Math.max(0, (ageMs(entry) - ttlMs) / Math.max(1, staleSeconds * 1000))),
    mayServeOnError: (entry) => ageMs(entry) < ttlMs + staleIfErrorSeconds * 1000,
  };
}

// What a read does before it asks the tenant: it looks into the shared tier, and either finds an entry that will
// do or takes the lease. Who does not get the lease waits for what its holder brings, but not for ever.

/** What a read may bring home: any entry that readers accept, a fresh one, or only the tenant's word. */
export type Errand = 'read' | 'refresh' | 'revalidate';

export interface Prepared<V> {
  readonly shared: CacheEntry<V> | undefined;
  /** Whether that will do, so that the tenant need not be asked. */
  readonly suffices: boolean;
  /** Undefined when nothing may be filled. */
  readonly lease: Lease | undefined;
}

interface PreparationDependencies<V> {
  readonly tier: CacheTier<V>;
  readonly rules: FreshnessRules;
  readonly clock: Clock;
}

/** How long a reader waits for what another one fetches or changes, before it asks the tenant itself. */
const WAIT_MS_MAX = 4_000;

export function createPreparation<V>({ tier, rules, clock }: PreparationDependencies<V>) {
  return async function prepare(key: string, errand: Errand): Promise<Prepared<V>> {
    if (errand === 'revalidate') {
      return { shared: undefined, suffices: false, lease: await tier.lease(key, true) };
    }
    const suffices = (entry: CacheEntry<V>) =>
      rules.freshForMs(entry) > 0 || (errand === 'read' && rules.mayServeStale(entry));
    const giveUpAt = clock.now() + WAIT_MS_MAX;
    let shared = await tier.read(key);
    while (clock.now() < giveUpAt) {
      if (shared && suffices(shared)) return { shared, suffices: true, lease: undefined };
      // Each turn depends on what the holder of the lease did in the one before.
      const lease = await tier.lease(key, false);
      if (lease === undefined) await tier.settled(key);
      // Also with the lease: its last holder may have filled since we looked.
      shared = await tier.read(key);
      if (lease !== undefined && shared && suffices(shared)) await tier.release(key, lease);
      else if (lease !== undefined) return { shared, suffices: false, lease };
    }
    return { shared, suffices: false, lease: undefined };
  };
}

// Who wants to know when a value may have changed: told of every announcement for it and, because some may
// have been lost, whenever the tier enters another era.

type Listener = (reason: WatchReason) => void;

/** A new era is told within this time. */
const ERA_CHECK_MS = 500;

/**
 * Listens to the tier from now on. Whoever keeps copies must have begun before, so that nobody who reads when
 * told finds what was to be forgotten.
 */
export function createWatchers(tier: Pick<CacheTier<unknown>, 'keyOf' | 'onInvalidation' | 'era'>) {
  const watched = new Map<string, Set<Listener>>();
  let era = tier.era();
  let timer: NodeJS.Timeout | undefined;

  tier.onInvalidation((key) => {
    for (const listener of watched.get(key) ?? []) listener('changed');
  });

  function checkEra(): void {
    const current = tier.era();
    if (current === undefined || current === era) return;
    era = current;
    for (const listener of [...watched.values()].flatMap((listeners) => [...listeners])) listener('missed');
  }

  function startChecking(): void {
    era = tier.era();
    timer = setInterval(checkEra, ERA_CHECK_MS);
    timer.unref();
  }

  return function watch(id: string, listener: Listener): () => void {
    const key = tier.keyOf(id);
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
  /** Values held by this process. */
  readonly entriesMax: number;
}

interface Dependencies<V> {
  readonly tier: CacheTier<V>;
  /** Asks the tenant. */
  readonly load: (id: string, options: CallOptions) => Promise<V>;
  readonly clock: Clock;
  /** Told where each answer comes from. */
  readonly onRead?: (outcome: Freshness['kind']) => void;
}

interface Held<V> {
  readonly entry: CacheEntry<V>;
  /** The tier's era in which it was learnt; in another one it may be out of date. */
  readonly era: number | undefined;
}

interface Landing<V> {
  readonly entry: CacheEntry<V>;
  readonly origin: 'tier' | 'tenant' | 'rescue';
  readonly stored: boolean;
}

/**
 * Any number of concurrent reads of an id cost one read of the tenant. After `invalidate` resolves, no
 * read that starts in this process answers older data; in other processes, none that starts after the
 * tier's announcement arrived there.
 */
export function createMetadataCache<V>(
  { tier, load, clock, onRead = () => undefined }: Dependencies<V>,
  options: MetadataCacheOptions,
): ReadCache<V> {
  const rules = createFreshnessRules(clock, options);
  const prepare = createPreparation({ tier, rules, clock });
  const memory = boundedMap<Held<V>>(options.entriesMax);
  /** What was held before a change that failed: good for nothing but to stand in for a tenant that fails. */
  const rescues = boundedMap<CacheEntry<V>>(options.entriesMax);
  /** Reads under way. Only the one that is still listed may fill the memory. */
  const flights = new Map<string, Promise<Landing<V>>>();

  tier.onInvalidation(forget);
  const watch = createWatchers(tier);

  function forget(key: string, isOwn = false): void {
    flights.delete(key);
    memory.delete(key);
    if (!isOwn) rescues.delete(key);
  }

  function answer(entry: CacheEntry<V>, freshness: Freshness): Cached<V> {
    onRead(freshness.kind);
    return { value: entry.value, freshness, ageSeconds: Math.floor(rules.ageMs(entry) / 1000) };
  }

  function depart(id: string, key: string, errand: Errand): Promise<Landing<V>> {
    const isCurrent = () => flights.get(key) === landing;
    const landing = fly(id, key, errand, isCurrent).finally(() => {
      if (isCurrent()) flights.delete(key);
    });
    flights.set(key, landing);
    return landing;
  }

  async function fly(id: string, key: string, errand: Errand, isCurrent: () => boolean): Promise<Landing<V>> {
    const era = tier.era();
    const keep = (entry: CacheEntry<V>): boolean => {
      const current = isCurrent();
      if (current) memory.set(key, { entry, era });
      if (current) rescues.delete(key);
      return current;
    };
    const { shared, suffices, lease } = await prepare(key, errand);
    if (suffices && shared) return { entry: shared, origin: 'tier', stored: keep(shared) };
    const askedAt = clock.now();
    try {
      const entry = { value: await load(id, callFor(errand, shared)), askedAt };
      if (lease !== undefined) await tier.fill(key, entry, lease);
      return { entry, origin: 'tenant', stored: keep(entry) };
    } catch (error) {
      if (hasCode(error, 'user_not_found')) await drop(key);
      else if (lease !== undefined) await tier.release(key, lease);
      const rescue = shared ?? rescues.get(key);
      if (rescue && mayRescue(rescue, error)) return { entry: rescue, origin: 'rescue', stored: false };
      throw error;
    }
  }

  function callFor(errand: Errand, shared: CacheEntry<V> | undefined): CallOptions {
    if (errand === 'refresh') return { urgency: errand, staleness: shared ? rules.staleness(shared) : 0 };
    return { urgency: 'read', atOnce: shared !== undefined && rules.mayServeOnError(shared) };
  }

  function mayRescue(entry: CacheEntry<V>, error: unknown): boolean {
    return isUpstreamFailure(error) && rules.mayServeOnError(entry);
  }

  async function drop(key: string, successor?: Successor<V>): Promise<void> {
    forget(key);
    await tier.invalidate(key, successor);
    // A reader that set out meanwhile may have found the tier not yet emptied.
    forget(key);
  }

  async function readThrough(id: string, key: string, revalidate: boolean): Promise<Cached<V>> {
    const underWay = revalidate ? undefined : flights.get(key);
    const { entry, origin, stored } = await (underWay ?? depart(id, key, revalidate ? 'revalidate' : 'read'));
    if (origin === 'tier') return answerHeld(id, key, entry);
    if (origin === 'rescue') return answerOnError(entry);
    if (underWay) return answer(entry, { kind: 'collapsed' });
    return answer(entry, { kind: revalidate ? 'request' : 'miss', stored });
  }

  /** An entry that is fresh, or stale enough to be refreshed behind the reader's back. */
  function answerHeld(id: string, key: string, entry: CacheEntry<V>): Cached<V> {
    const ttlSeconds = rules.ttlSeconds(entry);
    if (ttlSeconds > 0) return answer(entry, { kind: 'hit', ttlSeconds });
    // Whether the refresh succeeds is for the next reader to see.
    if (!flights.has(key)) depart(id, key, 'refresh').catch(() => undefined);
    return answer(entry, { kind: 'stale-while-revalidate', ttlSeconds });
  }

  function answerOnError(entry: CacheEntry<V>): Cached<V> {
    return answer(entry, { kind: 'stale-if-error', ttlSeconds: rules.ttlSeconds(entry) });
  }

  return {
    async read(id, { revalidate = false } = {}) {
      const key = tier.keyOf(id);
      const held = revalidate ? undefined : memory.get(key);
      if (!held) return readThrough(id, key, revalidate);
      const era = tier.era();
      if (era !== undefined && era === held.era && rules.mayServeStale(held.entry)) {
        return answerHeld(id, key, held.entry);
      }
      try {
        return await readThrough(id, key, false);
      } catch (error) {
        if (mayRescue(held.entry, error)) return answerOnError(held.entry);
        throw error;
      }
    },
    peek(id) {
      const held = memory.get(tier.keyOf(id));
      if (!held || tier.era() === undefined || tier.era() !== held.era) return undefined;
      return rules.mayServeStale(held.entry) ? held.entry.value : undefined;
    },
    invalidate: (id) => drop(tier.keyOf(id)),
    async invalidateUnless(id, isKnown) {
      const key = tier.keyOf(id);
      const shared = await tier.read(key);
      if (shared?.announced && isKnown(shared.value)) return false;
      await drop(key);
      return true;
    },
    async change(id, send) {
      const key = tier.keyOf(id);
      let begun: { readonly lease: Lease | undefined; readonly askedAt: number } | undefined;
      let successor: Successor<V> | undefined;
      let before: CacheEntry<V> | undefined;
      let isFailed = false;
      const begin = async () => {
        before ??= memory.get(key)?.entry ?? rescues.get(key);
        await drop(key);
        // Nobody reads what is about to change; who comes now waits for the answer to the change.
        begun = { lease: await tier.lease(key, true), askedAt: clock.now() };
      };
      try {
        const value = await send(begin);
        if (begun?.lease !== undefined) {
          successor = { entry: { value, askedAt: begun.askedAt, announced: true }, lease: begun.lease };
        }
        return value;
      } catch (error) {
        isFailed = isUpstreamFailure(error);
        throw error;
      } finally {
        // Also after a failure: the tenant may have applied what it did not answer.
        if (begun) await drop(key, successor);
        if (begun && isFailed && before && !memory.has(key)) rescues.set(key, before);
      }
    },
    watch,
  };
}

/** The tenant could not answer, which says nothing about what it holds. */
function isUpstreamFailure(error: unknown): boolean {
  return error instanceof AppError && error.code.startsWith('upstream_');
}
