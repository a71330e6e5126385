import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { describeStore } from '../cache/store-contract.ts';
import { describeWithRedis, openRedis, type TestRedis } from '../support/redis.ts';
import { createStoreFamily, fill, startStores, type StoreFamily } from './redis-stores.ts';

const SENTINEL = 'sentinel-of-the-metadata';

describeWithRedis('the Redis store', () => {
  let redis: TestRedis;
  let family: StoreFamily;
  beforeAll(async () => {
    redis = await openRedis();
  });
  afterAll(async () => {
    await redis.stop();
  });

  beforeEach(() => {
    family = createStoreFamily(redis.url);
  });
  afterEach(async () => {
    await family.stop();
  });

  describeStore('Redis', ({ maxEntries }) => startStores(redis.url, maxEntries, []));
  describeStore('encrypted Redis', ({ maxEntries }) => startStores(redis.url, maxEntries, [randomBytes(32)]));

  test('a value that a previous key encrypted can still be decrypted while keys rotate', async () => {
    const [before, after] = [randomBytes(32), randomBytes(32)];
    const { store: old } = await family.open({ keys: [before] });
    const { store: rotated } = await family.open({ keys: [after, before] });
    const key = old.toKey('auth0|jane');
    await fill(old, key, 'before');
    expect((await rotated.read(key))?.value.text).toBe('before');
    await fill(rotated, key, 'after');
    expect(await old.read(key)).toBeUndefined();
    expect((await rotated.read(key))?.value.text).toBe('after');
  });

  test.each([
    ['another key', [randomBytes(32)]],
    ['no key', []],
  ])('a encrypted value reads as a miss with %s', async (_which, keys) => {
    const { store } = await family.open({ keys: [randomBytes(32)] });
    const { store: stranger } = await family.open({ keys });
    const key = store.toKey('auth0|jane');
    await fill(store, key, SENTINEL);
    expect(await stranger.read(key)).toBeUndefined();
  });

  test('a encrypted value that was moved to another user reads as a miss', async () => {
    const { store } = await family.open({ keys: [randomBytes(32)] });
    const [jane, omar] = [store.toKey('auth0|jane'), store.toKey('auth0|omar')];
    await fill(store, jane, SENTINEL);
    await redis.command('COPY', family.placeOf(jane), family.placeOf(omar));
    expect((await store.read(jane))?.value.text).toBe(SENTINEL);
    expect(await store.read(omar)).toBeUndefined();
  });

  test('a encrypted value that was cut short or changed reads as a miss', async () => {
    const { store } = await family.open({ keys: [randomBytes(32)] });
    const key = store.toKey('auth0|jane');
    const place = family.placeOf(key);
    await fill(store, key, SENTINEL);
    const whole = Buffer.from(String(await redis.command('GET', place)), 'base64');
    const flipped = Buffer.from(whole);
    flipped[whole.length - 1] = (flipped[whole.length - 1] ?? 0) ^ 1;
    const damaged = [0, 3, 4, 16, 31, 32, 33, whole.length - 1].map((length) => whole.subarray(0, length));
    const seen: unknown[] = [];
    for (const bytes of [...damaged, flipped]) {
      await redis.command('SET', place, bytes.toString('base64'));
      seen.push(await store.read(key));
    }
    expect(seen).toEqual(seen.map(() => undefined));
    await redis.command('SET', place, whole.toString('base64'));
    expect((await store.read(key))?.value.text).toBe(SENTINEL);
  });

  test.each([
    ['no JSON', 'nonsense'],
    ['JSON of another shape', '{"askedAt":1,"value":{"text":7}}'],
    ['an entry without its time', '{"value":{"text":"a","nested":{"list":[],"nothing":null}}}'],
  ])('a plain value that is %s reads as a miss', async (_what, text) => {
    const { store } = await family.open();
    const key = store.toKey('auth0|jane');
    await redis.command('SET', family.placeOf(key), text);
    expect(await store.read(key)).toBeUndefined();
  });

  test('what a encrypting store stores shows neither the id nor the value, and ends by itself', async () => {
    const { store } = await family.open({ keys: [randomBytes(32)] });
    const key = store.toKey('auth0|sentinel-of-the-id');
    await fill(store, key, SENTINEL);
    const place = family.placeOf(key);
    expect(place).not.toContain('sentinel');
    expect(String(await redis.command('GET', place))).not.toContain('sentinel');
    const left = Number(await redis.command('PTTL', place));
    expect(left).toBeGreaterThan(50_000);
    expect(left).toBeLessThanOrEqual(60_000);
  });
});
