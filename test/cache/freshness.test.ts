import { describe, expect, test } from '@jest/globals';
import { AppError, type ErrorCode } from '../../src/lib/app-error.ts';
import { quiet } from '../lib/deferred.ts';
import { createWorld, ID } from './cache-world.ts';

/** Of FRESHNESS: fresh for 60 s, then served stale for 600 s, and for 3600 s when the tenant fails. */
const [FRESH_MS, STALE_MS] = [60_000, 660_000];

const failure = (code: ErrorCode) => new AppError(code, 'failed');

describe('the age of a copy', () => {
  test.each([
    [0, { kind: 'hit', ttlSeconds: 60 }, 0],
    [1, { kind: 'hit', ttlSeconds: 60 }, 0],
    [10_000, { kind: 'hit', ttlSeconds: 50 }, 10],
    [FRESH_MS - 1, { kind: 'hit', ttlSeconds: 1 }, 59],
    [FRESH_MS, { kind: 'stale-while-revalidate', ttlSeconds: -1 }, 60],
    [FRESH_MS + 12_000, { kind: 'stale-while-revalidate', ttlSeconds: -12 }, 72],
    [STALE_MS - 1, { kind: 'stale-while-revalidate', ttlSeconds: -600 }, 659],
  ])('decides after %d ms that it is served as %j', async (ms, freshness, ageSeconds) => {
    const world = createWorld();
    await world.hold('v1');
    world.clock.advance(ms);
    expect(await world.cache.read(ID)).toEqual({ value: 'v1', freshness, ageSeconds });
  });

  test('ends its use without an outage when it was stale for too long', async () => {
    const world = createWorld();
    await world.hold('v1');
    world.clock.advance(STALE_MS);
    world.answer('v2');
    expect(await world.cache.read(ID)).toMatchObject({ value: 'v2', freshness: { kind: 'miss' } });
  });

  test('counts from when the tenant was asked, not from when it answered', async () => {
    const world = createWorld();
    const read = world.cache.read(ID);
    await quiet();
    world.clock.advance(5_000);
    world.asked[0]?.resolve('v1');
    expect((await read).ageSeconds).toBe(5);
    expect(await world.cache.read(ID)).toMatchObject({ freshness: { kind: 'hit', ttlSeconds: 55 } });
  });

  test('is not negative when the clock was set back', async () => {
    const world = createWorld();
    await world.hold('v1');
    world.clock.advance(-10_000);
    expect(await world.cache.read(ID)).toMatchObject({ freshness: { ttlSeconds: 60 }, ageSeconds: 0 });
  });

  test('of zero seconds makes nothing fresh, and readers at the same time still share a request', async () => {
    const world = createWorld({ ttlSeconds: 0, staleSeconds: 0, staleIfErrorSeconds: 0, maxEntries: 10 });
    world.answer('v1');
    await Promise.all([world.cache.read(ID), world.cache.read(ID)]);
    await world.cache.read(ID);
    expect(world.asked).toHaveLength(2);
  });
});

describe('a stale copy', () => {
  test('is served to many while one request renews it', async () => {
    const world = createWorld();
    await world.hold('v1');
    world.clock.advance(FRESH_MS);
    const reads = await Promise.all(Array.from({ length: 100 }, () => world.cache.read(ID)));
    expect(new Set(reads.map(({ value }) => value))).toEqual(new Set(['v1']));
    await quiet();
    expect(world.asked).toHaveLength(2);
    world.asked[1]?.resolve('v2');
    await quiet();
    expect(await world.cache.read(ID)).toMatchObject({ value: 'v2', freshness: { kind: 'hit' } });
  });

  test('stays in use after a refresh that failed, and the next reader tries again', async () => {
    const world = createWorld();
    await world.hold('v1');
    world.clock.advance(FRESH_MS);
    await world.cache.read(ID);
    await quiet();
    world.asked[1]?.reject(failure('upstream_unavailable'));
    await quiet();
    const next = await world.cache.read(ID);
    expect(next).toMatchObject({ value: 'v1', freshness: { kind: 'stale-while-revalidate' } });
    await quiet();
    expect(world.asked).toHaveLength(3);
  });

  test('is renewed from the store where another replica has renewed it', async () => {
    const world = createWorld();
    await world.hold('v1');
    world.clock.advance(FRESH_MS);
    world.answer('v2');
    await world.startReplica().read(ID, { revalidate: true });
    await world.cache.read(ID);
    await quiet();
    expect(await world.cache.read(ID)).toMatchObject({ value: 'v2', freshness: { kind: 'hit' } });
    expect(world.asked).toHaveLength(2);
  });

  test('is served by a replica that found it in the store, and renewed there at once', async () => {
    const world = createWorld();
    await world.hold('v1');
    world.clock.advance(FRESH_MS);
    const other = world.startReplica();
    const read = await other.read(ID);
    expect(read).toMatchObject({ value: 'v1', freshness: { kind: 'stale-while-revalidate' } });
    await quiet();
    world.asked[1]?.resolve('v2');
    await quiet();
    expect(await other.read(ID)).toMatchObject({ value: 'v2', freshness: { kind: 'hit' } });
  });

  test('does not come back when a refresh ends after an invalidation', async () => {
    const world = createWorld();
    await world.hold('v1');
    world.clock.advance(FRESH_MS);
    await world.cache.read(ID);
    await quiet();
    await world.cache.invalidate(ID);
    world.asked[1]?.resolve('overtaken');
    await quiet();
    world.answer('new');
    expect(await world.cache.read(ID)).toMatchObject({ value: 'new', freshness: { kind: 'miss' } });
  });
});

describe('a time in which announcements may have been missed', () => {
  test('makes what was learnt before it count as old, and what is learnt after it as fresh', async () => {
    const world = createWorld();
    await world.hold('v1');
    world.setEpoch(1);
    await world.store.invalidate(ID);
    world.answer('v2');
    expect(await world.cache.read(ID)).toMatchObject({ value: 'v2', freshness: { kind: 'miss' } });
    expect(await world.cache.read(ID)).toMatchObject({ value: 'v2', freshness: { kind: 'hit' } });
  });

  test('lets no copy count as fresh while it lasts, not even one that was learnt in it', async () => {
    const world = createWorld();
    world.setEpoch(undefined);
    await world.hold('v1');
    await world.store.invalidate(ID);
    world.answer('v2');
    expect(await world.cache.read(ID)).toMatchObject({ value: 'v2', freshness: { kind: 'miss' } });
    world.setEpoch(1);
    await world.store.invalidate(ID);
    world.answer('v3');
    expect(await world.cache.read(ID)).toMatchObject({ value: 'v3', freshness: { kind: 'miss' } });
  });

  test('still serves an old copy when the tenant fails as well', async () => {
    const world = createWorld();
    await world.hold('v1');
    world.setEpoch(undefined);
    await world.store.invalidate(ID);
    const read = world.cache.read(ID);
    await quiet();
    world.asked.at(-1)?.reject(failure('upstream_unavailable'));
    expect(await read).toMatchObject({ value: 'v1', freshness: { kind: 'stale-if-error' } });
  });
});
