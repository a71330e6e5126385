/** A fleet over a real Redis, each replica behind a relay of its own, and what can go wrong between the two. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Fleet, openFleet } from '../redis/fleet.ts';
import { type Relay, startRelay } from '../redis/relay.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import type { Replica } from '../support/replica.ts';

/** A replica, and its way to Redis. */
export interface Place {
  readonly relay: Relay;
  replica: Replica;
}

type Fault = (place: Place) => Promise<void>;

export interface FaultyFleet {
  readonly fleet: Fleet;
  readonly redis: RedisServer;
  readonly places: readonly Place[];
  /** Resolves when the fault is over; what it leaves behind may last longer. */
  inject(fault: FaultName, place: Place): Promise<void>;
  /** Ends every fault, and starts replicas that were killed. */
  mend(): Promise<void>;
  stop(): Promise<void>;
}

interface Surroundings {
  readonly redis: RedisServer;
  /** The file with what Redis finds when it starts. */
  readonly snapshot: string;
}

type FaultMaker = (surroundings: Surroundings) => Fault;

/** So many keys take so long to be loaded at 1 ms each: Redis answers LOADING meanwhile. */
const FILLERS = 1_500;
const UNTIL_NOTICED_MS = 1_000;

const stallRedis =
  (ms: number): FaultMaker =>
  ({ redis }) =>
  async () => {
    redis.freeze();
    await delay(ms);
    redis.thaw();
  };

/** Holds back what passes between Redis and one replica, which is `ms` away for a while. */
const keepAway =
  (ms: number, forMs: number): FaultMaker =>
  () =>
  async ({ relay }) => {
    relay.slowDown(ms);
    await delay(forMs);
    relay.mend();
  };

const freezeReplica =
  (ms: number): FaultMaker =>
  () =>
  async ({ replica }) => {
    replica.freeze();
    await delay(ms);
    replica.thaw();
  };

/** Each shorter than the time after which writes go without the lock, which is when some may be lost. */
const FAULTS = {
  nothing: () => () => delay(500),
  'Redis stalls for 220 ms': stallRedis(220),
  'Redis stalls for 1 s': stallRedis(1_000),
  'Redis stalls for 2.5 s': stallRedis(2_500),
  'Redis stalls for one replica for 220 ms': keepAway(220, 220),
  'Redis stalls for one replica for 1 s': keepAway(1_000, 1_000),
  'Redis is 70 ms away': keepAway(35, 1_500),
  'Redis is 200 ms away': keepAway(100, 2_000),
  'a replica is frozen for 3.5 s': freezeReplica(3_500),
  'a replica is frozen for longer than a lock lasts': freezeReplica(5_500),
  'connections are killed':
    ({ redis }) =>
    async () => {
      for (let times = 0; times < 4; times += 1) {
        await redis.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
        await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
        await delay(250);
      }
    },
  'one replica is cut off for 2 s':
    () =>
    async ({ relay }) => {
      relay.cut();
      await delay(2_000);
      relay.mend();
    },
  'a connection falls silent':
    () =>
    async ({ relay }) => {
      relay.goDeaf();
      await delay(2_000);
    },
  'Redis is emptied':
    ({ redis }) =>
    async () => {
      await redis.command('FLUSHALL');
      await delay(UNTIL_NOTICED_MS);
    },
  'scripts are forgotten':
    ({ redis }) =>
    async () => {
      await redis.command('SCRIPT', 'FLUSH');
      await delay(500);
    },
  'Redis restarts with no data':
    ({ redis, snapshot }) =>
    async () => {
      await redis.kill();
      await rm(snapshot, { force: true });
      await redis.restart();
    },
  'Redis restarts with old data, and loads it for 1.5 s':
    ({ redis }) =>
    async () => {
      await redis.kill();
      await redis.restart();
    },
  'Redis is full':
    ({ redis }) =>
    async () => {
      await redis.command('CONFIG', 'SET', 'maxmemory', '100kb');
      await delay(UNTIL_NOTICED_MS);
      await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    },
  'Redis is read-only':
    ({ redis }) =>
    async () => {
      await redis.command('REPLICAOF', '127.0.0.1', '1');
      await delay(1_500);
      await redis.command('REPLICAOF', 'NO', 'ONE');
    },
  'a replica is killed':
    () =>
    async ({ replica }) => {
      await replica.kill();
      await delay(500);
    },
} satisfies Readonly<Record<string, FaultMaker>>;

export type FaultName = keyof typeof FAULTS;

export const FAULT_NAMES = Object.keys(FAULTS).filter((name): name is FaultName => name in FAULTS);

const urlOf = ({ port }: Relay) => `redis://127.0.0.1:${port}`;

export async function openFaultyFleet(replicas: number): Promise<FaultyFleet> {
  const folder = await mkdtemp(join(tmpdir(), 'faults-'));
  const snapshot = join(folder, 'dump.rdb');
  const redis = await startRedis({
    more: `--dir ${folder} --key-load-delay 1000 --loading-process-events-interval-bytes 1024`.split(' '),
  });
  /** Redis saves nothing later by itself. */
  async function saveData(): Promise<void> {
    const fillers = Array.from({ length: FILLERS }, (_, index) => [`filler:${index}`, 'x']).flat();
    await redis.command('MSET', ...fillers);
    await redis.command('SAVE');
  }
  await saveData();
  const relays = await Promise.all(Array.from({ length: replicas }, () => startRelay(redis.port)));
  const fleet = await openFleet({
    redisUrls: relays.map(urlOf),
    tenant: { latencyMs: 40 },
    env: { UPSTREAM_TIMEOUT_MS: '3000', WRITE_WITHOUT_LOCK: 'allow' },
  });
  const places: Place[] = relays.flatMap((relay, index) => {
    const replica = fleet.replicas[index];
    return replica ? [{ relay, replica }] : [];
  });

  return {
    fleet,
    redis,
    places,
    inject: (name, place) => FAULTS[name]({ redis, snapshot })(place),
    async mend() {
      redis.thaw();
      if (!existsSync(snapshot)) await saveData();
      for (const place of places) {
        place.relay.mend();
        place.replica.thaw();
        if (!place.replica.running()) place.replica = await fleet.join({ REDIS_URL: urlOf(place.relay) });
      }
    },
    async stop() {
      redis.thaw();
      await fleet.stop();
      await Promise.all(relays.map((relay) => relay.stop()));
      await redis.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
