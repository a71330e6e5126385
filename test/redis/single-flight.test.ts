import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { createMetadataCache } from '../../src/cache/metadata-cache.ts';
import type { CacheStore } from '../../src/cache/memory-store.ts';
import type { StoredValue } from '../cache/store-contract.ts';
import { createDeferred } from '../lib/deferred.ts';
import { describeWithRedis, openRedis, type TestRedis } from '../support/redis.ts';
import { createStoreFamily, type StoreFamily, value } from './redis-stores.ts';

const FRESHNESS = { ttlSeconds: 60, staleSeconds: 60, staleIfErrorSeconds: 60, maxEntries: 10 };

describeWithRedis('two caches on one Redis', () => {
  let redis: TestRedis;
  let family: StoreFamily;
  let asked: number;
  beforeAll(async () => {
    redis = await openRedis();
  });
  beforeEach(() => {
    asked = 0;
    family = createStoreFamily(redis.url);
  });
  afterEach(async () => {
    await family.stop();
  });
  afterAll(async () => {
    await redis.stop();
  });

  const load = async () => {
    asked += 1;
    return value('from the tenant');
  };

  function cacheOn(store: CacheStore<StoredValue>) {
    return createMetadataCache({ store: store, load, clock: { now: Date.now } }, FRESHNESS);
  }

  test('a reader who looked before the fill and took the lease after it does not ask the tenant', async () => {
    const [{ store: here }, { store: there }] = await Promise.all([family.open(), family.open()]);
    const looked = createDeferred<undefined>();
    const filled = createDeferred<undefined>();
    const late: CacheStore<StoredValue> = {
      ...there,
      async lease(key, force) {
        looked.resolve(undefined);
        await filled.promise;
        return there.lease(key, force);
      },
    };
    const read = cacheOn(late).read('auth0|jane');
    await looked.promise;
    await cacheOn(here).read('auth0|jane');
    filled.resolve(undefined);
    expect((await read).value.text).toBe('from the tenant');
    expect(asked).toBe(1);
    // And keeps no lease that would hold up a reader after an invalidation.
    expect(await here.lease(here.toKey('auth0|jane'), false)).toBeDefined();
  });

  test('a lease whose holder never fills is waited for until it ends, and then taken by one', async () => {
    family = createStoreFamily(redis.url, { leaseMs: 300 });
    const [{ store: here }, { store: there }] = await Promise.all([family.open(), family.open()]);
    await here.lease(here.toKey('auth0|jane'), false);
    const startedAt = performance.now();
    const [one, other] = [cacheOn(here), cacheOn(there)];
    await Promise.all([one, other, one, other].map((cache) => cache.read('auth0|jane')));
    expect(performance.now() - startedAt).toBeGreaterThan(200);
    expect(asked).toBe(1);
  });
});
