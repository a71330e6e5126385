import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { createMetadataCache } from '../../src/cache/metadata-cache.ts';
import type { TierValue } from '../cache/tier-contract.ts';
import { describeWithRedisServer, type RedisServer, startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { type Relay, startRelay } from './relay.ts';
import { createTierFamily, fill, type OpenTier, type TierFamily, takeLease, value } from './tiers.ts';

const FRESHNESS = { ttlSeconds: 60, staleSeconds: 60, staleIfErrorSeconds: 60, entriesMax: 10 };

describeWithRedisServer('an invalidation that Redis cannot take', () => {
  let server: RedisServer;
  let relay: Relay;
  let family: TierFamily;
  /** Behind the relay. */
  let here: OpenTier;
  let there: OpenTier;
  beforeAll(async () => {
    server = await startRedis();
    relay = await startRelay(server.port);
  });
  beforeEach(async () => {
    family = createTierFamily(server.url);
    here = await family.open({ url: `redis://127.0.0.1:${relay.port}` });
    there = await family.open();
  });
  afterEach(async () => {
    relay.mend();
    await server.command('REPLICAOF', 'NO', 'ONE');
    await server.command('CONFIG', 'SET', 'maxmemory', '0');
    await family.stop();
  });
  afterAll(async () => {
    await relay.stop();
    await server.stop();
  });

  async function cutHere(): Promise<void> {
    relay.cut();
    await until(() => (here.redis.era() === undefined ? true : undefined));
  }

  test('while it is out of reach, is paid before the connection counts as up, and announced', async () => {
    const keys = ['auth0|jane', 'auth0|omar', 'auth0|kim'].map((id) => here.tier.keyOf(id));
    for (const key of keys) await fill(there.tier, key, 'old');
    const heard: string[] = [];
    there.tier.onInvalidation((key) => heard.push(key));
    await cutHere();
    for (const key of keys) await here.tier.invalidate(key);
    expect((await there.tier.read(keys[0] ?? ''))?.value.text).toBe('old');
    relay.mend();
    await until(() => here.redis.era());
    expect(await Promise.all(keys.map((key) => there.tier.read(key)))).toEqual(keys.map(() => undefined));
    await there.caughtUp();
    expect(heard).toEqual(keys);
  });

  test('is paid once: what was filled after it stays', async () => {
    const key = here.tier.keyOf('auth0|jane');
    await cutHere();
    await here.tier.invalidate(key);
    relay.mend();
    await until(() => here.redis.era());
    await fill(there.tier, key, 'new');
    await cutHere();
    relay.mend();
    await until(() => here.redis.era());
    expect((await here.tier.read(key))?.value.text).toBe('new');
  });

  test('while it is out of reach, refuses the fill of a reader who set out before', async () => {
    const key = here.tier.keyOf('auth0|jane');
    const lease = await takeLease(there.tier, key);
    await cutHere();
    await here.tier.invalidate(key);
    relay.mend();
    await until(() => here.redis.era());
    await there.tier.fill(key, { value: value('overtaken'), askedAt: Date.now() }, lease);
    expect(await there.tier.read(key)).toBeUndefined();
  });

  test('whose announcement was missed leaves no memory entry that counts as fresh', async () => {
    let answer = 'old';
    let asked = 0;
    const load = async (): Promise<TierValue> => {
      asked += 1;
      return value(answer);
    };
    const cacheOf = ({ tier }: OpenTier) =>
      createMetadataCache({ tier, load, clock: { now: Date.now } }, FRESHNESS);
    const [deaf, writer] = [cacheOf(here), cacheOf(there)];
    await deaf.read('auth0|jane');
    expect((await deaf.read('auth0|jane')).freshness.kind).toBe('hit');
    await cutHere();
    answer = 'new';
    await writer.invalidate('auth0|jane');
    expect((await deaf.read('auth0|jane')).value.text).toBe('new');
    answer = 'newer';
    await writer.invalidate('auth0|jane');
    relay.mend();
    await until(() => here.redis.era());
    expect((await deaf.read('auth0|jane')).value.text).toBe('newer');
    expect(asked).toBe(3);
  });

  test('because it is full, is none: a full Redis deletes and announces', async () => {
    const key = here.tier.keyOf('auth0|jane');
    await fill(here.tier, key, 'old');
    const heard: string[] = [];
    there.tier.onInvalidation((each) => heard.push(each));
    await server.command('CONFIG', 'SET', 'maxmemory', '100kb');
    await here.tier.invalidate(key);
    await until(() => (heard.length > 0 ? true : undefined));
    await server.command('CONFIG', 'SET', 'maxmemory', '0');
    expect(heard).toEqual([key]);
    expect(await here.tier.read(key)).toBeUndefined();
  });

  test('leaves the readers alone whose lease a frozen Redis granted too late', async () => {
    const key = here.tier.keyOf('auth0|jane');
    server.freeze();
    await here.tier.lease(key, false);
    server.thaw();
    await Promise.all([here, there].map(({ redis }) => until(() => redis.era())));
    expect(await there.tier.lease(key, false)).toBeDefined();
  });

  test('leaves the readers alone whose lease was lost with the connection', async () => {
    const key = here.tier.keyOf('auth0|jane');
    const lease = await takeLease(here.tier, key);
    await cutHere();
    await here.tier.fill(key, { value: value('lost'), askedAt: Date.now() }, lease);
    relay.mend();
    await until(() => here.redis.era());
    expect(await there.tier.lease(key, false)).toBeDefined();
  });

  test('because it is read-only, hides what Redis still holds from this replica', async () => {
    const key = here.tier.keyOf('auth0|jane');
    await fill(here.tier, key, 'old');
    await server.command('REPLICAOF', '127.0.0.1', '1');
    await here.tier.invalidate(key);
    expect(await here.tier.read(key)).toBeUndefined();
  });

  test('because it is read-only, is paid once Redis takes it', async () => {
    const key = here.tier.keyOf('auth0|jane');
    await fill(here.tier, key, 'old');
    await server.command('REPLICAOF', '127.0.0.1', '1');
    await here.tier.invalidate(key);
    await server.command('REPLICAOF', 'NO', 'ONE');
    const paid = async () => ((await there.tier.read(key)) === undefined ? true : undefined);
    expect(await until(paid, Date.now() + 3_000)).toBe(true);
  });
});
