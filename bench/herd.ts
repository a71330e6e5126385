/**
 * The thundering herd: everybody asks for one user of whom nobody holds a copy. However many they are, and
 * on however many replicas, the tenant must be asked once.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Profile, UserDirectory } from '../src/metadata/ports.ts';
import { startRedisServer } from './redis-server.ts';
import { type Replica, startReplica } from './replica.ts';
import { type Bench, type Cell, goal, table } from './report.ts';

const ALONE = 10_000;
const SHARED = 1_000;
/** Long enough for all to arrive while the first read is under way. */
const TENANT_MS = 150;
const JANE = { userId: 'auth0|jane', clientId: undefined };

function createCountingDirectory() {
  let reads = 0;
  const profile: Profile = {
    userMetadata: { theme: 'dark' },
    appMetadata: {},
    updatedAt: undefined,
  };
  const directory: UserDirectory = {
    async read() {
      reads += 1;
      await delay(TENANT_MS);
      return profile;
    },
    change: () => Promise.reject(new Error('nobody writes here')),
    clear: () => Promise.reject(new Error('nobody writes here')),
  };
  return { directory, reads: () => reads };
}

/** All readers at once, taking the replicas in turn. @returns milliseconds until the last had an answer. */
async function stampede(replicas: readonly Replica[], readers: number): Promise<number> {
  const startedAt = performance.now();
  const reads = Array.from({ length: readers }, async (_, index) => {
    const answer = await replicas[index % replicas.length]?.service.read(JANE);
    if (answer?.value.userMetadata['theme'] !== 'dark') throw new Error('a reader got something else');
  });
  await Promise.all(reads);
  return performance.now() - startedAt;
}

async function overRedis(): Promise<{ readonly reads: number; readonly ms: number } | undefined> {
  const server = await startRedisServer();
  if (!server) return undefined;
  const replicas: Replica[] = [];
  try {
    const { directory, reads } = createCountingDirectory();
    const environment = { REDIS_URL: server.url };
    replicas.push(await startReplica(directory, environment), await startReplica(directory, environment));
    const ms = await stampede(replicas, SHARED);
    return { reads: reads(), ms };
  } finally {
    for (const replica of replicas) await replica.stop();
    await server.stop();
  }
}

/** Counts what the tenant is asked. */
export const benchHerd: Bench = async (log) => {
  const { directory, reads } = createCountingDirectory();
  const alone = await startReplica(directory);
  const ms = await stampede([alone], ALONE);
  const rows: Cell[][] = [['one process', ALONE, reads(), Math.round(ms)]];
  const shared = await overRedis();
  if (shared) rows.push(['two replicas over one Redis', SHARED, shared.reads, Math.round(shared.ms)]);
  log(`herd: ${rows.map((row) => row.join(', ')).join('; ')}`);
  const met = reads() === 1 && (shared === undefined || shared.reads === 1);
  return {
    title: 'Thundering herd',
    body: [
      `Concurrent cold reads of one user through the service; the tenant takes ${TENANT_MS} ms.`,
      '',
      table(['', 'readers', 'reads of the tenant', 'ms until the last answer'], rows),
      '',
      ...(shared ? [] : ['Not measured: there is no `redis-server` on the PATH.', '']),
      goal('any number of readers costs one read of the tenant', met),
    ].join('\n'),
  };
};
