/** Metrics of Redis and of the write lock. Without Redis, only those of the lock exist. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { RedisConnection } from '../redis/connection.ts';
import { RedisRefused, RedisUnavailable } from '../redis/script.ts';
import type { WriteLock } from '../metadata/ports.ts';

export interface RedisMetrics {
  /** Adds the gauge `redis_up`. */
  registerRedis(healthy: () => boolean): void;
  /** Returns a connection that measures its commands. */
  withRedisMetrics(redis: RedisConnection): RedisConnection;
  /** Counts a write that was made without the shared lock. */
  recordUnlockedWrite(): void;
  /** Counts an outage of Redis by its error code. */
  recordUnavailable(reason: Error): void;
  /** Returns a lock that measures the waits for it and counts its failures. */
  withLockMetrics(lock: WriteLock): WriteLock;
}

/** Series that begin at 0, so that `increase()` in an alert sees the first outage. */
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
  // Counters begin at 0, so that `increase()` in an alert sees the first failure.
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

  async function timed<T>(task: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    const observe = (outcome: string) =>
      commands.labels(outcome).observe((performance.now() - startedAt) / 1000);
    try {
      const reply = await task();
      observe('ok');
      return reply;
    } catch (error) {
      observe(classifyFailure(error));
      throw error;
    }
  }

  return {
    registerRedis(healthy) {
      const up: Gauge = new Gauge({
        name: 'metadata_bff_redis_up',
        help: '1 while Redis is connected and takes writes; only with `REDIS_URL`.',
        registers,
        collect: () => up.set(healthy() ? 1 : 0),
      });
    },
    recordUnlockedWrite: () => unlocked.inc(),
    recordUnavailable: (reason) =>
      outages.labels(reason instanceof RedisRefused ? reason.code : 'unreachable').inc(),
    withRedisMetrics: (redis) => ({
      ...redis,
      run: (script, keys, args) => timed(() => redis.run(script, keys, args)),
      runKnown: (script, keys, args) => timed(() => redis.runKnown(script, keys, args)),
      get: (key) => timed(() => redis.get(key)),
    }),
    withLockMetrics: (lock) => ({
      async withLock(userId, task) {
        const startedAt = performance.now();
        let granted = false;
        try {
          return await lock.withLock(userId, (lockHandle) => {
            granted = true;
            waits.observe((performance.now() - startedAt) / 1000);
            return task({
              ...lockHandle,
              refresh: () =>
                lockHandle.refresh().catch((error: unknown) => {
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

function classifyFailure(error: unknown): string {
  if (error instanceof RedisRefused) return 'refused';
  if (!(error instanceof RedisUnavailable) || error.sent) {
    return error instanceof RedisUnavailable && error.timedOut ? 'timeout' : 'failed';
  }
  return 'not_connected';
}
