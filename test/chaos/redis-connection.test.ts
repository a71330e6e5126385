import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { createRedisScript, RedisUnavailable } from '../../src/redis/script.ts';
import { describeWithRedisServer, type RedisServer, startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { createConnections, type Outcome, timed } from '../redis/connections.ts';
import { type Relay, startRelay } from '../redis/relay.ts';
import { TIMES } from '../redis/redis-stores.ts';

const ECHO = createRedisScript('return ARGV[1]');
/** Keeps Redis busy for a moment, so that the answer is not there before the pause. */
const TAKES_A_WHILE = createRedisScript(`
local function now() local time = redis.call('TIME') return time[1] * 1000 + time[2] / 1000 end
local till = now() + 10
while now() < till do end
return 'done'`);
/** What a busy machine may add to any measured time. */
const MARGIN_MS = 400;

function median(outcomes: readonly Outcome[]): number {
  return outcomes.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b)[Math.floor(outcomes.length / 2)] ?? 0;
}

describeWithRedisServer('a connection to Redis', () => {
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
    server.thaw();
    await server.restart();
  });
  afterAll(async () => {
    await relay.stop();
    await server.stop();
  });

  test('answers, knows its scripts also after Redis forgot them, and is in its first era', async () => {
    const { redis, downs } = await connections.openUp(server.url);
    expect(await redis.run(ECHO, [], ['hello'])).toBe('hello');
    await server.command('SCRIPT', 'FLUSH');
    expect(await redis.run(ECHO, [], ['again'])).toBe('again');
    expect(await redis.get('missing')).toBeUndefined();
    expect({ era: redis.epoch(), downs }).toEqual({ era: 1, downs: [] });
  });

  test('a frozen Redis costs the first commands the time-out and later ones nothing, and heals', async () => {
    const { redis, downs, heard } = await connections.openUp(server.url);
    server.freeze();
    const first = await Promise.all(Array.from({ length: 5 }, () => timed(() => redis.get('any'))));
    const later: Outcome[] = [];
    for (let count = 0; count < 50; count += 1) later.push(await timed(() => redis.run(ECHO, [], ['x'])));
    server.thaw();
    for (const { value } of [...first, ...later]) expect(value).toBeInstanceOf(RedisUnavailable);
    for (const { tookMs } of first) expect(tookMs).toBeLessThan(TIMES.commandTimeoutMs + MARGIN_MS);
    expect(median(later)).toBeLessThan(5);
    expect(downs).toHaveLength(1);
    expect(await until(() => redis.epoch())).toBe(2);
    await server.command('PUBLISH', 'news', 'after the thaw');
    await until(() => heard.includes('after the thaw') || undefined);
  });

  test('a Redis that freezes while no command is sent is noticed by the probe', async () => {
    const { redis } = await connections.openUp(server.url);
    server.freeze();
    const startedAt = performance.now();
    await until(() => (redis.epoch() === undefined ? true : undefined));
    server.thaw();
    const noticedMs = performance.now() - startedAt;
    expect(noticedMs).toBeLessThan(TIMES.probeIntervalMs + TIMES.commandTimeoutMs + MARGIN_MS);
    await until(() => redis.epoch());
  });

  test('a Redis that is killed refuses at once; restarted, it is used and heard again', async () => {
    const { redis, downs, heard } = await connections.openUp(server.url);
    await server.kill();
    await until(() => (redis.epoch() === undefined ? true : undefined));
    const refused = await timed(() => redis.get('any'));
    expect(refused.value).toBeInstanceOf(RedisUnavailable);
    expect(refused.tookMs).toBeLessThan(50);
    expect(downs).toHaveLength(1);
    await server.restart();
    expect(await until(() => redis.epoch())).toBe(2);
    await server.command('PUBLISH', 'news', 'after the restart');
    await until(() => heard.includes('after the restart') || undefined);
    expect(await redis.run(ECHO, [], ['hello'])).toBe('hello');
  });

  test('a Redis that is not there at the start is reported once, and used as soon as it is there', async () => {
    await server.kill();
    const { redis, downs } = connections.open(server.url);
    const refused = await timed(() => redis.get('any'));
    expect(refused.value).toBeInstanceOf(RedisUnavailable);
    await until(() => downs[0], Date.now() + 3_000);
    await server.restart();
    expect(await until(() => redis.epoch())).toBe(1);
    expect(downs).toHaveLength(1);
  });

  test('a pause of this process is not taken for one of Redis', async () => {
    const { redis, downs } = await connections.openUp(server.url);
    await redis.run(TAKES_A_WHILE, [], []);
    const pending = redis.run(TAKES_A_WHILE, [], []);
    // The command has left when the process stands still, and is answered meanwhile.
    await new Promise<void>((resolve) => {
      setImmediate(() => setImmediate(resolve));
    });
    const end = performance.now() + 5 * TIMES.commandTimeoutMs;
    while (performance.now() < end);
    expect(await pending).toBe('done');
    expect({ era: redis.epoch(), downs }).toEqual({ era: 1, downs: [] });
  });

  test('a slow Redis is not used until it is fast again', async () => {
    const { redis } = await connections.openUp(`redis://127.0.0.1:${relay.port}`);
    relay.slowDown(300);
    const first = await timed(() => redis.get('any'));
    expect(first.value).toBeInstanceOf(RedisUnavailable);
    expect(first.tookMs).toBeLessThan(TIMES.commandTimeoutMs + MARGIN_MS);
    const refused = await timed(() => redis.get('any'));
    expect(refused.tookMs).toBeLessThan(50);
    relay.mend();
    expect(await until(() => redis.epoch())).toBe(2);
  });

  test('a connection on which nothing comes back any more is given up for a new one', async () => {
    const { redis, heard } = await connections.openUp(`redis://127.0.0.1:${relay.port}`);
    relay.goDeaf();
    await until(() => (redis.epoch() === undefined ? true : undefined));
    expect(await until(() => redis.epoch(), Date.now() + 5_000)).toBe(2);
    await server.command('PUBLISH', 'news', 'on the new one');
    await until(() => heard.includes('on the new one') || undefined);
  });
});
