/** The Auth0 tenant: its users, its applications and the Management API token, behind one request budget. */
import { SafeError } from '../lib/app-error.ts';
import { type Clock, toMonotonic } from '../lib/clock.ts';
import type { HttpClient } from '../lib/http-client.ts';
import { sleep } from '../lib/promises.ts';
import {
  type Bucket,
  type BucketSize,
  type Budget,
  createLocalBucket,
  createRequestScheduler,
  type LocalBucket,
  type OperationName,
  PLANS,
  type RequestScheduler,
  withMargin,
} from './request-scheduler.ts';
import type { Priority } from '../metadata/ports.ts';
import { createManagementClient, type ManagementClient } from './management-client.ts';
import {
  type ClientCredentials,
  createClientAuthentication,
  createTokenProvider,
  type TokenProvider,
} from './token-provider.ts';
import { createUpstream } from './upstream.ts';

export type BreakerState = 'closed' | 'half_open' | 'open';

/** Receives what the metrics count. */
export interface TenantObserver {
  /** A request begins to wait for the budget. Call the returned function with how the wait ended. */
  startWait(priority: Priority): (outcome: 'admitted' | 'refused') => void;
  /** The circuit breaker has changed its state. It begins closed. */
  setCircuitState(state: BreakerState): void;
}

const NO_OBSERVER: TenantObserver = {
  startWait: () => () => undefined,
  setCircuitState: () => undefined,
};

/** Returns a scheduler that reports each wait to the observer. */
function withWaitObserver(scheduler: RequestScheduler, observer: TenantObserver): RequestScheduler {
  return {
    async acquire(operation, call) {
      const end = observer.startWait(call.priority);
      try {
        await scheduler.acquire(operation, call);
        end('admitted');
      } catch (error) {
        end('refused');
        throw error;
      }
    },
    updateFromHeaders: (operation, response) => scheduler.updateFromHeaders(operation, response),
  };
}

interface TenantOptions {
  /** Base address without a trailing slash: `https://tenant.eu.auth0.com`. */
  readonly tenantUrl: string;
  readonly clientId: string;
  readonly credentials: ClientCredentials;
  /** The keys that the policy lists. All others are dropped. */
  readonly appMetadataKeys: ReadonlySet<string>;
  readonly clientMetadataKeys: ReadonlySet<string>;
  /** The name of a plan, or a bucket. Undefined: only the rate limit headers of Auth0 count. */
  readonly budget: keyof typeof PLANS | BucketSize | undefined;
  readonly waitMs: number;
  readonly timeoutMs: number;
}

interface Dependencies {
  readonly http: HttpClient;
  readonly clock: Clock;
  /** Makes the bucket that replicas share. Undefined where they share none. */
  readonly shareBucket: ((name: string, local: LocalBucket) => Bucket) | undefined;
  readonly observer?: TenantObserver | undefined;
}

export interface Tenant extends ManagementClient {
  readonly tokens: TokenProvider;
  /** The buckets of the budget by name. */
  readonly buckets: ReadonlyMap<string, Bucket>;
  /** Whether the Management API answered the last request. True also when the last failure is a minute ago. */
  isReachable(): boolean;
}

export function createTenant(
  { http, clock, shareBucket, observer = NO_OBSERVER }: Dependencies,
  options: TenantOptions,
): Tenant {
  const { tenantUrl, clientId, credentials, budget, waitMs, timeoutMs } = options;
  const monotonic = toMonotonic(clock);
  const apiUrl = `${tenantUrl}/api/v2`;
  const authentication = createClientAuthentication(
    { clock },
    { clientId, credentials, assertionAudience: `${tenantUrl}/` },
  );
  const tokens = createTokenProvider(
    { http, clock, authentication },
    // The identifier of the Management API has a trailing slash.
    { tokenUrl: `${tenantUrl}/oauth/token`, clientId, audience: `${apiUrl}/` },
  );
  const buckets = new Map<string, Bucket>();
  const getBucket = createBuckets(typeof budget === 'string' ? PLANS[budget] : budget, (name, size) => {
    const local = createLocalBucket({ clock: monotonic }, size);
    const bucket = shareBucket ? shareBucket(name, local) : local;
    buckets.set(name, bucket);
    return bucket;
  });
  const scheduler = withWaitObserver(
    createRequestScheduler({ clock: monotonic, sleep, getBucket }, { waitMs }),
    observer,
  );
  const upstream = createUpstream(
    { http, tokens, scheduler, clock: monotonic, sleep, random: Math.random, observer },
    { timeoutMs, deadlineMs: waitMs + timeoutMs },
  );
  const client = createManagementClient({ upstream, clock: monotonic }, { ...options, baseUrl: apiUrl });
  return { tokens, buckets, isReachable: () => upstream.isReachable(), ...client };
}

/** Creates the buckets of the plan: one for all operations, or one for each. */
function createBuckets(
  budget: Budget | undefined,
  create: (name: string, size: BucketSize | undefined) => Bucket,
): (operation: OperationName) => Bucket {
  if (budget === undefined || 'burst' in budget) {
    const shared = create('all', budget && withMargin(budget));
    return () => shared;
  }
  const buckets = new Map(
    Object.entries(budget).map(([operation, size]) => [operation, create(operation, withMargin(size))]),
  );
  return (operation) => {
    const bucket = buckets.get(operation);
    if (!bucket) throw new Error(`no bucket for ${operation}`);
    return bucket;
  };
}

// Least privilege: the scopes of the machine client compared with what the enabled features need. `update:users` alone
// can change passwords, so the client should have no other scope that nothing needs.

export interface PrivilegeNeeds {
  readonly readsClientMetadata: boolean;
  readonly readsEvents: boolean;
}

interface PrivilegeReport {
  /** Scopes that a feature needs and the client lacks. */
  readonly missing: ReadonlyArray<{ readonly scope: string; readonly feature: string }>;
  /** Scopes that no feature needs. */
  readonly excess: readonly string[];
}

export function comparePrivileges(held: readonly string[], needs: PrivilegeNeeds): PrivilegeReport {
  const needed = [
    { scope: 'read:users', feature: 'reading metadata' },
    { scope: 'update:users', feature: 'changing metadata' },
    ...(needs.readsClientMetadata ? [{ scope: 'read:clients', feature: '/client/metadata' }] : []),
    ...(needs.readsEvents ? [{ scope: 'read:events', feature: 'the change stream (AUTH0_EVENTS)' }] : []),
  ];
  return {
    missing: needed.filter(({ scope }) => !held.includes(scope)),
    excess: held.filter((scope) => !needed.some((need) => need.scope === scope)),
  };
}

/** The machine client has scopes that no enabled feature needs. */
export class ExcessPrivileges extends SafeError {
  constructor(scopes: readonly string[]) {
    super(`the machine client has scopes that nothing needs: ${scopes.join(' ')}`);
    this.name = 'ExcessPrivileges';
  }
}
