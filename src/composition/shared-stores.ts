/**
 * The part of the composition that depends on whether replicas share a Redis: the cache tiers, the write
 * lock, and the connection behind both. Without one, the same ports are served from this process.
 */
import { z } from 'zod';
import type { Config } from '../../config/load.ts';
import { type CacheStore, createMemoryStore } from '../cache/memory-store.ts';
import { createRedisStore } from '../cache/redis-store.ts';
import { createEncryption } from '../cache/encryption.ts';
import { type Clock, systemClock, toMonotonic } from '../lib/clock.ts';
import { isJsonObject, type JsonObject } from '../lib/json.ts';
import type { RedisConnection } from '../redis/connection.ts';
import type { Profile, WriteLock } from '../metadata/ports.ts';
import { createIdHash } from '../observability/audit.ts';
import type { Bucket, LocalBucket } from '../auth0/request-scheduler.ts';
import { type EvictionPolicy, watchEvictionPolicy } from '../redis/eviction-policy.ts';
import { createSharedBucket } from '../redis/shared-bucket.ts';
import { createLocalWriteLock, createRedisWriteLock } from '../redis/write-lock.ts';
import { MAX_CLIENTS, EVICTION, LEASE_MS, MAX_PROFILES, REDIS, WRITE_LOCK } from './constants.ts';

export interface SharedStores {
  readonly users: CacheStore<Profile>;
  readonly clients: CacheStore<JsonObject>;
  readonly lock: WriteLock;
  /** Makes the bucket that replicas share; undefined without Redis. */
  readonly shareBucket: ((name: string, local: LocalBucket) => Bucket) | undefined;
  /** Undefined without Redis. */
  readonly redis: RedisConnection | undefined;
  /** Whether all that is shared works; also without Redis. */
  isHealthy(): boolean;
  /** Turns an id into the keyed hash that Redis holds instead of it. */
  readonly hashId: (id: string) => string;
  /**
   * Connects to Redis in the background. Resolves at once where that does not succeed, and where Redis holds nothing
   * yet, when it grants write locks: who asks sooner would be refused.
   */
  start(): Promise<void>;
}

const document = z.custom<JsonObject>(isJsonObject);
const profileSchema: z.ZodType<Profile> = z.object({
  userMetadata: document,
  isUnreadable: z
    .literal(true)
    .optional()
    .transform((value) => value),
  appMetadata: document,
  updatedAt: z
    .string()
    .optional()
    .transform((value) => value),
});

/** Receives what log and metrics say about Redis. */
export interface RedisObserver {
  /** The connection as the parts are to use it. */
  readonly connection?: (redis: RedisConnection) => RedisConnection;
  /** A write goes without the shared lock. */
  readonly unlocked?: () => void;
  /** Redis may not know who holds a write lock, so that it grants none before this time is over. */
  readonly paused?: (waitMs: number) => void;
  /** Redis may evict a write lock. */
  readonly evictsLocks?: (policy: EvictionPolicy) => void;
}

export async function composeSharedStores(
  config: Config,
  clock: Clock = systemClock,
  observer: RedisObserver = {},
): Promise<SharedStores> {
  const hashId = createIdHashFor(config, 'ids');
  const local = createLocalWriteLock({ keepMs: WRITE_LOCK.lockMs, waitMs: config.upstreamWaitMs });
  const { redisAddress: address, redisTimeoutMs: commandTimeoutMs } = config;
  if (address === undefined) {
    return {
      users: createMemoryStore({ maxEntries: MAX_PROFILES }),
      clients: createMemoryStore({ maxEntries: MAX_CLIENTS }),
      lock: local,
      shareBucket: undefined,
      redis: undefined,
      isHealthy: () => true,
      hashId,
      start: async () => undefined,
    };
  }
  // Loaded only with Redis: its client takes a tenth of the start.
  const { createRedisConnection } = await import('../redis/connection.ts');
  const connection = createRedisConnection({ ...REDIS, address, commandTimeoutMs });
  const redis = observer.connection?.(connection) ?? connection;
  // Replicas tell each other times of day; what each of them counts is not changed by a correction of those.
  const clocks = { clock: toMonotonic(clock), wallClock: clock };
  const encryption = createEncryption(config.cacheEncryptionKeys);
  const longestStaleSeconds = Math.max(config.cacheStaleSeconds, config.cacheStaleIfErrorSeconds);
  const keepMs = (ttlSeconds: number) => Math.max(1, ttlSeconds + longestStaleSeconds) * 1000;
  const lock = createRedisWriteLock(
    { redis, hashId, random: Math.random, local, onUnlocked: observer.unlocked, onPaused: observer.paused },
    { ...WRITE_LOCK, waitMs: config.upstreamWaitMs, commandTimeoutMs, withoutLock: config.writeWithoutLock },
  );
  const eviction = watchEvictionPolicy(
    { redis, onUnsafe: (policy) => observer.evictsLocks?.(policy) },
    { ...EVICTION, isCluster: address.topology === 'cluster' },
  );
  return {
    users: createRedisStore(
      { redis, encryption: encryption, hashId, schema: profileSchema, ...clocks },
      { name: 'user', keepMs: keepMs(config.cacheTtlSeconds), leaseMs: LEASE_MS, maxIds: MAX_PROFILES },
    ),
    clients: createRedisStore(
      { redis, encryption: encryption, hashId, schema: document, ...clocks },
      {
        name: 'client',
        keepMs: keepMs(config.cacheClientTtlSeconds),
        leaseMs: LEASE_MS,
        maxIds: MAX_CLIENTS,
      },
    ),
    lock,
    shareBucket: (name, bucket) =>
      createSharedBucket({ redis, local: bucket }, { name: `${hashId('budget')}:${name}` }),
    redis,
    isHealthy: () => redis.isHealthy() && !lock.isPaused() && eviction.isSafe(),
    hashId,
    async start() {
      redis.start();
      await lock.settled();
    },
  };
}

/** The hash that stands for ids in Redis, or in the audit and the log. It differs by tenant and purpose. */
export function createIdHashFor(
  { cacheHashKey, credentials, tenantUrl }: Config,
  purpose: 'ids' | 'audit',
): (id: string) => string {
  const secret = cacheHashKey ?? (credentials.kind === 'secret' ? credentials.secret : credentials.pem);
  return createIdHash(secret, `metadata-bff ${purpose} of ${tenantUrl}`);
}
