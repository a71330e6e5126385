/**
 * The store that replicas share in Redis. A lease and a fill are one script each, so that Redis refuses a fill which an
 * invalidation overtook. An invalidation that Redis did not take is pending, and is sent before the connection counts
 * as up again.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { createBoundedMap } from '../lib/bounded-map.ts';
import { z } from 'zod';
import { type Clock, systemClock } from '../lib/clock.ts';
import { parseJsonText } from '../lib/json.ts';
import type { RedisConnection } from '../redis/connection.ts';
import { ACQUIRE_LOCK, parseLockReply, RELEASE_LOCK, RELEASE_LOCK_WITH_LARGE_VALUE } from '../redis/lock.ts';
import { mayBeDone, RedisRefused, createRedisScript, toGroupedKey } from '../redis/script.ts';
import type { Encryption } from './encryption.ts';
import type { CacheEntry, CacheStore, Lease } from './memory-store.ts';

interface Dependencies<V> {
  readonly redis: RedisConnection;
  readonly encryption: Encryption;
  /** Turns an id into the key that stands for it in Redis: a keyed hash. */
  readonly hashId: (id: string) => string;
  /** Measures the age of entries in this process. */
  readonly clock?: Clock;
  /** The time of day at which an entry was made, for other replicas. By default the same clock. */
  readonly wallClock?: Clock;
  /** Checks what Redis returns, like any other input. */
  readonly schema: z.ZodType<V>;
}

export interface RedisStoreOptions {
  /** What is cached: `user` or `client`. */
  readonly name: string;
  /** Redis drops an entry after this time. */
  readonly keepMs: number;
  /** A fetch that takes longer has lost its lease. */
  readonly leaseMs: number;
  /** How many keys of ids are remembered, and how many pending invalidations. */
  readonly maxIds: number;
}

/**
 * KEYS entry, lease. ARGV channel, key and origin; and of a replacement: token, value, lifetime in ms. The holder of the
 * lease cannot fill any more. When a full Redis refuses the replacement, the old entry is deleted all the same.
 */
const INVALIDATE = createRedisScript(`
local succeeds = ARGV[3] and redis.call('GET', KEYS[2]) == ARGV[3]
redis.call('DEL', KEYS[1], KEYS[2])
if succeeds then redis.pcall('SET', KEYS[1], ARGV[4], 'PX', ARGV[5]) end
return redis.call('PUBLISH', ARGV[1], ARGV[2])`);

/** The tenant takes 100 to 300 ms, and one reader of each replica waits: polling costs next to nothing. */
const POLL_MS = 40;
const FLUSH_RETRY_MS = 500;
/** The probe deletes its entry itself; this bounds what an aborted probe leaves behind. */
const PROBE_MS = 10_000;

/** Stands for a lease while Redis cannot give one: the read goes on at once and fills nothing. */
const NO_LEASE = 'none';

const entrySchema = z.object({ value: z.unknown(), askedAt: z.number(), announced: z.boolean().optional() });

export function createRedisStore<V>(
  { redis, encryption, hashId, schema, clock = systemClock, wallClock = clock }: Dependencies<V>,
  { name, keepMs, leaseMs, maxIds }: RedisStoreOptions,
): CacheStore<V> {
  const invalidations = `metadata-bff:${name}:invalidated`;
  const keyById = createBoundedMap<string>(maxIds);
  const listeners: Array<(key: string, isOwn?: boolean) => void> = [];
  /** Tells this process's own announcements from those of others. */
  const origin = randomUUID();
  /** Invalidations that Redis did not take, oldest first. Beyond the bound, the entry in Redis expires by itself. */
  const pendingInvalidations = createBoundedMap<true>(maxIds);

  redis.subscribe(invalidations, (message) => {
    const [key = '', from] = message.split(' ');
    for (const listener of listeners) listener(key, from === origin);
  });
  /** Keys by the tokens of leases that Redis may have granted although no answer came. */
  const pendingReleases = createBoundedMap<string>(maxIds);
  let retry: NodeJS.Timeout | undefined;

  redis.onUp(flushPending);
  const probeId = randomUUID();
  redis.addProbe(async ({ run: probe }, group) => {
    const entry = `metadata-bff:${name}:{${group}}:probe:${probeId}`;
    const lease = `${entry}:lease`;
    const token = randomUUID();
    await probe(ACQUIRE_LOCK, [lease], [token, String(leaseMs), '1']);
    await probe(RELEASE_LOCK_WITH_LARGE_VALUE, [lease, entry], [token, 'probe', String(PROBE_MS)]);
    await probe(RELEASE_LOCK, [lease], [token]);
    await probe(INVALIDATE, [entry, lease], [`metadata-bff:${name}:probe`, group]);
  });

  async function flushPending(): Promise<void> {
    try {
      for (const [token, key] of Array.from(pendingReleases.entries())) {
        await redis.run(RELEASE_LOCK, [toLeaseKey(key)], [token]);
        pendingReleases.delete(token);
      }
      for (const key of Array.from(pendingInvalidations.rkeys())) {
        await sendInvalidation(key);
        pendingInvalidations.delete(key);
      }
    } catch (error) {
      if (!(error instanceof RedisRefused)) throw error;
      flushLater();
    }
  }

  function addPendingRelease(key: string, lease: Lease): void {
    pendingReleases.set(String(lease), key);
  }

  /** For a Redis that answers and takes no writes. After an outage, the connection's return flushes. */
  function flushLater(): void {
    retry ??= setTimeout(() => {
      retry = undefined;
      flushPending().catch(() => undefined);
    }, FLUSH_RETRY_MS).unref();
  }

  function toRedisKey(key: string): string {
    return `metadata-bff:${name}:${toGroupedKey(key)}`;
  }

  function toLeaseKey(key: string): string {
    return `${toRedisKey(key)}:lease`;
  }

  function sendInvalidation(key: string, ...args: readonly string[]) {
    const keys = [toRedisKey(key), toLeaseKey(key)];
    return redis.run(INVALIDATE, keys, [invalidations, `${key} ${origin}`, ...args]);
  }

  /** The difference between this process's clock and the time of day. */
  function getOffsetMs(): number {
    return clock === wallClock ? 0 : clock.now() - wallClock.now();
  }

  /** The entry as it is stored in Redis. */
  function encryptEntry(key: string, entry: CacheEntry<V>): string {
    const askedAt = Math.round(entry.askedAt - getOffsetMs());
    return encryption.encrypt(JSON.stringify({ ...entry, askedAt }), toRedisKey(key));
  }

  return {
    toKey(id) {
      const known = keyById.get(id);
      if (known !== undefined) return known;
      const key = hashId(id);
      keyById.set(id, key);
      return key;
    },
    async read(key) {
      // Redis may still have an old entry of a key whose invalidation is pending.
      if (pendingInvalidations.has(key)) return undefined;
      const encrypted = await redis.get(toRedisKey(key)).catch(() => undefined);
      const text = encrypted === undefined ? undefined : encryption.decrypt(encrypted, toRedisKey(key));
      const entry = text === undefined ? undefined : parseJsonText(text, entrySchema);
      const value = schema.safeParse(entry?.value);
      if (!entry || !value.success) return undefined;
      return { ...entry, askedAt: entry.askedAt + getOffsetMs(), value: value.data };
    },
    async lease(key, force) {
      const token = randomUUID();
      const args = [token, String(leaseMs), force ? '1' : '0'];
      try {
        const reply = await redis.run(ACQUIRE_LOCK, [toLeaseKey(key)], args);
        return parseLockReply(reply).granted ? token : undefined;
      } catch (error) {
        if (mayBeDone(error)) addPendingRelease(key, token);
        return NO_LEASE;
      }
    },
    async fill(key, entry, lease) {
      if (lease === NO_LEASE) return;
      const args = [String(lease), encryptEntry(key, entry), String(keepMs)];
      // Without the fill, the next reader asks the tenant again. This read still succeeds.
      await redis
        .run(RELEASE_LOCK_WITH_LARGE_VALUE, [toLeaseKey(key), toRedisKey(key)], args)
        .catch(() => addPendingRelease(key, lease));
    },
    async release(key, lease) {
      if (lease === NO_LEASE) return;
      await redis
        .run(RELEASE_LOCK, [toLeaseKey(key)], [String(lease)])
        .catch(() => addPendingRelease(key, lease));
    },
    waitForLease: () => delay(POLL_MS),
    async invalidate(key, replacement) {
      const { entry, lease = NO_LEASE } = replacement ?? {};
      const succession =
        entry && lease !== NO_LEASE ? [String(lease), encryptEntry(key, entry), String(keepMs)] : [];
      try {
        await sendInvalidation(key, ...succession);
        pendingInvalidations.delete(key);
      } catch (error) {
        pendingInvalidations.set(key, true);
        if (error instanceof RedisRefused) flushLater();
        // Other replicas learn of it when it is flushed; this process does now.
        for (const listener of listeners) listener(key, true);
      }
    },
    onInvalidation(listener) {
      listeners.push(listener);
    },
    epoch: () => redis.epoch(),
  };
}
