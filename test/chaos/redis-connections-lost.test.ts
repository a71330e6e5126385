/** Connections that Redis ends, or that lead to the wrong server: what was missed on them is not taken for fresh. */
import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { afterwards } from '../http/events/stage.ts';
import { openFleet } from '../redis/fleet.ts';
import { startRelay } from '../redis/relay.ts';
import {
  describeWithRedisServer,
  type RedisServer,
  type RedisServerOptions,
  startRedis,
} from '../support/redis.ts';
import { until } from '../support/until.ts';
import { startWriters } from './histories.ts';
import { followsPrimary } from './topologies.ts';

/** Each more than the limit, and all together more than the buffers of the system. */
const MESSAGE = 'x'.repeat(1_000_000);
const MESSAGES_MAX = 100;
/** What the contract allows for a new connection after READONLY. */
const RECONNECTED_MS = 5_000;

async function start(options: RedisServerOptions = {}): Promise<RedisServer> {
  const server = await startRedis(options);
  afterwards(() => server.stop());
  return server;
}

async function listenersOf(server: RedisServer): Promise<number> {
  const list = String(await server.command('CLIENT', 'LIST', 'TYPE', 'pubsub'));
  return list.split('\n').filter((line) => line.includes('id=')).length;
}

describeWithRedisServer('a connection that is lost', () => {
  test('a replica whose buffer of announcements overflows hears again, and forgets what it may have missed', async () => {
    const server = await start();
    const fleet = await openFleet({ redisUrls: [server.url], tenant: { latencyMs: 20 } });
    afterwards(() => fleet.stop());
    const [here] = fleet.pair;
    const heartbeats = async () =>
      z.array(z.string()).parse(await server.command('PUBSUB', 'CHANNELS', 'metadata-bff:heartbeat:*'));
    const [heartbeatHere] = await heartbeats();
    const there = await fleet.join({ REDIS_URL: server.url });
    await there.becomes('ready');
    const channel = (await heartbeats()).find((name) => name !== heartbeatHere) ?? '';
    const person = await fleet.person({ theme: 'dark' });
    const isHit = async () => (await fleet.ask(there, person)).from.startsWith('hit') || undefined;
    await until(isHit);

    await server.command('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 65536 65536 1');
    there.freeze();
    for (let count = 0; count < MESSAGES_MAX && (await listenersOf(server)) > 1; count += 1) {
      await server.command('PUBLISH', channel, MESSAGE);
    }
    expect(await listenersOf(server)).toBe(1);
    expect((await fleet.ask(here, person, { patch: { theme: 'light' } })).status).toBe(200);
    there.thaw();

    const theme = async () => (await fleet.ask(there, person)).body['theme'];
    await until(async () => ((await theme()) === 'light' ? true : undefined));
    await until(() => there.lines.some((line) => line.includes('redis_available')) || undefined);
    for (let count = 0; count < 20; count += 1) expect(await theme()).toBe('light');
    expect(there.lines.filter((line) => line.includes('redis_unavailable'))).toHaveLength(1);

    // Only the announcement can be why a copy that would be fresh for a minute is gone.
    await until(isHit);
    expect((await fleet.ask(here, person, { patch: { theme: 'blue' } })).status).toBe(200);
    await until(async () => ((await theme()) === 'blue' ? true : undefined));
  });

  test('a primary that was demoted behind its name is left for the next one, and no accepted write is lost', async () => {
    // Scripts are not replicated, so that the next one knows none of them.
    const [old, next] = [await start(), await start({ empty: true })];
    await next.command('REPLICAOF', '127.0.0.1', String(old.port));
    await followsPrimary(next);
    const name = await startRelay(old.port);
    afterwards(() => name.stop());
    const url = `redis://127.0.0.1:${name.port}`;
    const fleet = await openFleet({ redisUrls: [url, url], tenant: { latencyMs: 20 } });
    afterwards(() => fleet.stop());
    const writers = await startWriters(fleet, fleet.replicas);
    await until(() => writers.accepted() >= 4 || undefined);

    // The old one keeps its connections open.
    await old.command('REPLICAOF', '127.0.0.1', String(next.port));
    await next.command('REPLICAOF', 'NO', 'ONE');
    name.leadTo(next.port);
    const demotedAt = Date.now();
    await until(async () => ((await listenersOf(next)) === 2 ? true : undefined), demotedAt + RECONNECTED_MS);
    expect(await listenersOf(old)).toBe(0);

    const before = writers.accepted();
    await until(() => writers.accepted() >= before + 4 || undefined);
    const { summary, lost, odd } = await writers.stop();
    process.stderr.write(`demoted behind its name: ${summary}\n`);
    expect([lost, odd]).toEqual([[], []]);
    for (const replica of fleet.replicas) {
      await until(async () => ((await replica.health()).redis === 'ok' ? true : undefined));
      const told = replica.lines.filter((line) => line.includes('redis_unavailable'));
      expect(told.map((line) => line.includes('READONLY'))).toContain(true);
      expect(replica.lines.filter((line) => line.includes('writes_without_lock'))).toEqual([]);
    }
    const person = await fleet.person({ theme: 'dark' });
    const [here, there] = fleet.pair;
    await until(async () => ((await fleet.ask(there, person)).from.startsWith('hit') ? true : undefined));
    expect((await fleet.ask(here, person, { patch: { theme: 'light' } })).status).toBe(200);
    await until(async () => ((await fleet.ask(there, person)).body['theme'] === 'light' ? true : undefined));
  });
});
