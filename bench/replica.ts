/** One process of the service without its HTTP edge, with the tiers that the composition gives it. */
import { setImmediate, setTimeout as delay } from 'node:timers/promises';
import type { Environment } from '../config/environment.ts';
import { createMetadataCache } from '../src/cache/metadata-cache.ts';
import { composeSharing, type Sharing } from '../src/composition/shared-stores.ts';
import { systemClock } from '../src/lib/clock.ts';
import { createViews } from '../src/metadata/policy.ts';
import type { UserDirectory } from '../src/metadata/ports.ts';
import { createSchemaRules } from '../src/metadata/schema-rules.ts';
import { createMetadataService, type MetadataService } from '../src/metadata/service.ts';
import { PROFILES_MAX } from '../src/composition/constants.ts';
import { defaultConfig, documentLimits } from './configuration.ts';

export interface Replica {
  readonly service: MetadataService;
  /** Undefined without Redis. */
  readonly redis: Sharing['redis'];
  /** Resolves when Redis is up, if there is one: a stall of this machine can look like an outage of it. */
  readonly ready: () => Promise<void>;
  stop(): Promise<void>;
}

const ATTEMPTS_MAX = 200;
const ATTEMPT_MS = 50;

/** @param environment such as a `REDIS_URL`, with which this resolves when Redis is there. */
export async function startReplica(
  directory: UserDirectory,
  environment: Environment = {},
): Promise<Replica> {
  const config = defaultConfig(environment);
  const clock = systemClock;
  const { users: tier, lock, redis } = await composeSharing(config);
  const cache = createMetadataCache(
    { store: tier, load: (id, call) => directory.read(id, call), clock },
    {
      ttlSeconds: config.cacheTtlSeconds,
      staleSeconds: config.cacheStaleSeconds,
      staleIfErrorSeconds: config.cacheStaleIfErrorSeconds,
      maxEntries: PROFILES_MAX,
    },
  );
  const service = createMetadataService(
    { directory, cache, lock, clock, pause: setImmediate },
    {
      limits: documentLimits(config),
      deadlineMs: config.upstreamWaitMs + config.upstreamTimeoutMs,
      schema: createSchemaRules(config.policy.userMetadata.schema),
      getView: createViews(config.policy.clients),
      appMetadataReadable: new Set(config.policy.appMetadata.readable),
    },
  );
  redis?.start();
  const ready = async () => {
    if (redis) await isUp(redis);
  };
  await ready();
  return { service, redis, ready, stop: async () => redis?.stop() };
}

async function isUp(redis: NonNullable<Sharing['redis']>): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    if (redis.era() !== undefined) return;
    await delay(ATTEMPT_MS);
  }
  throw new Error('Redis did not come up');
}
