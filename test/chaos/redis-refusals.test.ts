/** A Redis that is there and refuses, or drops what it should keep: what operators see of it, and what becomes of writes. */
import { mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { type Fleet, openFleet } from '../redis/fleet.ts';
import { afterwards } from '../http/events/stage.ts';
import { type Running, runProgram } from '../e2e/program.ts';
import { samplesOf } from '../support/metrics.ts';
import { describeWithRedisServer, type RedisServer, startRedis } from '../support/redis.ts';
import type { Replica } from '../support/replica.ts';
import { until } from '../support/until.ts';
import { startWriters } from './histories.ts';
import { startTenantProcess } from './tenant-process.ts';

/** More than a limited Redis has memory for, whatever it evicts. */
const FILLERS = 5_000;
const HEAD_ROOM_BYTES = 2_000_000;

async function open(more: readonly string[] = []) {
  const server = await startRedis({ more });
  afterwards(() => server.stop());
  const tenant = await startTenantProcess();
  const fleet = await openFleet({ redisUrls: [server.url, server.url], tenant });
  afterwards(() => fleet.stop());
  const check = (): Running =>
    runProgram(
      {
        AUDIENCE: tenant.apiAudience,
        ISSUER_BASE_URL: tenant.url,
        AUTH0_MANAGEMENT_URL: tenant.url,
        AUTH0_CLIENT_ID: 'local-bff',
        AUTH0_CLIENT_SECRET: 'local-secret',
        REDIS_URL: server.url,
      },
      'check',
    );
  return { server, fleet, check };
}

/** Waits for the first of them. */
const linesWith = (replica: Replica, text: string) =>
  until(() => {
    const lines = replica.lines.filter((line) => line.includes(text));
    return lines.length > 0 ? lines : undefined;
  });

async function untilRedis(fleet: Fleet, state: 'ok' | 'failing'): Promise<void> {
  await Promise.all(
    fleet.replicas.map((replica) =>
      until(async () => ((await replica.health()).redis === state ? true : undefined)),
    ),
  );
}

async function infoOf(server: RedisServer, section: string, field: string): Promise<string> {
  const text = String(await server.command('INFO', section));
  return new RegExp(`^${field}:(\\S*)`, 'm').exec(text)?.[1] ?? '';
}

describeWithRedisServer('a Redis that refuses or evicts', () => {
  test('one that cannot write its snapshot is degraded with its code, and takes no writes until it can', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'misconf-'));
    const { server, fleet, check } = await open(['--dir', folder]);
    const person = await fleet.person({ theme: 'dark' });
    await server.command('CONFIG', 'SET', 'save', '3600 1');
    // A snapshot cannot take the place of a folder, whatever user Redis runs as.
    const snapshot = join(folder, 'dump.rdb');
    await mkdir(snapshot);
    afterwards(() => rm(folder, { recursive: true, force: true }));
    await server.command('BGSAVE');
    await untilRedis(fleet, 'failing');

    for (const replica of fleet.replicas) {
      expect(await replica.health()).toEqual({ code: 200, status: 'degraded', redis: 'failing' });
      expect((await fleet.ask(replica, person)).body).toEqual({ theme: 'dark' });
      const refused = await fleet.ask(replica, person, { patch: { theme: 'light' } });
      expect(refused).toMatchObject({ status: 503, body: { code: 'lock_unavailable' } });
      expect(refused.retryAfterSeconds).toBeGreaterThanOrEqual(1);
      const told = await linesWith(replica, 'redis_unavailable');
      expect(told.map((line) => line.includes('MISCONF'))).toEqual([true]);
      const samples = await samplesOf(replica.opsUrl);
      expect(samples.get('metadata_bff_redis_unavailable_total{code="MISCONF"}')).toBe(1);
      expect(samples.get('metadata_bff_redis_up')).toBe(0);
    }
    const checked = check();
    expect(await checked.ends()).toBe(1);
    expect(checked.output()).toMatch(/^failed +redis +.*MISCONF/m);

    await rmdir(snapshot);
    await server.command('BGSAVE');
    await untilRedis(fleet, 'ok');
    for (const replica of fleet.replicas) {
      expect(await linesWith(replica, 'redis_available')).toHaveLength(1);
      expect((await fleet.ask(replica, person, { patch: { by: replica.url } })).status).toBe(200);
    }
    expect(await fleet.stored(person)).toEqual({ theme: 'dark', by: fleet.pair[1].url });
  });

  test('one that may evict locks is said to, and all goes on with what it still keeps', async () => {
    const { server, fleet, check } = await open();
    const safe = check();
    expect(await safe.ends()).toBe(0);
    expect(safe.output()).toMatch(/^ok +redis eviction /m);

    const limit = Number(await infoOf(server, 'memory', 'used_memory')) + HEAD_ROOM_BYTES;
    await server.command('CONFIG', 'SET', 'maxmemory', String(limit), 'maxmemory-policy', 'allkeys-lru');
    await untilRedis(fleet, 'failing');
    for (const replica of fleet.replicas) {
      expect(await replica.health()).toEqual({ code: 200, status: 'degraded', redis: 'failing' });
      const told = await linesWith(replica, 'redis_may_evict_locks');
      expect(told.map((line) => line.includes('allkeys-lru'))).toEqual([true]);
      // It serves, and is not taken for one that does not.
      expect((await samplesOf(replica.opsUrl)).get('metadata_bff_redis_up')).toBe(1);
    }
    const warned = check();
    expect(await warned.ends()).toBe(0);
    expect(warned.output()).toMatch(/^warning +redis eviction +.*allkeys-lru/m);

    const writers = await startWriters(fleet, fleet.replicas);
    for (let count = 0; count < FILLERS; count += 100) {
      const fillers = Array.from({ length: 100 }, (_, index) => [
        `filler:${count + index}`,
        'x'.repeat(1_000),
      ]);
      await server.command('MSET', ...fillers.flat());
    }
    const before = writers.accepted();
    await until(() => writers.accepted() >= before + 4 || undefined);
    const { summary, odd } = await writers.stop();
    process.stderr.write(`locks may be evicted: ${summary}\n`);
    expect(odd).toEqual([]);
    expect(Number(await infoOf(server, 'stats', 'evicted_keys'))).toBeGreaterThan(0);

    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction', 'maxmemory', '0');
    await untilRedis(fleet, 'ok');
    const others = await startWriters(fleet, fleet.replicas);
    await until(() => others.accepted() >= 8 || undefined);
    expect(await others.stop()).toMatchObject({ lost: [], odd: [] });
  });
});
