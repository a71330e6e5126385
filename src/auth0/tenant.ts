/** The tenant as the rest of the service sees it: its users, its applications, and the token that opens both. */
import type { Clock } from '../lib/clock.ts';
import type { HttpClient } from '../lib/http-client.ts';
import { type ClientCredentials, createClientAuthentication } from './client-credentials.ts';
import { createManagementClient, type ManagementClient } from './management-client.ts';
import { createTokenProvider, type TokenProvider } from './token-provider.ts';

export interface TenantOptions {
  /** Base address without a trailing slash: `https://tenant.eu.auth0.com`. */
  readonly tenantUrl: string;
  readonly clientId: string;
  readonly credentials: ClientCredentials;
  readonly readsAppMetadata: boolean;
}

interface Dependencies {
  readonly http: HttpClient;
  readonly clock: Clock;
}

export function createTenant(
  { http, clock }: Dependencies,
  { tenantUrl, clientId, credentials, readsAppMetadata }: TenantOptions,
): ManagementClient & { readonly tokens: TokenProvider } {
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
  return {
    tokens,
    ...createManagementClient({ http, tokens, clock }, { baseUrl: apiUrl, readsAppMetadata }),
  };
}
