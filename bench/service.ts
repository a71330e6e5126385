/** The service without its HTTP edge, put together from the parts that ship. */
import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { Environment } from '../config/environment.ts';
import { type Config, loadConfig } from '../config/load.ts';
import { createMetadataCache } from '../src/cache/metadata-cache.ts';
import type { CacheStore } from '../src/cache/memory-store.ts';
import { composeSharedStores } from '../src/composition/shared-stores.ts';
import { type Clock, systemClock } from '../src/lib/clock.ts';
import { createAccess } from '../src/metadata/policy.ts';
import type { Profile, Subject, UserDirectory, WriteLock } from '../src/metadata/ports.ts';
import { createSchemaRules } from '../src/metadata/schema-rules.ts';
import { createMetadataService, type MetadataService } from '../src/metadata/service.ts';
import { MAX_PROFILES } from '../src/composition/constants.ts';
import { until } from '../test/support/until.ts';
import { POLICY_FILE } from './process.ts';

/** What has no default. Rate limits are on, because they are part of what a request costs, and out of reach. */
export const REQUIRED = {
  POLICY_FILE,
  AUDIENCE: 'https://metadata-bff.local',
  AUTH0_DOMAIN: 'tenant.example',
  AUTH0_CLIENT_ID: 'local-bff',
  AUTH0_CLIENT_SECRET: 'local-secret',
  USER_READS_PER_MINUTE: '1000000',
  USER_WRITES_PER_MINUTE: '1000000',
};

export function defaultConfig(changes: Environment = {}): Config {
  return loadConfig({ ...REQUIRED, ...changes }, (path) => readFileSync(path, 'utf8'));
}

interface Parts {
  readonly directory: UserDirectory;
  readonly clock: Clock;
  readonly store: CacheStore<Profile>;
  readonly lock: WriteLock;
  readonly pause: () => Promise<void>;
}

/** The cache, and the service over it. */
export function createCachedService(config: Config, { directory, clock, store, lock, pause }: Parts) {
  const { policy } = config;
  const cache = createMetadataCache(
    { store, load: (id, call) => directory.read(id, call), clock },
    {
      ttlSeconds: config.cacheTtlSeconds,
      staleSeconds: config.cacheStaleSeconds,
      staleIfErrorSeconds: config.cacheStaleIfErrorSeconds,
      maxEntries: MAX_PROFILES,
    },
  );
  const service = createMetadataService(
    { directory, cache, lock, clock, pause },
    {
      limits: {
        maxBytes: config.maxMetadataBytes,
        maxKeys: policy.limits.keys,
        maxDepth: policy.limits.depth,
      },
      deadlineMs: config.upstreamWaitMs + config.upstreamTimeoutMs,
      schema: createSchemaRules(policy.userMetadata.schema),
      getAccess: createAccess(policy),
      appMetadataReadable: new Set(policy.appMetadata.readable),
      claims: policy.claims,
      erasesWriteOnce: policy.erasure.writeOnce,
      timeOfDay: clock,
    },
  );
  return { service, cache };
}

/** A user in person, with the general scopes. */
export function toSubject(userId: string): Subject {
  const scopes = new Set(['read:metadata', 'update:metadata']);
  return { userId, clientId: undefined, scopes, actor: undefined, mappedClaims: {} };
}

export interface Replica {
  readonly service: MetadataService;
  /** Resolves when Redis is up, if there is one: a stall of this machine can look like an outage of it. */
  readonly ready: () => Promise<void>;
  stop(): Promise<void>;
}

/** @param environment such as a `REDIS_URL`, with which this resolves when Redis is there. */
export async function startReplica(
  directory: UserDirectory,
  environment: Environment = {},
): Promise<Replica> {
  const config = defaultConfig(environment);
  const sharing = await composeSharedStores(config);
  const { users: store, lock, redis } = sharing;
  const parts = { directory, clock: systemClock, store, lock, pause: () => setImmediate() };
  const { service } = createCachedService(config, parts);
  await sharing.start();
  const ready = async () => void (redis && (await until(() => redis.epoch())));
  await ready();
  return { service, ready, stop: async () => redis?.stop() };
}

/** What a small app keeps about its user, and a note that fills it up to the size. */
export function profileDocument(bytes: number, index = 0) {
  const fields = {
    display_name: `User number ${index}`,
    theme: 'dark',
    birthday: '1990-05-17',
    notifications: { email: true, push: false, digest: { frequency: 'weekly', day: 'monday' } },
    interests: ['hiking', 'chess', 'opera'],
    note: '',
  };
  return { ...fields, note: 'x'.repeat(bytes - JSON.stringify(fields).length) };
}
