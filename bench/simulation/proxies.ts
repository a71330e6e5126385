/** What is compared: proxies in front of the tenant, without an HTTP edge. */
import { z } from 'zod';
import {
  type Bucket,
  createLocalBucket,
  createRequestScheduler,
  type OperationName,
  PLANS,
  withMargin,
} from '../../src/auth0/request-scheduler.ts';

import { createManagementClient } from '../../src/auth0/management-client.ts';
import { createUpstream } from '../../src/auth0/upstream.ts';
import { createMemoryStore } from '../../src/cache/memory-store.ts';
import { PROBLEMS } from '../../src/http/errors.ts';
import { AppError } from '../../src/lib/app-error.ts';
import type { HttpClient } from '../../src/lib/http-client.ts';
import { MAX_PROFILES } from '../../src/composition/constants.ts';
import { createCachedService, defaultConfig, toSubject } from '../service.ts';
import type { Random } from '../../test/support/random.ts';
import type { VirtualTime } from '../../test/support/virtual-time.ts';

/** What a caller got for one request. */
export interface Answer {
  readonly status: number;
  /** How often the user had been changed, as far as the answer knows. */
  readonly revision: number;
  /** Without a request to the tenant, own or waited for. */
  readonly isCopy: boolean;
  /** Since the tenant was asked. */
  readonly ageSeconds: number;
}

export interface Proxy {
  read(userId: string): Promise<Answer>;
  /** Sets one top-level key. */
  write(userId: string, value: number): Promise<Answer>;
  /** Whether a copy of this user's document is held, of any age. */
  hasCopy(userId: string): boolean;
}

export interface Dependencies {
  readonly http: HttpClient;
  readonly time: VirtualTime;
  readonly random: Random;
}

const refusal = (status: number): Answer => ({ status, revision: 0, isCopy: false, ageSeconds: 0 });
const BASE_URL = 'https://tenant.example/api/v2';
const COPIES: ReadonlySet<string> = new Set(['hit', 'stale-while-revalidate', 'stale-if-error']);
const userSchema = z.object({ user_metadata: z.object({ revision: z.number() }) });

/**
 * The proxies that people write by hand: each call goes to the Management API, or, with a lifetime, each read of a user
 * whose copy has expired. They do not retry, and a failed call is a 500, as when no code catches it.
 */
export function createHandWritten({ http, time: { clock } }: Dependencies, ttlMs = 0): Proxy {
  const entries = new Map<string, { readonly answer: Answer; readonly at: number }>();
  const freshEntry = (userId: string) => {
    const entry = entries.get(userId);
    return entry && clock.now() - entry.at < ttlMs ? entry : undefined;
  };

  async function call(method: 'GET' | 'PATCH', userId: string, body?: string): Promise<Answer> {
    const url = `${BASE_URL}/users/${encodeURIComponent(userId)}`;
    const response = await http.send({ method, url, ...(body === undefined ? {} : { body }) });
    if (response.status !== 200) return refusal(500);
    const { user_metadata: metadata } = userSchema.parse(JSON.parse(response.text));
    return { status: 200, revision: metadata.revision, isCopy: false, ageSeconds: 0 };
  }

  return {
    async read(userId) {
      const entry = freshEntry(userId);
      if (entry) return { ...entry.answer, isCopy: true, ageSeconds: (clock.now() - entry.at) / 1000 };
      const answer = await call('GET', userId);
      if (answer.status === 200) entries.set(userId, { answer, at: clock.now() });
      return answer;
    },
    async write(userId, value) {
      const answer = await call('PATCH', userId, JSON.stringify({ user_metadata: { value } }));
      entries.delete(userId);
      return answer;
    },
    hasCopy: (userId) => freshEntry(userId) !== undefined,
  };
}

/** This service, put together from the parts that ship. Only time, chance and the network are simulated. */
export function createOurs({ http, time, random }: Dependencies, plan: keyof typeof PLANS): Proxy {
  const { clock, sleep } = time;
  const config = defaultConfig();
  const { upstreamWaitMs: waitMs, upstreamTimeoutMs: timeoutMs } = config;
  const scheduler = createRequestScheduler(
    { clock, sleep, getBucket: createBuckets(plan, time) },
    { waitMs },
  );
  const token = { value: 'simulated', scopes: undefined };
  const tokens = { getToken: async () => token, invalidate: () => undefined, isHealthy: () => true };
  const upstream = createUpstream(
    { http, tokens, scheduler, clock, sleep, random: () => random.next() },
    { timeoutMs, deadlineMs: waitMs + timeoutMs },
  );
  const { users: directory } = createManagementClient(
    { upstream, clock },
    { baseUrl: BASE_URL, appMetadataKeys: new Set(), clientMetadataKeys: new Set() },
  );
  const { service, cache } = createCachedService(config, {
    directory,
    clock,
    store: createMemoryStore({ maxEntries: MAX_PROFILES }),
    lock: {
      withLock: (_id, task) => task({ refresh: async () => undefined, keepForBound: () => undefined }),
    },
    pause: async () => undefined,
  });
  return {
    read: (userId) =>
      refusing(async () => {
        const { value, freshness, ageSeconds } = await service.read(toSubject(userId));
        const revision = Number(value.userMetadata['revision']);
        return { status: 200, revision, isCopy: COPIES.has(freshness.kind), ageSeconds };
      }),
    write: (userId, value) =>
      refusing(async () => {
        const { userMetadata } = await service.patch(toSubject(userId), { value });
        return { status: 200, revision: Number(userMetadata['revision']), isCopy: false, ageSeconds: 0 };
      }),
    hasCopy: (userId) => cache.peek(userId) !== undefined,
  };
}

async function refusing(task: () => Promise<Answer>): Promise<Answer> {
  try {
    return await task();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return refusal(PROBLEMS[error.code].status);
  }
}

/** The buckets of the plan, as the composition makes them. */
function createBuckets(
  plan: keyof typeof PLANS,
  { clock }: VirtualTime,
): (operation: OperationName) => Bucket {
  const budget = PLANS[plan];
  const buckets = new Map<string, Bucket>();
  return (operation) => {
    const [name, size] = 'burst' in budget ? ['all', budget] : [operation, budget[operation]];
    const bucket = buckets.get(name) ?? createLocalBucket({ clock }, withMargin(size));
    buckets.set(name, bucket);
    return bucket;
  };
}
