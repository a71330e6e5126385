/** The part of the composition that speaks to Auth0: the issuer's keys and the tenant's Management API. */
import { isSafeUrl } from '../../config/parsers.ts';
import type { Config } from '../../config/load.ts';
import { createTenant, type PrivilegeNeeds, type Tenant, type TenantObserver } from '../auth0/tenant.ts';
import type { SharedStores } from './shared-stores.ts';
import {
  createSigningKeys,
  createTrustedIssuers,
  type KeyObserver,
  type TrustedIssuers,
} from '../identity/signing-keys.ts';
import type { Clock } from '../lib/clock.ts';
import { createHttpClient, type HttpClient } from '../lib/http-client.ts';
import { KEYS, UPSTREAM } from './constants.ts';

export interface UpstreamParts {
  readonly http: HttpClient;
  readonly issuers: TrustedIssuers;
  readonly tenant: Tenant;
}

/** The time of day, and one for ages and pauses. */
export interface Clocks {
  readonly clock: Clock;
  readonly ages: Clock;
}

/** Receives what log and metrics say about requests to Auth0. */
export interface UpstreamObservers {
  readonly http?: (http: HttpClient) => HttpClient;
  readonly keys?: KeyObserver;
  readonly tenant?: TenantObserver;
}

export function composeUpstream(
  config: Config,
  { shareBucket }: Pick<SharedStores, 'shareBucket'>,
  { clock, ages }: Clocks,
  observers: UpstreamObservers = {},
): UpstreamParts {
  const client = createHttpClient({
    ...UPSTREAM,
    timeoutMs: config.upstreamTimeoutMs,
    proxyUrl: config.upstreamProxyUrl,
  });
  const http = observers.http?.(client) ?? client;
  const { jwksUri } = config;
  const issuers = createTrustedIssuers(
    config.issuers.map((issuer) =>
      createSigningKeys(
        { http, clock: ages, observer: observers.keys },
        { ...KEYS, issuer, jwksUri, acceptsAddress: isSafeUrl },
      ),
    ),
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
  return { http, issuers, tenant };
}

/** Without a reader, `app_metadata` is not even asked for. */
export function readsAppMetadata({ policy }: Config): boolean {
  return policy.appMetadata.readable.length > 0;
}

/** What the enabled features ask of the machine client. */
export function privilegeNeeds({ policy, auth0Events }: Config): PrivilegeNeeds {
  return { readsClientMetadata: policy.clientMetadata.readable.length > 0, readsEvents: auth0Events };
}
