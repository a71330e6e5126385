/** What a cached profile weighs: in a process without Redis, in one beside Redis, and in Redis, plain and encrypted. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { createClient } from '@redis/client';
import type { Environment } from '../config/environment.ts';
import type { UserDirectory } from '../src/metadata/ports.ts';
import { MAX_PROFILES } from '../src/composition/constants.ts';
import { startRedisServer } from './redis-server.ts';
import { type Bench, type Cell, goal, table } from './report.ts';
import { profileDocument, type Replica, startReplica, toSubject } from './service.ts';

const DOCUMENT_BYTES = 500;
const MAX_MEGABYTES = 150;
/** Enough for a mean; Redis needs a few round trips for each. */
const ENCRYPTED = 20_000;
/** Few enough that Redis answers in time, even on a busy machine. */
const CONCURRENCY = 25;
const SETTLE_MS = 1_500;

const directory: UserDirectory = {
  async read(userId) {
    // Parsed anew for each user, as it would be from an answer of the tenant.
    const userMetadata = JSON.parse(JSON.stringify(profileDocument(DOCUMENT_BYTES, Number(userId.slice(6)))));
    return { userMetadata, appMetadata: {}, updatedAt: '2026-01-01T00:00:00Z' };
  },
  change: (id) => directory.read(id, { priority: 'write' }),
  clear: (id) => directory.read(id, { priority: 'write' }),
};

async function readAll({ service, ready }: Replica, count: number): Promise<void> {
  for (let from = 0; from < count; from += CONCURRENCY) {
    await ready();
    const ids = Array.from({ length: CONCURRENCY }, (_, index) => String(from + index).padStart(24, '0'));
    await Promise.all(ids.map((id) => service.read(toSubject(`auth0|${id}`))));
  }
}

/** Heap and external memory when a collection finds nothing more: timers and clients keep some for a moment. */
async function settledBytes(before = Infinity): Promise<number> {
  if (!globalThis.gc) throw new Error('the memory benchmark needs node --expose-gc');
  await delay(SETTLE_MS);
  for (let turn = 0; turn < 4; turn += 1) globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  const bytes = heapUsed + external;
  return bytes < before - 1e6 ? settledBytes(bytes) : bytes;
}

function toRow(name: string, entries: number, bytes: number): Cell[] {
  return [name, entries, Math.round(bytes / entries), Math.round(bytes / 1e6)];
}

/** What a process holds with so many profiles, and the Redis that it is given, if any. */
async function weigh(name: string, count: number, environment: Environment = {}): Promise<Cell[][]> {
  const { REDIS_URL: url } = environment;
  const before = await settledBytes();
  const replica = await startReplica(directory, environment);
  const client = url === undefined ? undefined : await createClient({ url }).connect();
  await client?.flushAll();
  const usedBytes = async () => Number(/used_memory:(\d+)/.exec((await client?.info('memory')) ?? '')?.[1]);
  const empty = await usedBytes();
  await readAll(replica, count);
  const rows = [toRow(`process ${name}`, count, (await settledBytes()) - before)];
  if (client) rows.push(toRow(`that Redis`, await client.dbSize(), (await usedBytes()) - empty));
  client?.destroy();
  await replica.stop();
  return rows;
}

/** Weighs the caches, as they are composed, with as many entries as a process may hold. */
export const benchMemory: Bench = async (log) => {
  const rows = await weigh('alone', MAX_PROFILES);
  const redis = await startRedisServer();
  if (redis) {
    const environment = { REDIS_URL: redis.url };
    rows.push(...(await weigh('beside Redis, plain', MAX_PROFILES, environment)));
    const CACHE_ENCRYPTION_KEY = randomBytes(32).toString('base64');
    rows.push(
      ...(await weigh('beside Redis, encrypted', ENCRYPTED, { ...environment, CACHE_ENCRYPTION_KEY })),
    );
    await redis.stop();
  }
  log(rows.map((cells) => cells.join(', ')).join('; '));
  return {
    title: 'Memory',
    body: [
      `Profiles with documents of ${DOCUMENT_BYTES} bytes. Process: heap and external memory after collection,`,
      'against the same process before it was composed. Redis: `used_memory`, against the same server when empty.',
      '',
      table(['', 'entries', 'bytes an entry', 'MB in all'], rows),
      '',
      ...(redis ? [] : ['Redis not measured: there is no `redis-server` on the PATH.', '']),
      goal(
        `a process stays within ${MAX_MEGABYTES} MB with ${MAX_PROFILES} profiles`,
        rows.every((cells) => Number(cells.at(-1)) <= MAX_MEGABYTES),
      ),
    ].join('\n'),
  };
};
