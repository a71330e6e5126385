/** Metrics of Redis and of what replicas share over it. Without Redis, of the lock alone. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { RedisConnection } from '../redis/connection.ts';
import { RedisRefused, RedisUnavailable } from '../redis/script.ts';
import type { WriteLock } from '../metadata/ports.ts';
import { children } from './metric-children.ts';

export interface RedisMetrics {
  /** Begins to tell whether Redis serves. */
  watchRedis(healthy: () => boolean): void;
  /** The same connection, timing its commands. */
  countingRedis(redis: RedisConnection): RedisConnection;
  /** A write goes without the shared lock. */
  unlockedWrite(): void;
  /** Redis does not serve, or refuses something it is needed for. */
  unavailable(reason: Error): void;
  /** The same lock, timing the waits for it. */
  countingLock(lock: WriteLock): WriteLock;
}

/** Those that are known from the beginning, so that the first of them is an increase. */
const OUTAGE_CODES = [
  'unreachable',
  'READONLY',
  'NOPERM',
  'WRONGPASS',
  'NOAUTH',
  'OOM',
  'MISCONF',
  'LOADING',
  'CLUSTERDOWN',
  'CROSSSLOT',
  'MOVED',
];

export function createRedisMetrics(registers: Registry[]): RedisMetrics {
  const commands = new Histogram({
    name: 'metadata_bff_redis_command_duration_seconds',
    help: 'Duration of commands to Redis, by outcome (ok, timeout, failed, refused by Redis, or not_connected).',
    labelNames: ['outcome'],
    buckets: [0.000_5, 0.001, 0.005, 0.02, 0.1, 0.5],
    registers,
  });
  const waits = new Histogram({
    name: 'metadata_bff_write_lock_wait_seconds',
    help: 'Time that writes wait for the write lock of their user.',
    buckets: [0.001, 0.005, 0.02, 0.1, 0.3, 1, 3, 6],
    registers,
  });
  const failures = new Counter({
    name: 'metadata_bff_write_lock_failures_total',
    help: 'Write locks that were not granted in time (not_granted) or lost before the write (lost).',
    labelNames: ['reason'],
    registers,
  });
  // So that a first failure is an increase, and not a series out of nowhere.
  const notGranted = failures.labels('not_granted');
  notGranted.inc(0);
  const lost = failures.labels('lost');
  lost.inc(0);
  const unlocked = new Counter({
    name: 'metadata_bff_unlocked_writes_total',
    help: 'Writes made without the shared lock, because Redis answered nothing for longer than a lock lasts.',
    registers,
  });
  const outages = new Counter({
    name: 'metadata_bff_redis_unavailable_total',
    help: 'Outages of Redis, by its error code, or `unreachable`.',
    labelNames: ['code'],
    registers,
  });
  for (const code of OUTAGE_CODES) outages.labels(code).inc(0);
  const command = children((outcome: string) => commands.labels(outcome));

  async function timed<T>(task: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    const observe = (outcome: string) => command(outcome).observe((performance.now() - startedAt) / 1000);
    try {
      const reply = await task();
      observe('ok');
      return reply;
    } catch (error) {
      observe(outcomeOf(error));
      throw error;
    }
  }

  return {
    watchRedis(healthy) {
      const up: Gauge = new Gauge({
        name: 'metadata_bff_redis_up',
        help: '1 while Redis is connected and takes writes; only with `REDIS_URL`.',
        registers,
        collect: () => up.set(healthy() ? 1 : 0),
      });
    },
    unlockedWrite: () => unlocked.inc(),
    unavailable: (reason) =>
      outages.labels(reason instanceof RedisRefused ? reason.code : 'unreachable').inc(),
    countingRedis: (redis) => ({
      ...redis,
      run: (script, keys, args) => timed(() => redis.run(script, keys, args)),
      runKnown: (script, keys, args) => timed(() => redis.runKnown(script, keys, args)),
      get: (key) => timed(() => redis.get(key)),
    }),
    countingLock: (lock) => ({
      async withLock(userId, task) {
        const startedAt = performance.now();
        let granted = false;
        try {
          return await lock.withLock(userId, (grip) => {
            granted = true;
            waits.observe((performance.now() - startedAt) / 1000);
            return task({
              ...grip,
              refresh: () =>
                grip.refresh().catch((error: unknown) => {
                  lost.inc();
                  throw error;
                }),
            });
          });
        } catch (error) {
          if (!granted) notGranted.inc();
          throw error;
        }
      },
    }),
  };
}

function outcomeOf(error: unknown): string {
  if (error instanceof RedisRefused) return 'refused';
  if (!(error instanceof RedisUnavailable) || error.sent) {
    return error instanceof RedisUnavailable && error.timedOut ? 'timeout' : 'failed';
  }
  return 'not_connected';
}
