/** Connections to a Redis as the service makes them, with what they tell and hear. */
import { createRedisConnection, type RedisConnection } from '../../src/redis/connection.ts';
import { redisAddress } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { TIMES } from './redis-stores.ts';

export interface OpenConnection {
  readonly redis: RedisConnection;
  /** The reasons told so far. */
  readonly downs: readonly Error[];
  /** What was published on `news`. */
  readonly heard: readonly string[];
}

export interface Connections {
  open(url: string, times?: typeof TIMES): OpenConnection;
  /** Resolves when it is up. */
  openUp(url: string, times?: typeof TIMES): Promise<OpenConnection>;
  stopAll(): Promise<void>;
}

export function createConnections(): Connections {
  const opened: RedisConnection[] = [];

  function open(url: string, times = TIMES): OpenConnection {
    const redis = createRedisConnection({ address: redisAddress(url), ...times });
    opened.push(redis);
    const downs: Error[] = [];
    const heard: string[] = [];
    redis.onDown((reason) => downs.push(reason));
    redis.subscribe('news', (message) => heard.push(message));
    redis.start();
    return { redis, downs, heard };
  }

  return {
    open,
    async openUp(url, times) {
      const connection = open(url, times);
      await until(() => connection.redis.epoch());
      return connection;
    },
    async stopAll() {
      await Promise.all(opened.splice(0).map((connection) => connection.stop()));
    },
  };
}

export interface Outcome {
  readonly value: unknown;
  readonly tookMs: number;
}

/** What a call came to, its error included, and after how long. */
export async function timed(call: () => Promise<unknown>): Promise<Outcome> {
  const startedAt = performance.now();
  const value = await call().catch((error: unknown) => error);
  return { value, tookMs: performance.now() - startedAt };
}
