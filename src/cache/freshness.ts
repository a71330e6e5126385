/** How old an entry may be for what: fresh, stale while it is refreshed, stale when the tenant fails. */
import type { Clock } from '../lib/clock.ts';
import type { CacheEntry } from './tier.ts';

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
