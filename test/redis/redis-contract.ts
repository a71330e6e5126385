/** What the service needs of a Redis, however that is run: each topology, and the least user, runs this suite. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createDpopReplay, type DpopReplay } from '../../src/identity/dpop-replay.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createMemoryLimit, createSharedLimit } from '../../src/redis/rate-limit.ts';
import { createRedisConnection, type RedisConnection } from '../../src/redis/connection.ts';
import type { RedisAddress } from '../../src/redis/session.ts';
import { createLocalBucket } from '../../src/auth0/request-scheduler.ts';
import { createLeaderElection, type Leadership } from '../../src/redis/leader-election.ts';
import { createLocalWriteLock, createRedisWriteLock } from '../../src/redis/write-lock.ts';
import { createSharedBucket } from '../../src/redis/shared-bucket.ts';
import { describeStore } from '../cache/store-contract.ts';
import { until } from '../support/until.ts';
import { startStores } from './redis-stores.ts';

export interface ContractRedis {
  readonly address: RedisAddress;
  stop(): Promise<void>;
}

const LOCK_MS = 1_000;
const BOUND_MS = 1_500;
/** A busy machine must not look like a lost Redis. */
const CONNECTION = { commandTimeoutMs: 1_000, probeIntervalMs: 100 };

/** Two replicas' views of one Redis. */
interface Replicas {
  readonly here: RedisConnection;
  readonly there: RedisConnection;
}

export function describeRedisContract(name: string, start: () => Promise<ContractRedis>): void {
  describe(`the service on ${name}`, () => {
    let server: ContractRedis;
    const opened: RedisConnection[] = [];
    beforeAll(async () => {
      server = await start();
    }, 60_000);
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((connection) => connection.stop()));
    });
    afterAll(() => server.stop());

    /** Connections whose users have begun to use them before they are up. */
    async function open<T>(use: (redis: RedisConnection) => T): Promise<Replicas & { users: [T, T] }> {
      const [here, there] = [
        createRedisConnection({ ...CONNECTION, address: server.address }),
        createRedisConnection({ ...CONNECTION, address: server.address }),
      ];
      const users: [T, T] = [use(here), use(there)];
      for (const redis of [here, there]) {
        opened.push(redis);
        redis.start();
      }
      await Promise.all([here, there].map((redis) => until(() => redis.isHealthy() || undefined)));
      return { here, there, users };
    }

    describeStore(name, ({ maxEntries }) => startStores(server.address, maxEntries, []));

    test('one writer of a user at a time is granted the lock, and each user has one of their own', async () => {
      const { users } = await open((redis) => {
        const local = createLocalWriteLock({ keepMs: LOCK_MS, waitMs: 10_000 });
        return createRedisWriteLock(
          { redis, hashId: (id) => id, random: Math.random, local },
          { lockMs: LOCK_MS, waitMs: 10_000, commandTimeoutMs: 1_000, withoutLock: 'refuse' },
        );
      });
      await Promise.all(users.map((lock) => lock.settled()));
      let inside = 0;
      const seen: number[] = [];
      const people = Array.from({ length: 8 }, () => randomUUID());
      const task = async () => {
        inside += 1;
        seen.push(inside);
        await delay(5);
        inside -= 1;
      };
      const [jane] = people;
      if (jane === undefined) throw new Error('the list of users is empty');
      await Promise.all(
        [...users, ...users, ...users].map((lock) =>
          lock.withLock(jane, async (lockHandle) => lockHandle.refresh().then(task)),
        ),
      );
      expect(seen).toEqual([1, 1, 1, 1, 1, 1]);
      const written = await Promise.all(people.map((id) => users[0].withLock(id, async () => id)));
      expect(written).toEqual(people);
    });

    test('one of two is elected, and the other follows when it stops, with what it has come to', async () => {
      const job = `job-${randomUUID()}`;
      const terms: [Leadership | undefined, Leadership | undefined] = [undefined, undefined];
      const { users } = await open((redis) =>
        createLeaderElection({ redis, random: Math.random }, { name: job, boundMs: BOUND_MS }),
      );
      users.forEach((elector, index) => {
        elector.start(async (term) => {
          terms[index] = term;
          await new Promise((resolve) => {
            term.signal.addEventListener('abort', resolve);
          });
          terms[index] = undefined;
        });
      });
      await until(() => terms.find((term) => term !== undefined));
      const first = terms[0] === undefined ? 1 : 0;
      expect(terms[1 - first]).toBeUndefined();
      await terms[first]?.save('reached');
      await users[first]?.stop();
      const successor = await until(() => terms[1 - first]);
      expect(await successor.load()).toBe('reached');
      await users[1 - first]?.stop();
    });

    test('a budget is spent together, and a block holds on both', async () => {
      const budget = randomUUID();
      const { users } = await open((redis) => {
        const local = createLocalBucket({ clock: systemClock }, { burst: 4, perSecond: 0.001 });
        return createSharedBucket({ redis, local }, { name: budget });
      });
      const waits = [];
      for (const bucket of [...users, ...users]) waits.push(await bucket.take(0));
      expect(waits).toEqual([0, 0, 0, 0]);
      expect(await users[1].take(0)).toBeGreaterThan(0);
      await users[0].sync(0, 30_000);
      expect(await users[1].take(0)).toBeGreaterThan(29_000);
      expect(users[1].estimate()).toBeLessThan(0);
    });

    test('a limit is counted together', async () => {
      const { users } = await open((redis) => {
        const local = createMemoryLimit({ points: 3, windowSeconds: 60 }, { maxKeys: 10 });
        return createSharedLimit({ redis, hashId: (key) => key, local }, { name: 'test' });
      });
      const caller = randomUUID();
      const counts = [];
      for (const limit of [...users, ...users]) counts.push(await limit.count(caller));
      expect(counts.map(({ within, remaining }) => [within, remaining])).toEqual([
        [true, 2],
        [true, 1],
        [true, 0],
        [false, 0],
      ]);
    });

    test('a proof is good once on both together', async () => {
      const { users } = await open((redis) =>
        createDpopReplay(
          { redis, clock: systemClock },
          { rememberMs: 60_000, maxProofs: 100, maxProofsPerUser: 100 },
        ),
      );
      const proofs = Array.from({ length: 8 }, () => randomUUID());
      const use = (replay: DpopReplay) =>
        Promise.all(
          proofs.map((jti) =>
            replay.consumeProof({ jti, jkt: 'key' }, 'auth0|jane').then(
              () => 'good',
              () => 'used',
            ),
          ),
        );
      expect([...(await use(users[0])), ...(await use(users[1]))]).toEqual([
        ...proofs.map(() => 'good'),
        ...proofs.map(() => 'used'),
      ]);
    });
  });
}
