/** The tenant as the rest of the service sees it: its users, its applications, and the token that opens both. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SafeError } from '../lib/app-error.ts';
import { type Clock, toMonotonic } from '../lib/clock.ts';
import type { HttpClient } from '../lib/http-client.ts';
import { type Bucket, type BucketSize, createLocalBucket, type LocalBucket } from '../lib/token-bucket.ts';
import type { Priority } from '../metadata/ports.ts';
import { createManagementClient, type ManagementClient } from './management-client.ts';
import {
  type Budget,
  cautious,
  createGovernor,
  type Governor,
  type Lane,
  PLANS,
} from './request-scheduler.ts';
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

/** The same governor, each of whose admissions is told of. */
function observed(governor: Governor, observer: TenantObserver): Governor {
  return {
    async admit(lane, call) {
      const end = observer.startWait(call.priority);
      try {
        await governor.admit(lane, call);
        end('admitted');
      } catch (error) {
        end('refused');
        throw error;
      }
    },
    learn: (lane, response) => governor.learn(lane, response),
  };
}

interface TenantOptions {
  /** Base address without a trailing slash: `https://tenant.eu.auth0.com`. */
  readonly tenantUrl: string;
  readonly clientId: string;
  readonly credentials: ClientCredentials;
  /** What the policy lists, and therefore is kept. */
  readonly appMetadataKeys: ReadonlySet<string>;
  readonly clientMetadataKeys: ReadonlySet<string>;
  /** A plan by name, a bucket of its own, or undefined for no budget but the tenant's word. */
  readonly budget: keyof typeof PLANS | BucketSize | undefined;
  readonly waitMs: number;
  readonly timeoutMs: number;
}

interface Dependencies {
  readonly http: HttpClient;
  readonly clock: Clock;
  /** Makes the bucket that replicas share, where they do. */
  readonly shareBucket: ((name: string, local: LocalBucket) => Bucket) | undefined;
  readonly observer?: TenantObserver | undefined;
}

export interface Tenant extends ManagementClient {
  readonly tokens: TokenProvider;
  /** What is left of the budget, by the name of each bucket. */
  readonly buckets: ReadonlyMap<string, Bucket>;
  /** Whether the Management API answered when it was last asked, unless that was long ago. */
  reachable(): boolean;
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
    // Auth0 knows its own API by this identifier, trailing slash included.
    { tokenUrl: `${tenantUrl}/oauth/token`, clientId, audience: `${apiUrl}/` },
  );
  const buckets = new Map<string, Bucket>();
  const bucketOf = createBuckets(typeof budget === 'string' ? PLANS[budget] : budget, (name, size) => {
    const local = createLocalBucket({ clock: monotonic }, size);
    const bucket = shareBucket ? shareBucket(name, local) : local;
    buckets.set(name, bucket);
    return bucket;
  });
  const governor = observed(createGovernor({ clock: monotonic, sleep, bucketOf }, { waitMs }), observer);
  const upstream = createUpstream(
    { http, tokens, governor, clock: monotonic, sleep, random: Math.random, observer },
    { timeoutMs, deadlineMs: waitMs + timeoutMs },
  );
  const client = createManagementClient({ upstream, clock: monotonic }, { ...options, baseUrl: apiUrl });
  return { tokens, buckets, reachable: () => upstream.reachable(), ...client };
}

/** The bucket of each lane: one for all where the plan has one, else one for each. */
function createBuckets(
  budget: Budget | undefined,
  create: (name: string, size: BucketSize | undefined) => Bucket,
): (lane: Lane) => Bucket {
  if (budget === undefined || 'burst' in budget) {
    const shared = create('all', budget && cautious(budget));
    return () => shared;
  }
  const lanes = new Map(Object.entries(budget).map(([lane, size]) => [lane, create(lane, cautious(size))]));
  return (lane) => {
    const bucket = lanes.get(lane);
    if (!bucket) throw new Error(`no bucket for ${lane}`);
    return bucket;
  };
}

// Least privilege: what the machine client may do at the Management API, compared with what the enabled
// features need. `update:users` alone could change passwords, so nothing beyond the need should be held.

export interface PrivilegeNeeds {
  readonly readsClientMetadata: boolean;
  readonly readsEvents: boolean;
}

interface PrivilegeReport {
  /** Scopes that a feature needs and the client lacks, with that feature. */
  readonly missing: ReadonlyArray<{ readonly scope: string; readonly feature: string }>;
  /** Scopes that nothing here needs. */
  readonly unneeded: readonly string[];
}

export function comparePrivileges(held: readonly string[], needs: PrivilegeNeeds): PrivilegeReport {
  const needed = [
    { scope: 'read:users', feature: 'reading metadata' },
    { scope: 'update:users', feature: 'changing metadata' },
    ...(needs.readsClientMetadata ? [{ scope: 'read:clients', feature: '/client/metadata' }] : []),
    ...(needs.readsEvents ? [{ scope: 'read:events', feature: 'the change feed (AUTH0_EVENTS)' }] : []),
  ];
  return {
    missing: needed.filter(({ scope }) => !held.includes(scope)),
    unneeded: held.filter((scope) => !needed.some((need) => need.scope === scope)),
  };
}

/** The machine client holds more than the enabled features need. */
export class ExcessPrivileges extends SafeError {
  constructor(scopes: readonly string[]) {
    super(`the machine client holds scopes that nothing needs: ${scopes.join(' ')}`);
    this.name = 'ExcessPrivileges';
  }
}
