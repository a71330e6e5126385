import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { createMetadataCache } from '../../src/cache/metadata-cache.ts';
import type { StoredValue } from '../cache/store-contract.ts';
import { describeWithRedisServer, type RedisServer, startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { type Relay, startRelay } from './relay.ts';
import {
  createStoreFamily,
  fill,
  type OpenTier,
  type StoreFamily,
  takeLease,
  value,
} from './redis-stores.ts';

const FRESHNESS = { ttlSeconds: 60, staleSeconds: 60, staleIfErrorSeconds: 60, maxEntries: 10 };

describeWithRedisServer('an invalidation that Redis cannot take', () => {
  let server: RedisServer;
  let relay: Relay;
  let family: StoreFamily;
  /** Behind the relay. */
  let here: OpenTier;
  let there: OpenTier;
  beforeAll(async () => {
    server = await startRedis();
    relay = await startRelay(server.port);
  });
  beforeEach(async () => {
    family = createStoreFamily(server.url);
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
    await until(() => (here.redis.epoch() === undefined ? true : undefined));
  }

  test('while it is out of reach, is paid before the connection counts as up, and announced', async () => {
    const keys = ['auth0|jane', 'auth0|omar', 'auth0|kim'].map((id) => here.store.toKey(id));
    for (const key of keys) await fill(there.store, key, 'old');
    const heard: string[] = [];
    there.store.onInvalidation((key) => heard.push(key));
    await cutHere();
    for (const key of keys) await here.store.invalidate(key);
    expect((await there.store.read(keys[0] ?? ''))?.value.text).toBe('old');
    relay.mend();
    await until(() => here.redis.epoch());
    expect(await Promise.all(keys.map((key) => there.store.read(key)))).toEqual(keys.map(() => undefined));
    await there.caughtUp();
    expect(heard).toEqual(keys);
  });

  test('is paid once: what was filled after it stays', async () => {
    const key = here.store.toKey('auth0|jane');
    await cutHere();
    await here.store.invalidate(key);
    relay.mend();
    await until(() => here.redis.epoch());
    await fill(there.store, key, 'new');
    await cutHere();
    relay.mend();
    await until(() => here.redis.epoch());
    expect((await here.store.read(key))?.value.text).toBe('new');
  });

  test('while it is out of reach, refuses the fill of a reader who set out before', async () => {
    const key = here.store.toKey('auth0|jane');
    const lease = await takeLease(there.store, key);
    await cutHere();
    await here.store.invalidate(key);
    relay.mend();
    await until(() => here.redis.epoch());
    await there.store.fill(key, { value: value('overtaken'), askedAt: Date.now() }, lease);
    expect(await there.store.read(key)).toBeUndefined();
  });

  test('whose announcement was missed leaves no memory entry that counts as fresh', async () => {
    let answer = 'old';
    let asked = 0;
    const load = async (): Promise<StoredValue> => {
      asked += 1;
      return value(answer);
    };
    const cacheOf = ({ store }: OpenTier) =>
      createMetadataCache({ store: store, load, clock: { now: Date.now } }, FRESHNESS);
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
    await until(() => here.redis.epoch());
    expect((await deaf.read('auth0|jane')).value.text).toBe('newer');
    expect(asked).toBe(3);
  });

  test('because it is full, is none: a full Redis deletes and announces', async () => {
    const key = here.store.toKey('auth0|jane');
    await fill(here.store, key, 'old');
    const heard: string[] = [];
    there.store.onInvalidation((each) => heard.push(each));
    await server.command('CONFIG', 'SET', 'maxmemory', '100kb');
    await here.store.invalidate(key);
    await until(() => (heard.length > 0 ? true : undefined));
    await server.command('CONFIG', 'SET', 'maxmemory', '0');
    expect(heard).toEqual([key]);
    expect(await here.store.read(key)).toBeUndefined();
  });

  test('leaves the readers alone whose lease a frozen Redis granted too late', async () => {
    const key = here.store.toKey('auth0|jane');
    server.freeze();
    await here.store.lease(key, false);
    server.thaw();
    await Promise.all([here, there].map(({ redis }) => until(() => redis.epoch())));
    expect(await there.store.lease(key, false)).toBeDefined();
  });

  test('leaves the readers alone whose lease was lost with the connection', async () => {
    const key = here.store.toKey('auth0|jane');
    const lease = await takeLease(here.store, key);
    await cutHere();
    await here.store.fill(key, { value: value('lost'), askedAt: Date.now() }, lease);
    relay.mend();
    await until(() => here.redis.epoch());
    expect(await there.store.lease(key, false)).toBeDefined();
  });

  test('because it is read-only, hides what Redis still holds from this replica', async () => {
    const key = here.store.toKey('auth0|jane');
    await fill(here.store, key, 'old');
    await server.command('REPLICAOF', '127.0.0.1', '1');
    await here.store.invalidate(key);
    expect(await here.store.read(key)).toBeUndefined();
  });

  test('because it is read-only, is paid once Redis takes it', async () => {
    const key = here.store.toKey('auth0|jane');
    await fill(here.store, key, 'old');
    await server.command('REPLICAOF', '127.0.0.1', '1');
    await here.store.invalidate(key);
    await server.command('REPLICAOF', 'NO', 'ONE');
    const paid = async () => ((await there.store.read(key)) === undefined ? true : undefined);
    expect(await until(paid, Date.now() + 3_000)).toBe(true);
  });
});
