/**
 * The tier that replicas share. A lease and a fill are one step each in Redis, so that a fill which an
 * invalidation overtook is refused. An invalidation that Redis could not take is owed, and paid before
 * the connection counts as up again.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { boundedMap } from '../lib/bounded-map.ts';
import { z } from 'zod';
import { type Clock, systemClock } from '../lib/clock.ts';
import { parseJsonText } from '../lib/json.ts';
import type { RedisConnection } from '../redis/connection.ts';
import {
  mayBeDone,
  RedisRefused,
  type RedisScript,
  redisScript,
  smallRedisScript,
  toGroupedKey,
} from '../redis/script.ts';
import { RELEASE_LOCK } from '../redis/lock.ts';
import type { Seal } from './encryption.ts';
import type { CacheEntry, CacheTier, Lease } from './memory-store.ts';

interface Dependencies<V> {
  readonly redis: RedisConnection;
  readonly seal: Seal;
  /** From an id to what may stand in Redis in its place: a keyed hash. */
  readonly hide: (id: string) => string;
  /** By which the entries of this process age. */
  readonly clock?: Clock;
  /** By which replicas tell each other when an entry was made. By default the same. */
  readonly wallClock?: Clock;
  /** What Redis returns crossed a border, and is checked like any other input. */
  readonly schema: z.ZodType<V>;
}

export interface RedisTierOptions {
  /** Keeps apart what is cached: `user`, `client`. */
  readonly name: string;
  /** Redis drops an entry after this time. */
  readonly keepMs: number;
  /** A fetch that takes longer has lost its lease. */
  readonly leaseMs: number;
  /** Ids whose hidden form is remembered, and invalidations owed while Redis is down. */
  readonly idsMax: number;
}

/** KEYS entry, lease. ARGV token, lease in ms, whether to take it from its holder. */
const LEASE = smallRedisScript(`
if ARGV[3] == '1' then redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2]) return 1 end
if redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2], 'NX') then return 1 end
return 0`);

/** KEYS entry, lease. ARGV token, value, lifetime in ms. */
const FILL = redisScript(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return redis.call('DEL', KEYS[2])`);

/**
 * KEYS entry, lease. ARGV channel, key and origin; and of a successor: token, value, lifetime in ms. Whoever holds the lease
 * cannot fill with it any more. A successor that a full Redis does not take must not keep the old entry there.
 */
const INVALIDATE = redisScript(`
local succeeds = ARGV[3] and redis.call('GET', KEYS[2]) == ARGV[3]
redis.call('DEL', KEYS[1], KEYS[2])
if succeeds then redis.pcall('SET', KEYS[1], ARGV[4], 'PX', ARGV[5]) end
return redis.call('PUBLISH', ARGV[1], ARGV[2])`);

/** The tenant takes 100 to 300 ms, and one reader a replica waits: asking now and then costs next to nothing. */
const POLL_MS = 40;
const DEBT_RETRY_MS = 500;
/** A probe deletes its entry itself. */
const PROBE_MS = 10_000;

/** Stands for a lease while Redis cannot give one: nobody is waited for, and nothing will be filled. */
const NO_LEASE = 'none';

const entrySchema = z.object({ value: z.unknown(), askedAt: z.number(), announced: z.boolean().optional() });

export function createRedisTier<V>(
  { redis, seal, hide, schema, clock = systemClock, wallClock = clock }: Dependencies<V>,
  { name, keepMs, leaseMs, idsMax }: RedisTierOptions,
): CacheTier<V> {
  const invalidations = `metadata-bff:${name}:invalidated`;
  const hidden = boundedMap<string>(idsMax);
  const listeners: Array<(key: string, isOwn?: boolean) => void> = [];
  /** Tells announcements of this process from those of others. */
  const origin = randomUUID();
  /** Oldest first. Beyond the bound an entry in Redis ends by its own time only. */
  const owed = boundedMap<true>(idsMax);

  redis.subscribe(invalidations, (message) => {
    const [key = '', from] = message.split(' ');
    for (const listener of listeners) listener(key, from === origin);
  });
  /** Leases by token that Redis may hold for nobody, which would keep others waiting. */
  const unheard = boundedMap<string>(idsMax);
  let retry: NodeJS.Timeout | undefined;

  redis.onUp(payDebts);
  const probeId = randomUUID();
  redis.addProbe(async ({ run: probe }, group) => {
    const place = `metadata-bff:${name}:{${group}}:probe:${probeId}`;
    const keys = [place, `${place}:lease`];
    const token = randomUUID();
    await probe(LEASE, keys, [token, String(leaseMs), '1']);
    await probe(FILL, keys, [token, 'probe', String(PROBE_MS)]);
    await probe(RELEASE_LOCK, keys.slice(1), [token]);
    await probe(INVALIDATE, keys, [`metadata-bff:${name}:probe`, group]);
  });

  async function payDebts(): Promise<void> {
    try {
      for (const [token, key] of Array.from(unheard.entries())) {
        await redis.run(RELEASE_LOCK, [leaseOf(key)], [token]);
        unheard.delete(token);
      }
      for (const key of Array.from(owed.rkeys())) {
        await run(INVALIDATE, key, invalidations, `${key} ${origin}`);
        owed.delete(key);
      }
    } catch (error) {
      if (!(error instanceof RedisRefused)) throw error;
      payLater();
    }
  }

  function oweRelease(key: string, lease: Lease): void {
    unheard.set(String(lease), key);
  }

  /** For a Redis that is there and takes no writes; one that is not there is paid when it comes back. */
  function payLater(): void {
    retry ??= setTimeout(() => {
      retry = undefined;
      payDebts().catch(() => undefined);
    }, DEBT_RETRY_MS).unref();
  }

  function placeOf(key: string): string {
    return `metadata-bff:${name}:${toGroupedKey(key)}`;
  }

  function leaseOf(key: string): string {
    return `${placeOf(key)}:lease`;
  }

  function run(script: RedisScript, key: string, ...args: readonly string[]) {
    return redis.run(script, [placeOf(key), leaseOf(key)], args);
  }

  /** What has to be added to a time of day for a time of the process's own clock. */
  function offsetMs(): number {
    return clock === wallClock ? 0 : clock.now() - wallClock.now();
  }

  /** As Redis holds it. */
  function sealedText(key: string, entry: CacheEntry<V>): string {
    const askedAt = Math.round(entry.askedAt - offsetMs());
    return seal.seal(JSON.stringify({ ...entry, askedAt }), placeOf(key));
  }

  return {
    keyOf(id) {
      const known = hidden.get(id);
      if (known !== undefined) return known;
      const key = hide(id);
      hidden.set(id, key);
      return key;
    },
    async read(key) {
      // What Redis still holds of a key that it would not drop is known to be old.
      if (owed.has(key)) return undefined;
      const sealed = await redis.get(placeOf(key)).catch(() => undefined);
      const text = sealed === undefined ? undefined : seal.open(sealed, placeOf(key));
      const entry = text === undefined ? undefined : parseJsonText(text, entrySchema);
      const value = schema.safeParse(entry?.value);
      if (!entry || !value.success) return undefined;
      return { ...entry, askedAt: entry.askedAt + offsetMs(), value: value.data };
    },
    async lease(key, force) {
      const token = randomUUID();
      const args = [token, String(leaseMs), force ? '1' : '0'];
      const granted = await run(LEASE, key, ...args).catch((error: unknown) => {
        if (mayBeDone(error)) oweRelease(key, token);
        return NO_LEASE;
      });
      if (granted === NO_LEASE) return NO_LEASE;
      return granted === 1 ? token : undefined;
    },
    async fill(key, entry, lease) {
      if (lease === NO_LEASE) return;
      const args = [String(lease), sealedText(key, entry), String(keepMs)];
      // Without the fill the next reader asks the tenant again, which is no reason to fail this one.
      await run(FILL, key, ...args).catch(() => oweRelease(key, lease));
    },
    async release(key, lease) {
      if (lease === NO_LEASE) return;
      await redis.run(RELEASE_LOCK, [leaseOf(key)], [String(lease)]).catch(() => oweRelease(key, lease));
    },
    settled: () => delay(POLL_MS),
    async invalidate(key, successor) {
      const { entry, lease = NO_LEASE } = successor ?? {};
      const succession =
        entry && lease !== NO_LEASE ? [String(lease), sealedText(key, entry), String(keepMs)] : [];
      try {
        await run(INVALIDATE, key, invalidations, `${key} ${origin}`, ...succession);
        owed.delete(key);
      } catch (error) {
        owed.set(key, true);
        if (error instanceof RedisRefused) payLater();
        // The others hear of it when it is paid; this process need not wait.
        for (const listener of listeners) listener(key, true);
      }
    },
    onInvalidation(listener) {
      listeners.push(listener);
    },
    era: () => redis.era(),
  };
}
