/** The part of the composition that speaks to Auth0: the issuer's keys and the tenant's Management API. */
import type { Config } from '../config/load.ts';
import type { PrivilegeNeeds } from './auth0/privileges.ts';
import { createTenant } from './auth0/tenant.ts';
import type { Sharing } from './compose-sharing.ts';
import { createSigningKeys, type SigningKeys } from './identity/signing-keys.ts';
import type { Clock } from './lib/clock.ts';
import { createHttpClient, type HttpClient } from './lib/http-client.ts';
import { KEYS, UPSTREAM } from './tuning.ts';

export interface UpstreamParts {
  readonly http: HttpClient;
  readonly keys: SigningKeys;
  readonly tenant: ReturnType<typeof createTenant>;
}

export function composeUpstream(
  config: Config,
  { shareBucket }: Pick<Sharing, 'shareBucket'>,
  clock: Clock,
): UpstreamParts {
  const http = createHttpClient({ ...UPSTREAM, timeoutMs: config.upstreamTimeoutMs });
  const keys = createSigningKeys(
    { http, clock },
    { ...KEYS, issuer: config.issuer, jwksUri: config.jwksUri },
  );
  const tenant = createTenant(
    { http, clock, shareBucket },
    {
      ...config,
      readsAppMetadata: readsAppMetadata(config),
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
