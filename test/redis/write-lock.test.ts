import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { AppError } from '../../src/lib/app-error.ts';
import { createRedisConnection, type RedisConnection } from '../../src/lib/redis-connection.ts';
import type { Grip, WriteLock } from '../../src/metadata/ports.ts';
import { createRedisWriteLock } from '../../src/redis/write-lock.ts';
import { createDeferred } from '../lib/deferred.ts';
import { describeWithRedisServer, type RedisServer, startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { type Relay, startRelay } from './relay.ts';
import { PATIENT } from './tiers.ts';

const LOCK_MS = 400;
const OPTIONS = { lockMs: LOCK_MS, waitMs: 1_500 };

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

  async function open(url = server.url): Promise<{ redis: RedisConnection; lock: WriteLock }> {
    const redis = createRedisConnection({ url, ...PATIENT });
    opened.push(redis);
    redis.start();
    await until(() => redis.era());
    return { redis, lock: createRedisWriteLock({ redis, hide: (id) => id, random: Math.random }, OPTIONS) };
  }

  const viaRelay = () => open(`redis://127.0.0.1:${relay.port}`);

  /** Takes the lock and keeps it until `letGo`. */
  async function grab(lock: WriteLock) {
    const taken = createDeferred<Grip>();
    const kept = createDeferred<undefined>();
    const held = lock.hold(user, (grip) => {
      taken.resolve(grip);
      return kept.promise;
    });
    held.catch(taken.reject);
    const grip = await taken.promise;
    return {
      grip,
      letGo: async () => {
        kept.resolve(undefined);
        await held;
      },
    };
  }

  async function loseContact(redis: RedisConnection): Promise<void> {
    relay.cut();
    await until(() => (redis.era() === undefined ? true : undefined));
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
    await Promise.all([here, there, here, there, here, there].map((lock) => lock.hold(user, task)));
    expect(seen).toEqual([1, 1, 1, 1, 1, 1]);
    const { letGo } = await grab(here);
    expect(await there.hold(randomUUID(), async () => 'at once')).toBe('at once');
    await letGo();
  });

  test('lasts as long as its living holder needs, also beyond the bound', async () => {
    const { lock: here } = await open();
    const { lock: there } = await open();
    const { grip, letGo } = await grab(here);
    const waiting = there.hold(user, async () => performance.now());
    await delay(2 * LOCK_MS);
    await grip.confirm();
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
    await next.hold(user, async () => undefined);
    expect(performance.now() - diedAt).toBeLessThan(LOCK_MS + 400);
    await letGo();
  });

  test('refuses who has waited for too long, with a time to come back', async () => {
    const { lock: here } = await open();
    const { lock: there } = await open();
    const { letGo } = await grab(here);
    const refusal: unknown = await there.hold(user, async () => 'in').catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(AppError);
    expect(refusal).toMatchObject({ code: 'upstream_unavailable' });
    await letGo();
  });

  test('confirms nothing to a holder whom another has followed, and leaves that one its lock', async () => {
    const { lock: here } = await open();
    const { lock: there } = await open();
    const first = await grab(here);
    await server.command('DEL', `metadata-bff:write:{${user}}`);
    const second = await grab(there);
    await expect(first.grip.confirm()).rejects.toMatchObject({ code: 'upstream_unavailable' });
    await first.letGo();
    await second.grip.confirm();
    expect(await server.command('EXISTS', `metadata-bff:write:{${user}}`)).toBe(1);
    await second.letGo();
    expect(await server.command('EXISTS', `metadata-bff:write:{${user}}`)).toBe(0);
  });

  test('without Redis from the beginning, lets everybody in', async () => {
    const { lock, redis } = await viaRelay();
    await loseContact(redis);
    const { grip, letGo } = await grab(lock);
    await grip.confirm();
    await letGo();
    expect(redis.era()).toBeUndefined();
  });

  test('that a frozen Redis granted too late keeps nobody out after the thaw', async () => {
    const { lock: here, redis } = await open();
    server.freeze();
    const { letGo } = await grab(here);
    server.thaw();
    await until(() => redis.era());
    expect(await server.command('EXISTS', `metadata-bff:write:{${user}}`)).toBe(0);
    await letGo();
  });

  test('that was given up while Redis was out of reach keeps nobody out afterwards', async () => {
    const { lock: here, redis } = await viaRelay();
    const { letGo } = await grab(here);
    await loseContact(redis);
    await letGo();
    relay.mend();
    await until(() => redis.era());
    expect(await server.command('EXISTS', `metadata-bff:write:{${user}}`)).toBe(0);
  });

  test('is still confirmed when Redis has just gone: nobody else can have it yet', async () => {
    const { lock, redis } = await viaRelay();
    const { grip, letGo } = await grab(lock);
    await loseContact(redis);
    await grip.confirm();
    await letGo();
    expect(redis.era()).toBeUndefined();
  });

  test('is not confirmed to a holder out of touch with Redis for longer than the bound', async () => {
    const { lock: here, redis } = await viaRelay();
    const { lock: there } = await open();
    const { grip, letGo } = await grab(here);
    await loseContact(redis);
    const second = await grab(there);
    await expect(grip.confirm()).rejects.toMatchObject({ code: 'upstream_unavailable' });
    await second.letGo();
    await letGo();
  });
});
