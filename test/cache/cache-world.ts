/** A cache over a tenant whose every answer a test gives by hand, or in advance. */
import { type CacheStore, createMemoryStore } from '../../src/cache/memory-store.ts';
import { createMetadataCache } from '../../src/cache/metadata-cache.ts';
import { createDeferred, type Deferred } from '../lib/deferred.ts';
import { createManualClock } from '../lib/manual-clock.ts';

export const FRESHNESS = { ttlSeconds: 60, staleSeconds: 600, staleIfErrorSeconds: 3600, maxEntries: 100 };
export const ID = 'auth0|jane';

export function createWorld(options = FRESHNESS) {
  const clock = createManualClock();
  let epoch: number | undefined = 0;
  const store = { ...createMemoryStore<string>({ maxEntries: 100 }), epoch: () => epoch };
  const heardTier: CacheStore<string> = {
    ...store,
    onInvalidation: (listener) => store.onInvalidation((key) => (epoch === 0 ? listener(key) : undefined)),
  };
  const asked: Array<Deferred<string>> = [];
  let inAdvance: string | undefined;
  const load = () => {
    const deferred = createDeferred<string>();
    asked.push(deferred);
    if (inAdvance !== undefined) deferred.resolve(inAdvance);
    return deferred.promise;
  };
  const startReplica = () => createMetadataCache({ store: heardTier, load, clock }, options);
  const cache = startReplica();

  return {
    clock,
    /** The shared store, as another replica uses it. */
    store,
    /** Announcements are heard in epoch 0 only. */
    setEpoch(value: number | undefined) {
      epoch = value;
    },
    /** Every request to the tenant so far, to be answered. */
    asked,
    startReplica,
    cache,
    /** From now on the tenant answers this at once; undefined: when the test says so. */
    answer(value: string | undefined) {
      inAdvance = value;
    },
    /** Reads once with this answer, so that the cache holds it. */
    async hold(value: string) {
      inAdvance = value;
      await cache.read(ID);
      inAdvance = undefined;
    },
  };
}
