/**
 * What users are granted and how their access tokens look: scopes an API does not know are dropped in silence, and
 * tokens are in Auth0's profile rather than RFC 9068's.
 */
import type { JWTStructured, KoaContextWithOIDC, ResourceServer } from 'oidc-provider';
import { oidcLibrary } from './oidc-provider.ts';
import { TOKEN_LIFETIME_SECONDS } from './access-tokens.ts';
import type { Addresses } from './addresses.ts';
import { OFFLINE_SCOPE, outerScope } from './authorize-request.ts';
import { isJsonObject } from './json.ts';
import { apiScopes, currentUserScopes } from './seed.ts';

const oidcScopes = ['openid', 'profile', 'email', OFFLINE_SCOPE];

/** The API behind an audience, or the refusal Auth0 gives for one it does not know. */
export function describeResource(audience: string, addresses: Addresses): ResourceServer {
  const known = addresses.isManagementAudience(audience)
    ? currentUserScopes
    : audience === addresses.apiAudience
      ? apiScopes
      : undefined;
  if (!known) throw new oidcLibrary.errors.AccessDenied(`Service not found: ${audience}`);
  return {
    // Auth0 lists the OpenID scopes in the access token beside the API's own.
    scope: [...oidcScopes, ...known].join(' '),
    accessTokenFormat: 'jwt',
    accessTokenTTL: TOKEN_LIFETIME_SECONDS,
    jwt: { sign: { alg: 'RS256' } },
  };
}

/** A new grant of all that is asked for and known: each log-in starts a refresh token family of its own. */
export async function grantEverything(ctx: KoaContextWithOIDC) {
  const { client, account, params, provider, resourceServers } = ctx.oidc;
  if (!client || !account) return undefined;
  const scope = typeof params?.['scope'] === 'string' ? params['scope'] : '';
  const grant = new provider.Grant({ clientId: client.clientId, accountId: account.accountId });
  grant.addOIDCScope(scope);
  for (const audience of Object.keys(resourceServers ?? {})) grant.addResourceScope(audience, scope);
  await grant.save();
  return grant;
}

/** Turns a provider access token into one of Auth0's, in place. */
export function dressAccessToken(
  ctx: KoaContextWithOIDC,
  token: { clientId?: string | undefined },
  parts: JWTStructured,
  addresses: Addresses,
): void {
  const { sub, aud, iat, exp, scope, cnf } = parts.payload;
  const names = typeof scope === 'string' ? scope.split(' ') : [];
  const refreshed = ctx.oidc.params?.['grant_type'] === 'refresh_token';
  parts.header = { typ: 'JWT' };
  parts.payload = {
    iss: addresses.issuer,
    sub,
    aud: names.includes('openid') && typeof aud === 'string' ? [aud, addresses.userinfoAudience] : aud,
    iat,
    exp,
    ...(names.length > 0 ? { scope: outerScope(names.join(' ')) } : {}),
    ...(refreshed ? { gty: 'refresh_token' } : {}),
    azp: token.clientId,
    ...(isJsonObject(cnf) ? { cnf } : {}),
  };
}
