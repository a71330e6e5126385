/**
 * This service without its HTTP edge, put together from the parts that ship: governor, retries, management
 * client, cache protocol, write queue. Only time, chance and the network are simulated.
 */
import { cautious, createGovernor, type Lane, PLANS } from '../../src/auth0/request-scheduler.ts';
import { createManagementClient } from '../../src/auth0/management-client.ts';
import { createUpstream, type Upstream } from '../../src/auth0/upstream.ts';
import { createMemoryStore } from '../../src/cache/memory-store.ts';
import { createMetadataCache } from '../../src/cache/metadata-cache.ts';
import { PROBLEMS } from '../../src/http/errors.ts';
import { AppError } from '../../src/lib/app-error.ts';
import type { HttpClient } from '../../src/lib/http-client.ts';
import { type Bucket, type BucketSize, createLocalBucket } from '../../src/lib/token-bucket.ts';
import { createViews } from '../../src/metadata/policy.ts';
import type { Freshness, Profile, Subject, UserDirectory } from '../../src/metadata/ports.ts';
import { createSchemaRules } from '../../src/metadata/schema-rules.ts';
import { createMetadataService } from '../../src/metadata/service.ts';
import { PROFILES_MAX } from '../../src/composition/constants.ts';
import { defaultConfig, documentLimits } from '../configuration.ts';
import { type Answer, type Contender, refused } from './contender.ts';
import type { Random } from './random.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface OursOptions {
  readonly plan: keyof typeof PLANS;
}

interface Surroundings {
  readonly http: HttpClient;
  readonly time: VirtualTime;
  readonly random: Random;
}

/** Puts another way of reading users in the place of the one that ships. */
export type ReplaceReads = (
  parts: { readonly users: UserDirectory; readonly upstream: Upstream } & Surroundings,
) => UserDirectory;

export function createOurs(
  { http, time, random }: Surroundings,
  { plan }: OursOptions,
  replaceReads: ReplaceReads = ({ users }) => users,
): Contender {
  const { clock, sleep } = time;
  const config = defaultConfig();
  const { upstreamWaitMs: waitMs, upstreamTimeoutMs: timeoutMs } = config;
  const governor = createGovernor({ clock, sleep, bucketOf: createBuckets(plan, time) }, { waitMs });
  const token = { value: 'simulated', scopes: undefined };
  const tokens = { token: async () => token, reject: () => undefined, healthy: () => true };
  const upstream = createUpstream(
    { http, tokens, governor, clock, sleep, random: () => random.next() },
    { timeoutMs, deadlineMs: waitMs + timeoutMs },
  );
  const client = createManagementClient(
    { upstream, clock },
    { baseUrl: 'https://tenant.example/api/v2', appMetadataKeys: new Set(), clientMetadataKeys: new Set() },
  );
  const directory = replaceReads({ users: client.users, upstream, http, time, random });
  const tier = createMemoryStore<Profile>({ maxEntries: PROFILES_MAX });
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
    {
      directory,
      cache,
      clock,
      lock: {
        withLock: (_id, task) => task({ refresh: async () => undefined, keepForBound: () => undefined }),
      },
      pause: async () => undefined,
    },
    {
      limits: documentLimits(config),
      deadlineMs: waitMs + timeoutMs,
      schema: createSchemaRules(undefined),
      getView: createViews({}),
      appMetadataReadable: new Set(),
    },
  );

  return {
    read: (userId) =>
      answering(async () => {
        const { value, freshness, ageSeconds } = await service.read(subject(userId));
        return { status: 200, revision: revisionOf(value), source: SOURCES[freshness.kind], ageSeconds };
      }),
    write: (userId, value) =>
      answering(async () => {
        const profile = await service.patch(subject(userId), { value });
        return { status: 200, revision: revisionOf(profile), source: 'tenant', ageSeconds: 0 };
      }),
    holds: (userId) => cache.peek(userId) !== undefined,
  };
}

function subject(userId: string): Subject {
  return { userId, clientId: undefined };
}

const SOURCES = {
  hit: 'held',
  'stale-while-revalidate': 'held',
  'stale-if-error': 'held',
  collapsed: 'shared',
  miss: 'tenant',
  request: 'tenant',
} as const satisfies Record<Freshness['kind'], Answer['source']>;

async function answering(task: () => Promise<Answer>): Promise<Answer> {
  try {
    return await task();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return refused(PROBLEMS[error.code].status);
  }
}

function revisionOf({ userMetadata }: Profile): number {
  return Number(userMetadata['revision']);
}

/** The buckets of the plan, as the tenant's composition makes them. */
function createBuckets(plan: keyof typeof PLANS, { clock }: VirtualTime): (lane: Lane) => Bucket {
  const budget = PLANS[plan];
  const create = (size: BucketSize) => createLocalBucket({ clock }, cautious(size));
  if ('burst' in budget) {
    const bucket = create(budget);
    return () => bucket;
  }
  const lanes = {
    'users.read': create(budget['users.read']),
    'users.change': create(budget['users.change']),
    'clients.read': create(budget['clients.read']),
  };
  return (lane) => lanes[lane];
}
