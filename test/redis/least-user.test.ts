/** The least user of Redis that docs/operations.md names is enough for all that the service does. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeWithRedisServer, redisAddress, type RedisServer, startRedis } from '../support/redis.ts';
import { describeRedisContract } from './redis-contract.ts';

const operations = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
/** The rules of all lines `ACL SETUSER metadata-bff …`, which add to each other, without the password. */
const rules = [...operations.matchAll(/^ACL SETUSER metadata-bff (?:on >\S+ )?(.+)$/gm)].flatMap(
  ([, line = '']) => line.split(' '),
);

describeWithRedisServer('the least user', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
    await server.command('ACL', 'SETUSER', 'metadata-bff', 'on', '>least', ...rules);
  });
  afterAll(() => server.stop());

  test('may run commands that are named one by one, and touch nothing but our own keys and channels', () => {
    expect(rules).toEqual(expect.arrayContaining(['-@all', '~metadata-bff:*', '&metadata-bff:*']));
    expect(rules.filter((rule) => rule.includes('@') && rule !== '-@all')).toEqual([]);
  });

  describeRedisContract('a Redis that permits the least', async () => ({
    address: redisAddress(server.url.replace('redis://', 'redis://metadata-bff:least@')),
    stop: async () => undefined,
  }));
});
