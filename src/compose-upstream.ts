/** The part of the composition that speaks to Auth0: the issuer's keys and the tenant's Management API. */
import type { Config } from '../config/load.ts';
import type { PrivilegeNeeds } from './auth0/privileges.ts';
import { createTenant, type Tenant } from './auth0/tenant.ts';
import type { TenantObserver } from './auth0/tenant-observer.ts';
import type { Sharing } from './compose-sharing.ts';
import { createSigningKeys, type KeyObserver, type SigningKeys } from './identity/signing-keys.ts';
import type { Clock } from './lib/clock.ts';
import { createHttpClient, type HttpClient } from './lib/http-client.ts';
import { KEYS, UPSTREAM } from './tuning.ts';

export interface UpstreamParts {
  readonly http: HttpClient;
  readonly keys: SigningKeys;
  readonly tenant: Tenant;
}

/** Who is told of what goes on; by default nobody. */
export interface UpstreamObservers {
  readonly http?: (http: HttpClient) => HttpClient;
  readonly keys?: KeyObserver;
  readonly tenant?: TenantObserver;
}

export function composeUpstream(
  config: Config,
  { shareBucket }: Pick<Sharing, 'shareBucket'>,
  clock: Clock,
  observers: UpstreamObservers = {},
): UpstreamParts {
  const client = createHttpClient({
    ...UPSTREAM,
    timeoutMs: config.upstreamTimeoutMs,
    proxyUrl: config.upstreamProxyUrl,
  });
  const http = observers.http?.(client) ?? client;
  const keys = createSigningKeys(
    { http, clock, observer: observers.keys },
    { ...KEYS, issuer: config.issuer, jwksUri: config.jwksUri },
  );
  const tenant = createTenant(
    { http, clock, shareBucket, observer: observers.tenant },
    {
      ...config,
      appMetadataKeys: new Set(config.policy.appMetadata.readable),
      clientMetadataKeys: new Set(config.policy.clientMetadata.readable),
      budget: config.upstreamBudget,
      waitMs: config.upstreamWaitMs,
      timeoutMs: config.upstreamTimeoutMs,
    },
  );
  return { http, keys, tenant };
}

/** Without a reader, `app_metadata` is not even asked for. */
export function readsAppMetadata({ policy }: Config): boolean {
  return policy.appMetadata.readable.length > 0;
}

/** What the enabled features ask of the machine client. */
export function privilegeNeeds({ policy, auth0Events }: Config): PrivilegeNeeds {
  return { readsClientMetadata: policy.clientMetadata.readable.length > 0, readsEvents: auth0Events };
}
