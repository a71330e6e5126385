/**
 * A checker: replicas write one user at the same time while something fails, and the history of all writes is compared
 * with what the tenant holds in the end. No accepted write is lost, and no refused one is applied, whatever fails.
 *
 * `CHAOS_SEED` repeats a run, `CHAOS_SECONDS` makes it longer.
 */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createRandom } from '../support/random.ts';
import { type Fleet, openFleet } from '../redis/fleet.ts';
import { type Relay, startRelay } from '../redis/relay.ts';
import { describeWithRedisServer, type RedisServer, startRedis } from '../support/redis.ts';
import type { Replica } from '../support/replica.ts';
import { until } from '../support/until.ts';
import { startWriters } from './histories.ts';

const SEED = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);
const SECONDS = Number(process.env['CHAOS_SECONDS'] ?? 110);
const REPLICAS = 3;
/** A replica whose last request to the tenant failed says `degraded` for a minute, unless another request succeeds. */
const PATIENCE_MS = 120_000;
/** So many keys take so long to be loaded at 1 ms each: Redis answers LOADING meanwhile. */
const FILLERS = 1_500;

interface Place {
  readonly relay: Relay;
  replica: Replica;
}

describeWithRedisServer(`writes under faults (CHAOS_SEED=${SEED})`, () => {
  const source = createRandom(SEED);
  const random = () => source.next();
  const pick = <T>(items: readonly T[]): T => {
    const item = items[Math.floor(random() * items.length)];
    if (item === undefined) throw new Error('there is nothing to pick');
    return item;
  };
  let redis: RedisServer;
  let fleet: Fleet;
  const places: Place[] = [];

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'history-'));
    redis = await startRedis({
      more: `--dir ${folder} --key-load-delay 1000 --loading-process-events-interval-bytes 1024`.split(' '),
    });
    const fillers = Array.from({ length: FILLERS }, (_, index) => [`filler:${index}`, 'x']).flat();
    await redis.command('MSET', ...fillers);
    await redis.command('SAVE');
    const relays = await Promise.all(Array.from({ length: REPLICAS }, () => startRelay(redis.port)));
    fleet = await openFleet({
      redisUrls: relays.map(({ port }) => `redis://127.0.0.1:${port}`),
      tenant: { latencyMs: 40 },
      env: { UPSTREAM_TIMEOUT_MS: '3000', WRITE_WITHOUT_LOCK: 'allow' },
    });
    relays.forEach((relay, index) => {
      const replica = fleet.replicas[index];
      if (replica) places.push({ relay, replica });
    });
  }, 120_000);
  afterAll(async () => {
    redis.thaw();
    await fleet.stop();
    await Promise.all(places.map(({ relay }) => relay.stop()));
    await redis.stop();
  });

  const stallRedis = (ms: number) => async () => {
    redis.freeze();
    await delay(ms);
    redis.thaw();
  };
  const stallOne = (ms: number) => async (place: Place) => {
    place.relay.slowDown(ms);
    await delay(ms);
    place.relay.mend();
  };
  const freezeOne = (ms: number) => async (place: Place) => {
    place.replica.freeze();
    await delay(ms);
    place.replica.thaw();
  };

  /** Each shorter than the time after which writes go without the lock, which is when some may be lost. */
  const faults: Readonly<Record<string, (place: Place) => Promise<void>>> = {
    nothing: () => delay(500),
    'Redis stalls for 220 ms': stallRedis(220),
    'Redis stalls for 1 s': stallRedis(1_000),
    'Redis stalls for 2.5 s': stallRedis(2_500),
    'Redis stalls for one replica for 220 ms': stallOne(220),
    'Redis stalls for one replica for 1 s': stallOne(1_000),
    async 'Redis is 70 ms away'(place) {
      place.relay.slowDown(35);
      await delay(1_500);
      place.relay.mend();
    },
    async 'Redis is 200 ms away'(place) {
      place.relay.slowDown(100);
      await delay(2_000);
      place.relay.mend();
    },
    'a replica is frozen for 3.5 s': freezeOne(3_500),
    'a replica is frozen for longer than the bound': freezeOne(5_500),
    async 'connections are killed'() {
      for (let times = 0; times < 4; times += 1) {
        await redis.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
        await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
        await delay(250);
      }
    },
    async 'one replica is cut off for 2 s'(place) {
      place.relay.cut();
      await delay(2_000);
      place.relay.mend();
    },
    async 'a connection falls silent'(place) {
      place.relay.goDeaf();
      await delay(2_000);
    },
    async 'Redis is emptied'() {
      await redis.command('FLUSHALL');
      await delay(1_000);
    },
    async 'scripts are forgotten'() {
      await redis.command('SCRIPT', 'FLUSH');
      await delay(500);
    },
    async 'Redis restarts with old data, and loads it for 1.5 s'() {
      await redis.kill();
      await redis.restart();
    },
    async 'Redis is full'() {
      await redis.command('CONFIG', 'SET', 'maxmemory', '100kb');
      await delay(1_000);
      await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    },
    async 'Redis is read-only'() {
      await redis.command('REPLICAOF', '127.0.0.1', '1');
      await delay(1_500);
      await redis.command('REPLICAOF', 'NO', 'ONE');
    },
    async 'a replica is killed'(place) {
      await place.replica.kill();
      await delay(500);
    },
  };

  async function round(name: string, fault: (place: Place) => Promise<void>) {
    const writers = await startWriters(
      fleet,
      places.map(({ replica }) => replica),
    );
    await delay(random() * 400);
    await fault(pick(places));
    await delay(300 + random() * 700);
    const { summary, lost, odd } = await writers.stop();
    process.stderr.write(`${name}: ${summary}\n`);
    return { name, lost, odd };
  }

  async function heal(): Promise<void> {
    redis.thaw();
    for (const place of places) {
      place.relay.mend();
      place.replica.thaw();
      if (!place.replica.running()) {
        place.replica = await fleet.join({ REDIS_URL: `redis://127.0.0.1:${place.relay.port}` });
      }
    }
    await until(
      async () =>
        (
          await Promise.all(places.map(async ({ replica }) => (await replica.health()).status === 'ready'))
        ).every(Boolean) || undefined,
      Date.now() + PATIENCE_MS,
    );
  }

  test(
    'no accepted write is lost, and no refused one is applied',
    async () => {
      const endsAt = performance.now() + SECONDS * 1000;
      const names = Object.keys(faults);
      const failed: unknown[] = [];
      for (let rounds = 0; performance.now() < endsAt || rounds < names.length; rounds += 1) {
        // Each fault once, then whichever comes.
        const name = names[rounds] ?? pick(names);
        const { lost, odd } = await round(name, faults[name] ?? (() => delay(0)));
        if (lost.length + odd.length > 0) failed.push({ seed: SEED, name, lost, odd });
        await heal();
      }
      expect(failed).toEqual([]);
      const unlocked = places.flatMap(({ replica }) =>
        replica.lines.filter((line) => line.includes('writes_without_lock')),
      );
      expect(unlocked).toEqual([]);
    },
    SECONDS * 1000 + 300_000,
  );
});
