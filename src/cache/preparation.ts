/**
 * What a read does before it asks the tenant: it looks into the shared tier, and either finds an entry that will
 * do or takes the lease. Who does not get the lease waits for what its holder brings, but not for ever.
 */
import type { Clock } from '../lib/clock.ts';
import type { FreshnessRules } from './freshness.ts';
import type { CacheEntry, CacheTier, Lease } from './tier.ts';

/** What a read may bring home: any entry that readers accept, a fresh one, or only the tenant's word. */
export type Errand = 'read' | 'refresh' | 'revalidate';

export interface Prepared<V> {
  readonly shared: CacheEntry<V> | undefined;
  /** Whether that will do, so that the tenant need not be asked. */
  readonly suffices: boolean;
  /** Undefined when nothing may be filled. */
  readonly lease: Lease | undefined;
}

interface Dependencies<V> {
  readonly tier: CacheTier<V>;
  readonly rules: FreshnessRules;
  readonly clock: Clock;
}

/** How long a reader waits for what another one fetches or changes, before it asks the tenant itself. */
const WAIT_MS_MAX = 4_000;

export function createPreparation<V>({ tier, rules, clock }: Dependencies<V>) {
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
