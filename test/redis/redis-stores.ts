/** Tiers of the cache on a Redis, as replicas have them, without the replicas. */
import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { createRedisStore } from '../../src/cache/redis-store.ts';
import { createEncryption } from '../../src/cache/encryption.ts';
import type { CacheStore, Lease } from '../../src/cache/memory-store.ts';
import { createRedisConnection, type RedisConnection } from '../../src/redis/connection.ts';
import { KEY_GROUPS, createRedisScript, toGroupedKey } from '../../src/redis/script.ts';
import type { RedisAddress } from '../../src/redis/session.ts';
import type { StartedStore, StoredValue } from '../cache/store-contract.ts';
import { redisAddress } from '../support/redis.ts';
import { until } from '../support/until.ts';

export const TIMES = { commandTimeoutMs: 100, probeIntervalMs: 100 };
/** For tests that are not about time: a busy machine must not look like a lost Redis. */
export const PATIENT = { ...TIMES, commandTimeoutMs: 5_000 };

/** Announcements reach a connection in the order in which Redis took them. */
const ANNOUNCE = createRedisScript(`return redis.call('PUBLISH', ARGV[1], ARGV[2])`);

const schema: z.ZodType<StoredValue> = z.object({
  text: z.string(),
  nested: z.object({ list: z.array(z.number()), nothing: z.null() }),
});

export interface OpenTier {
  readonly store: CacheStore<StoredValue>;
  readonly redis: RedisConnection;
  /** Resolves when every announcement that Redis has taken so far was heard here. */
  readonly caughtUp: () => Promise<void>;
}

export interface StoreFamily {
  /** One more replica's view; resolves when it is up. */
  open(options?: {
    readonly keys?: readonly Uint8Array[];
    readonly url?: string | RedisAddress;
  }): Promise<OpenTier>;
  /** Where the value of a key stands in Redis. */
  placeOf(key: string): string;
  stop(): Promise<void>;
}

/** Tiers that share their entries with each other alone. */
export function createStoreFamily(
  server: string | RedisAddress,
  { maxEntries = 100, leaseMs = 3_000 }: { readonly maxEntries?: number; readonly leaseMs?: number } = {},
): StoreFamily {
  const name = `test-${randomUUID()}`;
  const secret = randomBytes(32);
  const connections: RedisConnection[] = [];
  const hashId = (id: string) => `id-${createHmac('sha256', secret).update(id).digest('base64url')}`;

  return {
    async open({ keys = [], url: ownUrl = server } = {}) {
      const redis = createRedisConnection({
        address: typeof ownUrl === 'string' ? redisAddress(ownUrl) : ownUrl,
        ...PATIENT,
      });
      connections.push(redis);
      const store = createRedisStore(
        { redis, encryption: createEncryption(keys), hashId, schema },
        { name, keepMs: 60_000, leaseMs, maxIds: maxEntries },
      );
      const waiting = new Map<string, () => void>();
      redis.subscribe(`metadata-bff:${name}:marker`, (marker) => waiting.get(marker)?.());
      redis.start();
      await until(() => redis.epoch());
      return {
        store,
        redis,
        async caughtUp() {
          // Of a cluster, each node announces for itself.
          await Promise.all(
            KEY_GROUPS.map(async (group) => {
              const marker = randomUUID();
              const heard = new Promise<void>((resolve) => {
                waiting.set(marker, resolve);
              });
              const channel = `metadata-bff:${name}:marker`;
              await redis.run(ANNOUNCE, [`metadata-bff:probe:{${group}}`], [channel, marker]);
              await heard;
            }),
          );
        },
      };
    },
    placeOf: (key) => `metadata-bff:${name}:${toGroupedKey(key)}`,
    async stop() {
      await Promise.all(connections.map((connection) => connection.stop()));
    },
  };
}

/** Two tiers as the contract suite wants them. */
export async function startStores(
  redis: string | RedisAddress,
  maxEntries: number,
  keys: readonly Uint8Array[],
): Promise<StartedStore> {
  const family = createStoreFamily(redis, { maxEntries });
  const [here, there] = await Promise.all([family.open({ keys }), family.open({ keys })]);
  return {
    here: here.store,
    there: there.store,
    async delivered() {
      await Promise.all([here.caughtUp(), there.caughtUp()]);
    },
    stop: () => family.stop(),
  };
}

export function value(text: string): StoredValue {
  return { text, nested: { list: [1], nothing: null } };
}

export async function takeLease(store: CacheStore<StoredValue>, key: string): Promise<Lease> {
  const lease = await store.lease(key, false);
  if (lease === undefined) throw new Error('another holds the lease');
  return lease;
}

export async function fill(store: CacheStore<StoredValue>, key: string, text: string): Promise<void> {
  await store.fill(key, { value: value(text), askedAt: Date.now() }, await takeLease(store, key));
}
