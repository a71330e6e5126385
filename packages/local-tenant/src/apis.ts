/**
 * The APIs (Auth0: resource servers) that access tokens are issued for: those of the options, and the Management API,
 * which exists in each tenant.
 */
import type { Addresses } from './addresses.ts';
import { apiScopes, currentUserScopes } from './seed.ts';
import type { TenantApi } from './tenant-options.ts';

export const TOKEN_LIFETIME_SECONDS = 86_400;

export interface Apis {
  /** The API with this audience. The Management API has one for each loopback name. */
  find(audience: string): Required<TenantApi> | undefined;
}

/** Finds among `apis` and the Management API of this tenant. */
export function createApis(apis: readonly TenantApi[], addresses: Addresses): Apis {
  const apiByIdentifier = new Map(apis.map((api) => [api.identifier, withDefaults(api)]));
  return {
    find: (audience) =>
      addresses.isManagementAudience(audience)
        ? withDefaults({ identifier: audience, scopes: currentUserScopes })
        : apiByIdentifier.get(audience),
  };
}

function withDefaults(api: TenantApi): Required<TenantApi> {
  return {
    scopes: apiScopes,
    token_lifetime: TOKEN_LIFETIME_SECONDS,
    allow_offline_access: true,
    token_dialect: 'access_token',
    ...api,
  };
}
