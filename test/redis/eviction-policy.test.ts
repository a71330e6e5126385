import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import {
  type EvictionPolicy,
  parseEvictionPolicy,
  readEvictionPolicy,
  watchEvictionPolicy,
} from '../../src/redis/eviction-policy.ts';
import { createRedisConnection, type RedisConnection } from '../../src/redis/connection.ts';
import { RedisRefused } from '../../src/redis/script.ts';
import { describeWithRedisServer, redisAddress, type RedisServer, startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { PATIENT } from './redis-stores.ts';

test.each([
  ['maxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n', { name: 'allkeys-lru', risk: 'none' }],
  ['maxmemory:104857600\r\nmaxmemory_policy:noeviction\r\n', { name: 'noeviction', risk: 'none' }],
  ['maxmemory:104857600\r\nmaxmemory_policy:volatile-ttl\r\n', { name: 'volatile-ttl', risk: 'when-full' }],
  ['maxmemory:104857600\r\nmaxmemory_policy:allkeys-lfu\r\n', { name: 'allkeys-lfu', risk: 'unsafe' }],
  ['used_memory:1\r\n', undefined],
])('of %j the policy is read', (memory, policy) => {
  expect(parseEvictionPolicy(memory)).toEqual(policy);
});

describeWithRedisServer('the eviction policy of a server', () => {
  let server: RedisServer;
  const opened: RedisConnection[] = [];
  beforeAll(async () => {
    server = await startRedis();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((redis) => redis.stop()));
  });
  afterAll(() => server.stop());

  async function watch(url = server.url) {
    const redis = createRedisConnection({ address: redisAddress(url), ...PATIENT });
    opened.push(redis);
    const told: EvictionPolicy[] = [];
    const watching = watchEvictionPolicy(
      { redis, onUnsafe: (policy) => told.push(policy) },
      { isCluster: false, lookMs: 1 },
    );
    redis.start();
    await until(() => redis.epoch());
    return { redis, told, watching };
  }

  test('is told once while locks may be evicted, and again after it was changed in between', async () => {
    const { redis, told, watching } = await watch();
    expect(watching.isSafe()).toBe(true);
    await server.command('CONFIG', 'SET', 'maxmemory', '100mb');
    for (const times of [1, 2]) {
      await server.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
      await until(() => !watching.isSafe() || undefined);
      expect(told).toEqual(Array.from({ length: times }, () => ({ name: 'allkeys-lru', risk: 'unsafe' })));
      await server.command('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru');
      await until(() => watching.isSafe() || undefined);
    }
    expect(redis.isHealthy()).toBe(true);
    await server.command('CONFIG', 'SET', 'maxmemory', '0');
  });

  test('is not known to a user who may not run INFO, which does not make Redis unhealthy, and is asked for once', async () => {
    const rules = 'on >secret ~metadata-bff:* &metadata-bff:* &news +@all -info'.split(' ');
    await server.command('ACL', 'SETUSER', 'without-info', ...rules);
    await server.command('ACL', 'LOG', 'RESET');
    const { redis, told, watching } = await watch(
      server.url.replace('redis://', 'redis://without-info:secret@'),
    );
    let probes = 0;
    redis.addProbe(async () => {
      probes += 1;
    });
    await until(() => (probes >= 3 && redis.isHealthy()) || undefined);
    await expect(readEvictionPolicy(redis.run, 'A')).rejects.toThrow(RedisRefused);
    expect(told).toEqual([]);
    expect(watching.isSafe()).toBe(true);
    // One entry counts all refusals of a kind: that of the probe, and that of the line above.
    const [entry] = z.array(z.unknown()).parse(await server.command('ACL', 'LOG'));
    expect(entry).toMatchObject({ object: 'info', count: 2 });
  });
});
