import { describe, expect, test } from '@jest/globals';
import { AppError, type ErrorCode } from '../../src/lib/app-error.ts';
import type { ReadCache } from '../../src/metadata/ports.ts';
import { createDeferred, quiet } from '../lib/deferred.ts';
import { appErrorOf } from '../lib/rejection.ts';
import { createWorld, ID } from './cache-world.ts';

const failure = (code: ErrorCode) => new AppError(code, 'failed');

describe('reads at the same time', () => {
  test('a thousand cost one request, and tell who set out and who joined', async () => {
    const { cache, asked } = createWorld();
    const reads = Array.from({ length: 1000 }, () => cache.read(ID));
    await quiet();
    expect(asked).toHaveLength(1);
    asked[0]?.resolve('v1');
    const kinds = (await Promise.all(reads)).map(({ value, freshness }) => `${value} ${freshness.kind}`);
    expect(kinds.filter((kind) => kind === 'v1 miss')).toHaveLength(1);
    expect(kinds.filter((kind) => kind === 'v1 collapsed')).toHaveLength(999);
  });

  test('of several users cost one request each', async () => {
    const { cache, asked } = createWorld();
    const reads = ['a', 'b', 'a', 'b'].map((id) => cache.read(id));
    await quiet();
    expect(asked).toHaveLength(2);
    asked.forEach((deferred) => deferred.resolve('v1'));
    await Promise.all(reads);
  });

  test('each gets the error of the flight, and the next read asks anew', async () => {
    const { cache, asked } = createWorld();
    const reads = Array.from({ length: 10 }, () => appErrorOf(cache.read(ID)));
    await quiet();
    const error = failure('upstream_timeout');
    asked[0]?.reject(error);
    expect(new Set(await Promise.all(reads))).toEqual(new Set([error]));
    const next = cache.read(ID);
    await quiet();
    asked[1]?.resolve('v1');
    expect(await next).toMatchObject({ value: 'v1', freshness: { kind: 'miss', stored: true } });
  });

  test('a reader after an invalidation does not join the flight that set out before it', async () => {
    const { cache, asked } = createWorld();
    const early = cache.read(ID);
    await quiet();
    await cache.invalidate(ID);
    const late = cache.read(ID);
    await quiet();
    asked[1]?.resolve('new');
    expect((await late).value).toBe('new');
    asked[0]?.resolve('old');
    expect(await early).toMatchObject({ value: 'old', freshness: { kind: 'miss', stored: false } });
    expect(await cache.read(ID)).toMatchObject({ value: 'new', freshness: { kind: 'hit' } });
  });

  test('a flight that was overtaken does not end the sharing of the one after it', async () => {
    const { cache, asked } = createWorld();
    const early = cache.read(ID);
    await quiet();
    await cache.invalidate(ID);
    const late = cache.read(ID);
    await quiet();
    asked[0]?.resolve('old');
    await early;
    const joining = cache.read(ID);
    await quiet();
    expect(asked).toHaveLength(2);
    asked[1]?.resolve('new');
    expect(await joining).toMatchObject({ value: 'new', freshness: { kind: 'collapsed' } });
    await late;
  });
});

describe('a read that asks for the tenant’s own state', () => {
  test('asks although a fresh copy is held, and renews it for the others', async () => {
    const world = createWorld();
    await world.hold('v1');
    world.answer('v2');
    const read = await world.cache.read(ID, { revalidate: true });
    expect(read).toMatchObject({ value: 'v2', freshness: { kind: 'request', stored: true } });
    expect(await world.cache.read(ID)).toMatchObject({ value: 'v2', freshness: { kind: 'hit' } });
    expect(await world.startReplica().read(ID)).toMatchObject({ value: 'v2', freshness: { kind: 'hit' } });
  });

  test('never joins a flight that set out before it, whose answer then fills nothing', async () => {
    const { cache, asked } = createWorld();
    const early = cache.read(ID);
    await quiet();
    const own = cache.read(ID, { revalidate: true });
    await quiet();
    expect(asked).toHaveLength(2);
    asked[1]?.resolve('new');
    expect((await own).value).toBe('new');
    asked[0]?.resolve('old');
    await early;
    expect((await cache.read(ID)).value).toBe('new');
  });

  test('gets the tenant’s failure and not a stale copy', async () => {
    const world = createWorld();
    await world.hold('v1');
    const read = appErrorOf(world.cache.read(ID, { revalidate: true }));
    await quiet();
    world.asked.at(-1)?.reject(failure('upstream_unavailable'));
    expect((await read).code).toBe('upstream_unavailable');
    expect(await world.cache.read(ID)).toMatchObject({ value: 'v1', freshness: { kind: 'hit' } });
  });
});

test('a replica without a copy takes the one that another left in the store', async () => {
  const world = createWorld();
  await world.hold('v1');
  world.clock.advance(10_000);
  const read = await world.startReplica().read(ID);
  expect(read).toEqual({ value: 'v1', freshness: { kind: 'hit', ttlSeconds: 50 }, ageSeconds: 10 });
  expect(world.asked).toHaveLength(1);
});

test('peeking answers what a reader would be given, and sends no request', async () => {
  const world = createWorld();
  expect(world.cache.peek(ID)).toBeUndefined();
  await world.hold('v1');
  expect(world.cache.peek(ID)).toBe('v1');
  await world.cache.invalidate(ID);
  expect(world.cache.peek(ID)).toBeUndefined();
  expect(world.asked).toHaveLength(1);
});

test('peeking answers nothing that is too old to be served', async () => {
  const world = createWorld();
  await world.hold('v1');
  world.clock.advance(10 * 3_600_000);
  expect(world.cache.peek(ID)).toBeUndefined();
});

test('an invalidation forgets the copy held here before the store has answered', async () => {
  const world = createWorld();
  await world.hold('v1');
  const invalidated = world.cache.invalidate(ID);
  expect(world.cache.peek(ID)).toBeUndefined();
  await invalidated;
});

describe('a change', () => {
  test('is what the next reader gets, without a request', async () => {
    const { cache, asked } = createWorld();
    expect(await change(cache, async () => 'new')).toBe('new');
    expect(await cache.read(ID)).toMatchObject({ value: 'new', freshness: { kind: 'hit' } });
    expect(asked).toHaveLength(0);
  });

  test('keeps readers waiting who come while it is under way, and answers them all', async () => {
    const world = createWorld();
    const other = world.startReplica();
    const sent = createDeferred<string>();
    const changing = change(world.cache, () => sent.promise);
    await quiet();
    const reads = [world.cache.read(ID), world.cache.read(ID), other.read(ID)];
    await quiet();
    sent.resolve('new');
    await changing;
    expect((await Promise.all(reads)).map(({ value }) => value)).toEqual(['new', 'new', 'new']);
    expect(world.asked).toHaveLength(0);
  });

  test('that fails leaves its readers to ask the tenant', async () => {
    const world = createWorld();
    await world.hold('old');
    const sent = createDeferred<string>();
    const changing = appErrorOf(change(world.cache, () => sent.promise));
    await quiet();
    const read = world.cache.read(ID);
    await quiet();
    sent.reject(failure('upstream_timeout'));
    await changing;
    await quiet();
    world.asked.at(-1)?.resolve('what the tenant holds');
    expect(await read).toMatchObject({ value: 'what the tenant holds', freshness: { kind: 'miss' } });
  });

  test('that never left forgets nothing', async () => {
    const world = createWorld();
    await world.hold('old');
    await appErrorOf(world.cache.change(ID, () => Promise.reject(failure('upstream_rate_limited'))));
    expect(await world.cache.read(ID)).toMatchObject({ value: 'old', freshness: { kind: 'hit' } });
  });

  test('whose answer an invalidation overtook is not kept', async () => {
    const world = createWorld();
    const sent = createDeferred<string>();
    const changing = change(world.cache, () => sent.promise);
    await quiet();
    await world.store.invalidate(ID);
    sent.resolve('overtaken');
    await changing;
    world.answer('latest');
    expect(await world.cache.read(ID)).toMatchObject({ value: 'latest', freshness: { kind: 'miss' } });
  });
});

describe('news of a change', () => {
  test('that was made here forgets nothing', async () => {
    const world = createWorld();
    await change(world.cache, async () => 'new');
    expect(await world.cache.invalidateUnless(ID, isKnown)).toBe(false);
    expect(await world.cache.read(ID)).toMatchObject({ value: 'new', freshness: { kind: 'hit' } });
  });

  test('that was made elsewhere forgets, also a copy that is as new, because others may hold an older one', async () => {
    const world = createWorld();
    const other = world.startReplica();
    world.answer('old');
    await other.read(ID);
    world.answer('new');
    await world.cache.read(ID, { revalidate: true });
    expect(await world.cache.invalidateUnless(ID, isKnown)).toBe(true);
    expect(await other.read(ID)).toMatchObject({ value: 'new', freshness: { kind: 'miss' } });
  });

  test('that is later than the change made here forgets', async () => {
    const world = createWorld();
    await change(world.cache, async () => 'not so new');
    expect(await world.cache.invalidateUnless(ID, isKnown)).toBe(true);
    world.answer('new');
    expect(await world.cache.read(ID)).toMatchObject({ value: 'new', freshness: { kind: 'miss' } });
  });
});

function isKnown(value: string): boolean {
  return value === 'new';
}

function change(cache: ReadCache<string>, send: () => Promise<string>): Promise<string> {
  return cache.change(ID, async (begin) => {
    await begin();
    return send();
  });
}
