import { PATIENT } from './redis-stores.ts';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { RedisRefused, createRedisScript, RedisUnavailable } from '../../src/redis/script.ts';
import { describeError } from '../../src/lib/app-error.ts';
import { describeWithRedisServer, type RedisServer, startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { createConnections, timed } from './connections.ts';
import { type Relay, startRelay } from './relay.ts';

const WRITE = createRedisScript(`return redis.call('SET', KEYS[1], ARGV[1])`);
const MALFORMED = createRedisScript(`return redis.call('GET')`);

describeWithRedisServer('a Redis that refuses', () => {
  let server: RedisServer;
  let relay: Relay;
  const connections = createConnections();
  beforeAll(async () => {
    server = await startRedis();
    relay = await startRelay(server.port);
  });
  afterEach(async () => {
    await connections.stopAll();
    relay.mend();
    await server.command('REPLICAOF', 'NO', 'ONE');
  });
  afterAll(async () => {
    await relay.stop();
    await server.stop();
  });

  async function connectionsReceived(): Promise<number> {
    const info = String(await server.command('INFO', 'stats'));
    return Number(/total_connections_received:(\d+)/.exec(info)?.[1]);
  }

  test('a full Redis refuses what it cannot hold, and stays up', async () => {
    const { redis } = await connections.openUp(server.url, PATIENT);
    await server.command('CONFIG', 'SET', 'maxmemory', '100kb');
    const refused = await timed(() => redis.run(WRITE, ['key'], ['x']));
    await server.command('CONFIG', 'SET', 'maxmemory', '0');
    expect(refused.value).toBeInstanceOf(RedisRefused);
    expect(String(refused.value)).toMatch(/OOM/);
    expect(redis.epoch()).toBe(1);
    expect(await redis.run(WRITE, ['key'], ['x'])).toBe('OK');
  });

  test('a Redis that has become read-only is left for a new connection, and what was learnt before is not fresh', async () => {
    const { redis, downs } = await connections.openUp(server.url, PATIENT);
    await server.command('REPLICAOF', '127.0.0.1', '1');
    const refused = await timed(() => redis.run(WRITE, ['key'], ['x']));
    // A probe may have found it first; then there is no connection to write on.
    expect([RedisRefused, RedisUnavailable].map((kind) => refused.value instanceof kind)).toContain(true);
    expect(redis.epoch()).toBeUndefined();
    const before = await connectionsReceived();
    await until(async () => ((await connectionsReceived()) >= before + 2 ? true : undefined));
    expect(redis.epoch()).toBeUndefined();
    await server.command('REPLICAOF', 'NO', 'ONE');
    expect(await until(() => redis.epoch())).toBe(2);
    expect(downs.map(String)).toEqual(['RedisRefused: redis refused: READONLY']);
  });

  test('an error of it, whatever happens, names neither the address nor the password', async () => {
    const secret = 'LEAK-password';
    const { redis, downs } = await connections.openUp(`redis://127.0.0.1:${relay.port}`, PATIENT);
    const { redis: stranger } = connections.open(
      `redis://LEAK-user:${secret}@127.0.0.1:${server.port}`,
      PATIENT,
    );
    const errors: unknown[] = [(await timed(() => stranger.get('LEAK-key'))).value];
    errors.push((await timed(() => redis.run(MALFORMED, [], ['LEAK-argument']))).value);
    relay.cut();
    await until(() => downs[0]);
    errors.push((await timed(() => redis.get('LEAK-key'))).value, ...downs);
    for (const error of errors) {
      expect(error).toBeInstanceOf(Error);
      const told = [String(error), JSON.stringify(describeError(error)), JSON.stringify(error)].join('\n');
      expect(told).not.toMatch(/LEAK|127\.0\.0\.1|redis:\/\//);
    }
  });

  test('a refused password is tried again, and works once Redis knows it', async () => {
    await server.lockOut('the-right-one');
    const { redis } = connections.open(`redis://:the-new-one@127.0.0.1:${server.port}`, PATIENT);
    const outcome = await timed(() => redis.get('any'));
    expect(outcome.value).toBeInstanceOf(RedisUnavailable);
    expect(redis.epoch()).toBeUndefined();
    await server.lockOut('the-new-one');
    expect(await until(() => redis.epoch())).toBe(1);
    await server.lockOut('');
  });
});
