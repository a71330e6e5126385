/** The tenant as the rest of the service sees it: its users, its applications, and the token that opens both. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, toMonotonic } from '../lib/clock.ts';
import type { HttpClient } from '../lib/http-client.ts';
import { type Bucket, type BucketSize, createLocalBucket, type LocalBucket } from '../lib/token-bucket.ts';
import { type Budget, cautious, type Lane, PLANS } from './budget.ts';
import { type ClientCredentials, createClientAuthentication } from './client-credentials.ts';
import { createGovernor } from './governor.ts';
import { createManagementClient, type ManagementClient } from './management-client.ts';
import { NO_OBSERVER, observed, type TenantObserver } from './tenant-observer.ts';
import { createTokenProvider, type TokenProvider } from './token-provider.ts';
import { createUpstream } from './upstream.ts';

export interface TenantOptions {
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
