/** A stampede: all callers ask at once for one user of whom no copy is held. The tenant must be asked once. */
import { setTimeout as delay } from 'node:timers/promises';
import type { UserDirectory } from '../src/metadata/ports.ts';
import { startRedisServer } from './redis-server.ts';
import { type Bench, type Cell, goal, table } from './report.ts';
import { type Replica, startReplica, toSubject } from './service.ts';

const JANE = toSubject('auth0|jane');
/** Long enough for all to arrive while the first read is under way. */
const TENANT_MS = 150;
const refuse = () => Promise.reject(new Error('this benchmark does not write'));

/** The row of a number of readers, who take the replicas in turn. */
async function stampede(name: string, readers: number, count: number, redisUrl?: string): Promise<Cell[]> {
  let reads = 0;
  const directory: UserDirectory = {
    async read() {
      reads += 1;
      await delay(TENANT_MS);
      return { userMetadata: { theme: 'dark' }, appMetadata: {}, updatedAt: undefined };
    },
    change: refuse,
    clear: refuse,
  };
  const replicas: Replica[] = [];
  for (let index = 0; index < count; index += 1) {
    replicas.push(await startReplica(directory, redisUrl === undefined ? {} : { REDIS_URL: redisUrl }));
  }
  const startedAt = performance.now();
  const read = async (index: number) => {
    const answer = await replicas[index % count]?.service.read(JANE);
    if (answer?.value.userMetadata['theme'] !== 'dark') throw new Error('a reader got something else');
  };
  await Promise.all(Array.from({ length: readers }, (_, index) => read(index)));
  const tookMs = Math.round(performance.now() - startedAt);
  await Promise.all(replicas.map((replica) => replica.stop()));
  return [name, readers, reads, tookMs];
}

/** Counts what the tenant is asked. */
export const benchStampede: Bench = async (log) => {
  const rows = [await stampede('one process', 10_000, 1)];
  const redis = await startRedisServer();
  if (redis) rows.push(await stampede('two replicas over one Redis', 1_000, 2, redis.url));
  await redis?.stop();
  log(rows.map((row) => row.join(', ')).join('; '));
  return {
    title: 'Stampede',
    body: [
      `Concurrent cold reads of one user through the service; the tenant takes ${TENANT_MS} ms.`,
      '',
      table(['', 'readers', 'reads of the tenant', 'ms until the last answer'], rows),
      '',
      ...(redis ? [] : ['Replicas not measured: there is no `redis-server` on the PATH.', '']),
      goal(
        'any number of readers costs one read of the tenant',
        rows.every(([, , reads]) => reads === 1),
      ),
    ].join('\n'),
  };
};
