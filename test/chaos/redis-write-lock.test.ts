import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { AppError } from '../../src/lib/app-error.ts';
import { createRedisConnection, type RedisConnection } from '../../src/redis/connection.ts';
import type { LockHandle, WriteLock } from '../../src/metadata/ports.ts';
import {
  createLocalWriteLock,
  createRedisWriteLock,
  type WriteLockOptions,
} from '../../src/redis/write-lock.ts';
import { toGroupedKey } from '../../src/redis/script.ts';
import { appErrorOf } from '../lib/rejection.ts';
import { createDeferred } from '../lib/deferred.ts';
import { describeWithRedisServer, redisAddress, type RedisServer, startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { type Relay, startRelay } from '../redis/relay.ts';
import { TIMES } from '../redis/redis-stores.ts';

/** Renewed three times in that time, also on a busy machine. */
const LOCK_MS = 1_200;
const OPTIONS = { lockMs: LOCK_MS, waitMs: 4_000, commandTimeoutMs: 500, withoutLock: 'allow' } as const;

describeWithRedisServer('the write lock', () => {
  let server: RedisServer;
  let relay: Relay;
  const opened: RedisConnection[] = [];
  let user = '';
  beforeAll(async () => {
    server = await startRedis();
    relay = await startRelay(server.port);
  });
  beforeEach(() => {
    user = randomUUID();
  });
  afterEach(async () => {
    relay.mend();
    await Promise.all(opened.splice(0).map((connection) => connection.stop()));
  });
  afterAll(async () => {
    await relay.stop();
    await server.stop();
  });

  async function open(
    url = server.url,
    { onUnlocked, ...options }: Partial<WriteLockOptions> & { readonly onUnlocked?: () => void } = {},
  ): Promise<{ redis: RedisConnection; lock: WriteLock }> {
    const redis = createRedisConnection({ address: redisAddress(url), ...TIMES, commandTimeoutMs: 500 });
    opened.push(redis);
    const local = createLocalWriteLock({ keepMs: LOCK_MS, waitMs: OPTIONS.waitMs });
    const lock = createRedisWriteLock(
      { redis, hashId: (id) => id, random: Math.random, local, onUnlocked },
      { ...OPTIONS, ...options },
    );
    redis.start();
    await until(() => redis.epoch());
    await lock.settled();
    return { redis, lock };
  }

  const lockKey = () => `metadata-bff:write:${toGroupedKey(user)}`;
  const lockExists = () => server.command('EXISTS', lockKey());

  const viaRelay = () => open(`redis://127.0.0.1:${relay.port}`);

  /** Takes the lock and keeps it until `letGo`. */
  async function grab(lock: WriteLock) {
    const taken = createDeferred<LockHandle>();
    const kept = createDeferred<undefined>();
    const held = lock.withLock(user, (lockHandle) => {
      taken.resolve(lockHandle);
      return kept.promise;
    });
    held.catch(taken.reject);
    const lockHandle = await taken.promise;
    return {
      lockHandle,
      letGo: async () => {
        kept.resolve(undefined);
        await held;
      },
    };
  }

  async function loseContact(redis: RedisConnection): Promise<void> {
    relay.cut();
    await until(() => (redis.epoch() === undefined ? true : undefined));
  }

  test('lets one replica in at a time, and another user at once', async () => {
    const { lock: here } = await open();
    const { lock: there } = await open();
    let inside = 0;
    const seen: number[] = [];
    const task = async () => {
      inside += 1;
      seen.push(inside);
      await delay(5);
      inside -= 1;
    };
    await Promise.all([here, there, here, there, here, there].map((lock) => lock.withLock(user, task)));
    expect(seen).toEqual([1, 1, 1, 1, 1, 1]);
    const { letGo } = await grab(here);
    expect(await there.withLock(randomUUID(), async () => 'at once')).toBe('at once');
    await letGo();
  });

  test('lasts as long as its living holder needs, also beyond the bound', async () => {
    const { lock: here } = await open();
    const { lock: there } = await open();
    const { lockHandle, letGo } = await grab(here);
    const waiting = there.withLock(user, async () => performance.now());
    await delay(2 * LOCK_MS);
    await lockHandle.refresh();
    const endedAt = performance.now();
    await letGo();
    expect(await waiting).toBeGreaterThanOrEqual(endedAt);
  });

  test('of a replica that died delays the next one by the bound', async () => {
    const { lock: dead, redis } = await open();
    const { lock: next } = await open();
    const { letGo } = await grab(dead);
    await redis.stop();
    const diedAt = performance.now();
    await next.withLock(user, async () => undefined);
    expect(performance.now() - diedAt).toBeLessThan(2 * LOCK_MS);
    await letGo();
  });

  test('refuses who has waited for too long, with a time to come back', async () => {
    const { lock: here } = await open();
    const { lock: there } = await open();
    const { letGo } = await grab(here);
    const refusal: unknown = await there.withLock(user, async () => 'in').catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(AppError);
    expect(refusal).toMatchObject({ code: 'lock_unavailable' });
    await letGo();
  });

  test('confirms nothing to a holder whom another has followed, and leaves that one its lock', async () => {
    const { lock: here } = await open();
    const { lock: there } = await open();
    const first = await grab(here);
    await server.command('DEL', lockKey());
    const second = await grab(there);
    await expect(first.lockHandle.refresh()).rejects.toMatchObject({ code: 'lock_unavailable' });
    await second.lockHandle.refresh();
    expect(await lockExists()).toBe(1);
    await second.letGo();
    await first.letGo();
    expect(await lockExists()).toBe(0);
  });

  test('that a frozen Redis granted too late keeps no replica out after the thaw', async () => {
    const { lock: here, redis } = await open(server.url, { lockMs: 60_000, waitMs: 100 });
    server.freeze();
    await expect(here.withLock(user, async () => 'in')).rejects.toMatchObject({ code: 'lock_unavailable' });
    server.thaw();
    await until(() => redis.epoch());
    expect(await lockExists()).toBe(0);
  });

  test('is waited for while Redis stalls for less than the bound, and then had', async () => {
    const unlocked: string[] = [];
    const { lock } = await open(server.url, {
      lockMs: 3_000,
      waitMs: 5_000,
      onUnlocked: () => unlocked.push('here'),
    });
    server.freeze();
    setTimeout(() => server.thaw(), 1_200);
    const { letGo } = await grab(lock);
    expect(await lockExists()).toBe(1);
    await letGo();
    expect(unlocked).toEqual([]);
  });

  test('is refused with a true time while Redis may still grant it to others', async () => {
    const { lock, redis } = await open(`redis://127.0.0.1:${relay.port}`, { lockMs: 5_000, waitMs: 300 });
    await loseContact(redis);
    const refusal = await appErrorOf(lock.withLock(user, async () => 'in'));
    expect(refusal.code).toBe('lock_unavailable');
    expect(refusal.extras.retryAfterSeconds).toBeGreaterThanOrEqual(4);
    expect(refusal.extras.retryAfterSeconds).toBeLessThanOrEqual(5);
  });

  test('is gone without, and counted, once Redis has been silent for longer than the bound', async () => {
    const unlocked: string[] = [];
    const { lock, redis } = await open(`redis://127.0.0.1:${relay.port}`, {
      onUnlocked: () => unlocked.push('here'),
    });
    await loseContact(redis);
    const lostAt = performance.now();
    expect(await lock.withLock(user, async () => 'in')).toBe('in');
    expect(performance.now() - lostAt).toBeGreaterThanOrEqual(LOCK_MS - 50);
    expect(unlocked).toEqual(['here']);
  });

  test('is not gone without when only the connection has fallen silent: a new one has it', async () => {
    const unlocked: string[] = [];
    const { lock } = await open(`redis://127.0.0.1:${relay.port}`, {
      waitMs: 5_000,
      onUnlocked: () => unlocked.push('here'),
    });
    relay.goDeaf();
    const { letGo } = await grab(lock);
    expect(await lockExists()).toBe(1);
    await letGo();
    expect(unlocked).toEqual([]);
  });

  test('is not gone without where the operator refuses that', async () => {
    const { lock, redis } = await open(`redis://127.0.0.1:${relay.port}`, { withoutLock: 'refuse' });
    await loseContact(redis);
    await until(() => (redis.getSilentMs() > LOCK_MS ? true : undefined));
    await expect(lock.withLock(user, async () => 'in')).rejects.toMatchObject({ code: 'lock_unavailable' });
  });

  test('is not gone without while Redis answers, if only to refuse', async () => {
    const unlocked: string[] = [];
    const { lock } = await open(server.url, { onUnlocked: () => unlocked.push('here') });
    await server.command('REPLICAOF', '127.0.0.1', '1');
    const refusal = await appErrorOf(lock.withLock(user, async () => 'in'));
    await server.command('REPLICAOF', 'NO', 'ONE');
    expect(refusal.code).toBe('lock_unavailable');
    expect(unlocked).toEqual([]);
    expect(await lock.withLock(user, async () => 'in')).toBe('in');
  });

  test('is had from a full Redis, too', async () => {
    const { lock } = await open();
    await server.command('CONFIG', 'SET', 'maxmemory', '100kb');
    const { lockHandle, letGo } = await grab(lock);
    await lockHandle.refresh();
    await letGo();
    await server.command('CONFIG', 'SET', 'maxmemory', '0');
    expect(await lockExists()).toBe(0);
  });

  test('a write without it begins anew under the lock when Redis is back before anything was sent', async () => {
    const { lock, redis } = await viaRelay();
    await loseContact(redis);
    const runs: string[] = [];
    const result = await lock.withLock(user, async (lockHandle) => {
      runs.push((await lockExists()) === 1 ? 'locked' : 'unlocked');
      relay.mend();
      await until(() => redis.epoch());
      return lockHandle.refresh().then(
        () => 'sent',
        () => 'not sent',
      );
    });
    expect([runs, result]).toEqual([['unlocked', 'locked'], 'sent']);
  });

  test('that is lost after something was sent ends the write, which is not begun anew', async () => {
    const { lock } = await open();
    let runs = 0;
    const outcome = await lock.withLock(user, async (lockHandle) => {
      runs += 1;
      await lockHandle.refresh();
      await server.command('DEL', lockKey());
      return lockHandle.refresh().then(
        () => 'sent',
        () => 'not sent',
      );
    });
    expect([runs, outcome]).toEqual([1, 'not sent']);
  });

  test('of an emptied Redis goes to its holder again, and to no other replica for the bound', async () => {
    const { lock: here } = await open(server.url, { lockMs: 1_000 });
    const { lock: there } = await open(server.url, { lockMs: 1_000, waitMs: 3_000 });
    const first = await grab(here);
    await server.command('FLUSHALL');
    const flushedAt = performance.now();
    const second = there.withLock(user, async () => performance.now());
    await until(async () => ((await lockExists()) === 1 ? true : undefined), Date.now() + 900);
    await first.lockHandle.refresh();
    await delay(1_200);
    await first.lockHandle.refresh();
    const endedAt = performance.now();
    await first.letGo();
    expect(await second).toBeGreaterThanOrEqual(endedAt);
    expect(endedAt - flushedAt).toBeGreaterThan(1_000);
  });

  test('of an emptied Redis that had no holder is granted after the bound', async () => {
    const { lock } = await open(server.url, { lockMs: 1_000, waitMs: 3_000 });
    await server.command('FLUSHALL');
    const flushedAt = performance.now();
    await lock.withLock(user, async () => undefined);
    expect(performance.now() - flushedAt).toBeGreaterThanOrEqual(950);
  });

  test('of a Redis that was restarted with old data is granted to no other replica for the bound', async () => {
    const { lock: here } = await open(server.url, { lockMs: 1_500, waitMs: 4_000 });
    const { lock: there } = await open(server.url, { lockMs: 1_500, waitMs: 4_000 });
    const first = await grab(here);
    // As after a restart: the lock was not saved, what is beside it was, and scripts never are.
    await server.command('DEL', lockKey());
    await server.command('SCRIPT', 'FLUSH');
    const second = there.withLock(user, async () => performance.now());
    await until(async () => ((await lockExists()) === 1 ? true : undefined), Date.now() + 1_400);
    await delay(1_600);
    await first.lockHandle.refresh();
    const endedAt = performance.now();
    await first.letGo();
    expect(await second).toBeGreaterThanOrEqual(endedAt);
  });

  test('outlasts a write whose outcome is unknown by the bound', async () => {
    const { lock: here } = await open(server.url, { lockMs: 1_000 });
    const { lock: there } = await open(server.url, { lockMs: 1_000 });
    await here.withLock(user, async (lockHandle) => lockHandle.keepForBound());
    const endedAt = performance.now();
    await there.withLock(user, async () => undefined);
    const waitedMs = performance.now() - endedAt;
    expect(waitedMs).toBeGreaterThan(700);
    expect(waitedMs).toBeLessThan(1_400);
  });

  test('that was given up while Redis was out of reach keeps no replica out afterwards', async () => {
    const { lock: here, redis } = await viaRelay();
    const { letGo } = await grab(here);
    await loseContact(redis);
    await letGo();
    relay.mend();
    await until(() => redis.epoch());
    expect(await lockExists()).toBe(0);
  });

  test('is still confirmed when Redis has just gone: no other replica can have it yet', async () => {
    const { lock, redis } = await viaRelay();
    const { lockHandle, letGo } = await grab(lock);
    await loseContact(redis);
    await lockHandle.refresh();
    await letGo();
    expect(redis.epoch()).toBeUndefined();
  });

  test('is not confirmed to a holder out of touch with Redis for longer than the bound', async () => {
    const { lock: here, redis } = await viaRelay();
    const { lock: there } = await open();
    const { lockHandle, letGo } = await grab(here);
    await loseContact(redis);
    const second = await grab(there);
    await expect(lockHandle.refresh()).rejects.toMatchObject({ code: 'lock_unavailable' });
    await second.letGo();
    await letGo();
  });
});
