/**
 * The cache protocol. A read that a write overtook never fills the cache: the shared tier refuses it by
 * its lease, and this process by forgetting the flight. Take away the lease, the flight check, the order
 * or the announcement, and interleavings exist that serve old data until it expires.
 */
import { boundedMap } from '../lib/bounded-map.ts';
import { AppError, hasCode } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { CallOptions, Cached, Freshness, ReadCache } from '../metadata/ports.ts';
import { createFreshnessRules, type FreshnessOptions } from './freshness.ts';
import { createPreparation, type Errand } from './preparation.ts';
import type { CacheEntry, CacheTier, Lease, Successor } from './tier.ts';
import { createWatchers } from './watchers.ts';

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
