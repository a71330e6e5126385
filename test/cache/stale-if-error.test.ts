import { describe, expect, test } from '@jest/globals';
import { AppError, type ErrorCode } from '../../src/lib/app-error.ts';
import { quiet } from '../lib/deferred.ts';
import { appErrorOf } from '../lib/rejection.ts';
import { createWorld, ID } from './cache-world.ts';

/** Of FRESHNESS: fresh for 60 s, then served stale for 600 s, and for 3600 s when the tenant fails. */
const [FRESH_MS, STALE_MS, ERROR_MS] = [60_000, 660_000, 3_660_000];

const failure = (code: ErrorCode) => new AppError(code, 'failed');

async function readDuring(code: ErrorCode, ageMs: number) {
  const world = createWorld();
  await world.hold('v1');
  world.clock.advance(ageMs);
  const read = world.cache.read(ID);
  await quiet();
  world.asked[1]?.reject(failure(code));
  return { world, read };
}

describe('a failure of the tenant', () => {
  test.each<ErrorCode>([
    'upstream_unavailable',
    'upstream_timeout',
    'upstream_rate_limited',
    'upstream_refused',
    'upstream_malformed',
  ])('that is %s lets a stale copy stand in', async (code) => {
    const { read } = await readDuring(code, STALE_MS);
    expect(await read).toEqual({
      value: 'v1',
      freshness: { kind: 'stale-if-error', ttlSeconds: -600 },
      ageSeconds: 660,
    });
  });

  test('lets it stand in until its last moment, and no longer', async () => {
    const last = await readDuring('upstream_timeout', ERROR_MS - 1);
    expect((await last.read).freshness.kind).toBe('stale-if-error');
    const over = await readDuring('upstream_timeout', ERROR_MS);
    expect((await appErrorOf(over.read)).code).toBe('upstream_timeout');
  });

  test('of another kind is told although a copy is held', async () => {
    const { read } = await readDuring('internal', STALE_MS);
    expect((await appErrorOf(read)).code).toBe('internal');
  });

  test('is not remembered: the next reader asks again', async () => {
    const { world, read } = await readDuring('upstream_timeout', ERROR_MS);
    await appErrorOf(read);
    world.answer('v2');
    expect(await world.cache.read(ID)).toMatchObject({ value: 'v2', freshness: { kind: 'miss' } });
  });
});

async function failChange(world: ReturnType<typeof createWorld>) {
  const change = world.cache.change(ID, async (begin) => {
    await begin();
    throw failure('upstream_unavailable');
  });
  await appErrorOf(change);
}

describe('a change that the tenant fails', () => {
  test('leaves the copy from before to stand in for the tenant while it fails, and for nothing else', async () => {
    const world = createWorld();
    await world.hold('v1');
    await failChange(world);
    expect(world.cache.peek(ID)).toBeUndefined();
    const read = world.cache.read(ID);
    await quiet();
    world.asked.at(-1)?.reject(failure('upstream_unavailable'));
    expect(await read).toMatchObject({ value: 'v1', freshness: { kind: 'stale-if-error' } });
    await failChange(world);
    world.answer('v2');
    expect(await world.cache.read(ID)).toMatchObject({ value: 'v2', freshness: { kind: 'miss' } });
  });

  test('leaves nothing once another replica has changed the user', async () => {
    const world = createWorld();
    await world.hold('v1');
    await failChange(world);
    await world.startReplica().invalidate(ID);
    const read = appErrorOf(world.cache.read(ID));
    await quiet();
    world.asked.at(-1)?.reject(failure('upstream_unavailable'));
    expect((await read).code).toBe('upstream_unavailable');
  });
});

describe('a user who no longer exists', () => {
  test('is dropped at once, on this replica, in the store and on every other replica', async () => {
    const world = createWorld();
    await world.hold('v1');
    const other = world.startReplica();
    await other.read(ID);
    const read = appErrorOf(world.cache.read(ID, { revalidate: true }));
    await quiet();
    world.asked.at(-1)?.reject(failure('user_not_found'));
    expect((await read).code).toBe('user_not_found');
    expect([world.cache.peek(ID), other.peek(ID)]).toEqual([undefined, undefined]);
    world.answer('born again');
    expect((await other.read(ID)).value).toBe('born again');
  });

  test('is dropped by a background refresh, so that no later reader is served the stale copy', async () => {
    const world = createWorld();
    await world.hold('v1');
    world.clock.advance(FRESH_MS);
    await world.cache.read(ID);
    await quiet();
    world.asked[1]?.reject(failure('user_not_found'));
    await quiet();
    const next = appErrorOf(world.cache.read(ID));
    await quiet();
    world.asked[2]?.reject(failure('user_not_found'));
    expect((await next).code).toBe('user_not_found');
  });
});
