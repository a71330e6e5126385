import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { createMetadataCache } from '../../src/cache/metadata-cache.ts';
import type { CacheTier } from '../../src/cache/memory-store.ts';
import type { TierValue } from '../cache/tier-contract.ts';
import { createDeferred } from '../lib/deferred.ts';
import { describeWithRedis, openRedis, type TestRedis } from '../support/redis.ts';
import { createTierFamily, type TierFamily, value } from './tiers.ts';

const FRESHNESS = { ttlSeconds: 60, staleSeconds: 60, staleIfErrorSeconds: 60, entriesMax: 10 };

describeWithRedis('two caches on one Redis', () => {
  let redis: TestRedis;
  let family: TierFamily;
  let asked: number;
  beforeAll(async () => {
    redis = await openRedis();
  });
  beforeEach(() => {
    asked = 0;
    family = createTierFamily(redis.url);
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

  function cacheOn(tier: CacheTier<TierValue>) {
    return createMetadataCache({ tier, load, clock: { now: Date.now } }, FRESHNESS);
  }

  test('a reader who looked before the fill and took the lease after it asks nobody', async () => {
    const [{ tier: here }, { tier: there }] = await Promise.all([family.open(), family.open()]);
    const looked = createDeferred<undefined>();
    const filled = createDeferred<undefined>();
    const late: CacheTier<TierValue> = {
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
    // And keeps no lease that would hold up whoever comes after an invalidation.
    expect(await here.lease(here.keyOf('auth0|jane'), false)).toBeDefined();
  });

  test('a lease whose holder never fills is waited for until it ends, and then taken by one', async () => {
    family = createTierFamily(redis.url, { leaseMs: 300 });
    const [{ tier: here }, { tier: there }] = await Promise.all([family.open(), family.open()]);
    await here.lease(here.keyOf('auth0|jane'), false);
    const startedAt = performance.now();
    const [one, other] = [cacheOn(here), cacheOn(there)];
    await Promise.all([one, other, one, other].map((cache) => cache.read('auth0|jane')));
    expect(performance.now() - startedAt).toBeGreaterThan(200);
    expect(asked).toBe(1);
  });
});
