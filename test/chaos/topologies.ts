/** Redis as it is run for real: Sentinels with a primary and a replica, and a cluster. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KEY_GROUPS } from '../../src/redis/script.ts';
import { ACQUIRE_WRITE_LOCK } from '../../src/redis/write-lock.ts';
import { freePort } from '../support/free-port.ts';
import { command, type RedisServer, startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

export interface Topology {
  readonly url: string;
  /** The primary, or all primaries of a cluster. */
  readonly primaries: readonly RedisServer[];
  readonly replicas: readonly RedisServer[];
  stop(): Promise<void>;
}

const PATIENCE_MS = 30_000;
const MASTER = 'main';

async function startSentinel(port: number, masterPort: number): Promise<ChildProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'sentinel-'));
  const path = join(folder, 'sentinel.conf');
  await writeFile(
    path,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      `sentinel monitor ${MASTER} 127.0.0.1 ${masterPort} 2`,
      `sentinel down-after-milliseconds ${MASTER} 1000`,
      `sentinel failover-timeout ${MASTER} 3000`,
      '',
    ].join('\n'),
  );
  const child = spawn('redis-sentinel', [path], { stdio: 'ignore' });
  process.once('exit', () => child.kill('SIGKILL'));
  return child;
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Resolves when the replica has what its primary has: before that it cannot take over. */
async function followsPrimary(replica: RedisServer): Promise<void> {
  await until(async () => {
    const info = String(await replica.command('INFO', 'replication'));
    return info.includes('master_link_status:up') ? true : undefined;
  }, Date.now() + PATIENCE_MS);
}

/** A primary with a replica, and three Sentinels. */
export async function startSentinels(): Promise<Topology> {
  const primary = await startRedis();
  const replica = await startRedis({ empty: true });
  await replica.command('REPLICAOF', '127.0.0.1', String(primary.port));
  await followsPrimary(replica);
  const ports = [await freePort(), await freePort(), await freePort()];
  const sentinels = await Promise.all(ports.map((port) => startSentinel(port, primary.port)));
  await until(async () => {
    const seen = await Promise.all(
      ports.map((port) =>
        command(`redis://127.0.0.1:${port}`, ['SENTINEL', 'CKQUORUM', MASTER]).then(String, () => ''),
      ),
    );
    const replicas = await Promise.all(
      ports.map((port) =>
        command(`redis://127.0.0.1:${port}`, ['SENTINEL', 'REPLICAS', MASTER]).catch(() => []),
      ),
    );
    const isComplete =
      seen.every((text) => text.startsWith('OK 3')) &&
      replicas.every((list) => Array.isArray(list) && list.length === 1);
    return isComplete ? true : undefined;
  }, Date.now() + PATIENCE_MS);
  return {
    url: `redis+sentinel://${ports.map((port) => `127.0.0.1:${port}`).join(',')}/${MASTER}`,
    primaries: [primary],
    replicas: [replica],
    async stop() {
      await Promise.all([...sentinels.map(endProcess), primary.stop(), replica.stop()]);
    },
  };
}

const SLOTS = [
  [0, 5460],
  [5461, 10_922],
  [10_923, 16_383],
] as const;

/** Three primaries, with a replica each if wanted. */
export async function startCluster({ withReplicas = false } = {}): Promise<Topology> {
  const busPorts = new Map<RedisServer, number>();
  const start = async () => {
    const busPort = await freePort();
    const folder = await mkdtemp(join(tmpdir(), 'cluster-'));
    const server = await startRedis({
      empty: true,
      more: [
        ...`--cluster-enabled yes --cluster-port ${busPort}`.split(' '),
        ...`--cluster-node-timeout 2000 --dir ${folder}`.split(' '),
      ],
    });
    busPorts.set(server, busPort);
    return server;
  };
  const primaries = await Promise.all(SLOTS.map(start));
  const replicas = withReplicas ? await Promise.all(SLOTS.map(start)) : [];
  const all = [...primaries, ...replicas];
  const [first] = primaries;
  if (first === undefined) throw new Error('there is no node');
  for (const [index, [from, to]] of SLOTS.entries()) {
    await primaries[index]?.command('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to));
  }
  for (const server of all.slice(1)) {
    await first.command('CLUSTER', 'MEET', '127.0.0.1', String(server.port), String(busPorts.get(server)));
  }
  const isReady = async (server: RedisServer) => {
    const info = String(await server.command('CLUSTER', 'INFO'));
    return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${all.length}`);
  };
  const allReady = () =>
    until(
      async () => ((await Promise.all(all.map(isReady))).every(Boolean) ? true : undefined),
      Date.now() + PATIENCE_MS,
    );
  await allReady();
  await Promise.all(
    replicas.map(async (replica, index) => {
      const id = String(await primaries[index]?.command('CLUSTER', 'MYID'));
      await replica.command('CLUSTER', 'REPLICATE', id);
    }),
  );
  await allReady();
  await Promise.all(replicas.map(followsPrimary));
  // As of a cluster that has been in use for a while.
  for (const server of primaries) {
    await server.command('SCRIPT', 'LOAD', ACQUIRE_WRITE_LOCK.source);
    for (const group of KEY_GROUPS) {
      await server.command('SET', `metadata-bff:write:{${group}}:since`, '1').catch(() => undefined);
    }
  }
  return {
    url: `redis+cluster://${primaries.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    primaries,
    replicas,
    async stop() {
      await Promise.all(all.map((server) => server.stop()));
    },
  };
}
