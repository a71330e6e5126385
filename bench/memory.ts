/**
 * What a cached profile weighs: in the process as it is composed without Redis (the memory of the protocol
 * and the memory tier, which share each entry), and in Redis, plain and sealed.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Environment } from '../config/environment.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../src/lib/json.ts';
import { redisScript } from '../src/redis/script.ts';
import type { Subject, UserDirectory } from '../src/metadata/ports.ts';
import { PROFILES_MAX } from '../src/composition/constants.ts';
import { profileDocument } from './documents/samples.ts';
import { startRedisServer } from './redis-server.ts';
import { type Replica, startReplica } from './replica.ts';
import { type Bench, type Cell, goal, table } from './report.ts';

const DOCUMENT_BYTES = 500;
const MEGABYTES_MAX = 150;
const SETTLE_MS = 1_500;
const SETTLED_BYTES = 1e6;
/** Enough for a mean; Redis needs a few round trips for each. */
const SEALED = 20_000;
const FILLED_MIN = 0.9;

/** A page of the keys with what they weigh, short enough that Redis is not late. ARGV cursor. */
const WEIGH = redisScript(`
local page = redis.call('SCAN', ARGV[1], 'COUNT', 200)
local bytes = 0
for _, key in ipairs(page[2]) do bytes = bytes + redis.call('MEMORY', 'USAGE', key, 'SAMPLES', '0') end
return { tonumber(page[1]), #page[2], bytes }`);
const EMPTY = redisScript(`redis.call('FLUSHALL', 'ASYNC') return 1`);

/** A document of the size, parsed anew for each user as it would be from an answer of the tenant. */
function documentOf(index: number): JsonObject {
  const parsed: JsonValue = JSON.parse(JSON.stringify(profileDocument(DOCUMENT_BYTES, index)));
  if (!isJsonObject(parsed)) throw new Error('the sample is no object');
  return parsed;
}

function subject(index: number): Subject {
  return { userId: `auth0|${index.toString(16).padStart(24, '0')}`, clientId: undefined };
}

const directory: UserDirectory = {
  async read(id) {
    const userMetadata = documentOf(Number.parseInt(id.slice('auth0|'.length), 16));
    return { userMetadata, appMetadata: {}, updatedAt: new Date(0).toISOString() };
  },
  change: (id) => directory.read(id, { priority: 'write' }),
  clear: (id) => directory.read(id, { priority: 'write' }),
};

/** Few enough at once that Redis is seldom late, even on a busy machine. */
const AT_ONCE = 25;

async function eachUser(
  count: number,
  task: (index: number) => Promise<unknown>,
  ready: () => Promise<void>,
): Promise<void> {
  for (let from = 0; from < count; from += AT_ONCE) {
    await ready();
    const group = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, index) => task(from + index));
    await Promise.all(group);
  }
}

function readAll({ service, ready }: Replica, count: number): Promise<void> {
  return eachUser(count, (index) => service.read(subject(index)), ready);
}

/**
 * Heap and external memory when collections find nothing more. What timers and the client of Redis keep for a
 * moment after the last command would otherwise count as held: up to 60 MB, in some runs and not in others.
 */
async function heldBytes(before = Number.POSITIVE_INFINITY): Promise<number> {
  const { gc } = globalThis;
  if (!gc) throw new Error('the memory benchmark needs node --expose-gc');
  await delay(SETTLE_MS);
  for (let turn = 0; turn < 4; turn += 1) gc();
  const { heapUsed, external } = process.memoryUsage();
  const bytes = heapUsed + external;
  return bytes < before - SETTLED_BYTES ? heldBytes(bytes) : bytes;
}

async function weighRedis({
  redis,
  ready,
}: Replica): Promise<{ readonly entries: number; readonly bytes: number }> {
  if (!redis) throw new Error('this replica has no Redis');
  const sum = { entries: 0, bytes: 0 };
  let cursor = 0;
  do {
    await ready();
    const reply = await redis.run(WEIGH, [], [String(cursor)]);
    const [next = 0, entries = 0, bytes = 0] = Array.isArray(reply) ? reply.map(Number) : [];
    sum.entries += entries;
    sum.bytes += bytes;
    cursor = next;
  } while (cursor !== 0);
  await redis.run(EMPTY, [], []);
  return sum;
}

/** Two rows: what Redis holds, and what the process holds beside it. */
async function overRedis(name: string, count: number, environment: Environment): Promise<Cell[][]> {
  const before = await heldBytes();
  const replica = await startReplica(directory, environment);
  await readAll(replica, count);
  const { entries, bytes } = await weighRedis(replica);
  const held = (await heldBytes()) - before;
  await replica.stop();
  // A fill that comes late on a busy machine is left out; the mean does not care.
  if (entries < count * FILLED_MIN) throw new Error(`Redis holds only ${entries} of ${count} entries`);
  return [row(`Redis: ${name}`, entries, bytes), row(`process beside Redis: ${name}`, count, held)];
}

function row(name: string, count: number, bytes: number): Cell[] {
  return [name, count, Math.round(bytes / count), Math.round(bytes / 1e6)];
}

function isWithin(cells: readonly Cell[]): boolean {
  return Number(cells.at(-1)) <= MEGABYTES_MAX;
}

async function alone(): Promise<Cell[][]> {
  const before = await heldBytes();
  const replica = await startReplica(directory);
  await readAll(replica, PROFILES_MAX);
  const read = (await heldBytes()) - before;
  const patch = (index: number) => replica.service.patch(subject(index), { theme: 'system' });
  await eachUser(PROFILES_MAX, patch, replica.ready);
  await readAll(replica, PROFILES_MAX);
  const changed = (await heldBytes()) - before;
  await replica.stop();
  return [
    row('process alone, each read', PROFILES_MAX, read),
    row('process alone, each changed and read again', PROFILES_MAX, changed),
  ];
}

/** Weighs the caches, as they are composed, with as many entries as a process may hold. */
export const benchMemory: Bench = async (log) => {
  const rows = await alone();
  const server = await startRedisServer();
  if (server) {
    const CACHE_ENCRYPTION_KEY = randomBytes(32).toString('base64');
    try {
      rows.push(...(await overRedis('plain', PROFILES_MAX, { REDIS_URL: server.url })));
      rows.push(...(await overRedis('sealed', SEALED, { REDIS_URL: server.url, CACHE_ENCRYPTION_KEY })));
    } finally {
      await server.stop();
    }
  }
  log(`memory: ${rows.map((cells) => cells.join(', ')).join('; ')}`);
  return {
    title: 'Memory',
    body: [
      `Profiles with documents of ${DOCUMENT_BYTES} bytes. Process: heap and`,
      'external memory after collection, against the same process before it was composed.',
      'Redis: `MEMORY USAGE`, keys included.',
      '',
      table(['', 'entries', 'bytes an entry', 'MB in all'], rows),
      '',
      ...(server ? [] : ['Redis not measured: there is no `redis-server` on the PATH.', '']),
      goal(`a process stays within 150 MB with ${PROFILES_MAX} profiles`, rows.every(isWithin)),
    ].join('\n'),
  };
};
