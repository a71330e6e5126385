/**
 * Translates between Auth0 and oidc-provider. In requests, `audience` becomes `resource`, and parameters that Auth0
 * ignores are dropped. In responses, statuses, errors and scopes become Auth0's.
 */
import type { JWTStructured, KoaContextWithOIDC, ResourceServer } from 'oidc-provider';
import type { ActionsOutcome } from './actions.ts';
import type { Addresses } from './addresses.ts';
import type { Apis } from './apis.ts';
import { isJsonObject, type JsonObject } from './json.ts';
import { oidcLibrary } from './oidc-provider.ts';

/**
 * The name `offline_access` goes by inside the provider, which drops the real one unless the user is asked to consent.
 * Auth0 does not ask for first-party applications, and grants it in silent log-ins too.
 */
export const OFFLINE_SCOPE = 'tenant:offline';

const FORWARDED_PARAMETERS = [
  'client_id',
  'redirect_uri',
  'response_type',
  'response_mode',
  'state',
  'code_challenge',
  'code_challenge_method',
  'login_hint',
  'dpop_jkt',
];
// The provider refuses these without the openid scope; Auth0 does not mind.
const FORWARDED_OPENID_PARAMETERS = ['nonce', 'max_age', 'acr_values', 'ui_locales', 'id_token_hint'];
const DEFAULT_SCOPE = 'openid profile email';

/** The query of an authorization request as the provider is to see it. */
export function translateAuthorizeQuery(received: URLSearchParams): URLSearchParams {
  const scope = toProviderScope(received.get('scope') || DEFAULT_SCOPE);
  const names = scope.split(' ').includes('openid')
    ? [...FORWARDED_PARAMETERS, ...FORWARDED_OPENID_PARAMETERS]
    : FORWARDED_PARAMETERS;
  const query = new URLSearchParams({ scope });
  for (const name of names) {
    const value = received.get(name);
    if (value !== null && value !== '') query.set(name, value);
  }
  const audience = received.get('audience');
  if (audience) query.set('resource', audience);
  // First-party applications have nothing to consent to and there is one account to select: only these two matter.
  const prompt = received.get('prompt')?.split(' ') ?? [];
  for (const known of ['none', 'login']) if (prompt.includes(known)) query.set('prompt', known);
  return query;
}

/** The parameters of a request under Auth0's names. */
export function fromProviderParameters(
  parameters: Readonly<Record<string, unknown>>,
): Readonly<Record<string, string>> {
  const given = Object.entries(parameters).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value] as const] : [],
  );
  const { resource, scope, ...rest } = Object.fromEntries(given);
  return {
    ...rest,
    ...(resource === undefined ? {} : { audience: resource }),
    ...(scope === undefined ? {} : { scope: toAuth0Scope(scope) }),
  };
}

/** A scope list with `offline_access` under its inner name. */
export function toProviderScope(scope: string): string {
  return renameScope(scope, 'offline_access', OFFLINE_SCOPE);
}

/** A scope list with `offline_access` under its real name. */
function toAuth0Scope(scope: string): string {
  return renameScope(scope, OFFLINE_SCOPE, 'offline_access');
}

function renameScope(scope: string, from: string, to: string): string {
  return scope
    .split(' ')
    .map((name) => (name === from ? to : name))
    .join(' ');
}

// As at Auth0, unknown scopes of an API are dropped silently, and access tokens do not follow RFC 9068.

const oidcScopes = ['openid', 'profile', 'email', OFFLINE_SCOPE];

/** The API behind an audience, or the refusal Auth0 gives for one it does not know. */
export function getResourceServer(audience: string, apis: Apis): ResourceServer {
  const api = apis.find(audience);
  if (!api) throw new oidcLibrary.errors.AccessDenied(`Service not found: ${audience}`);
  const allowed = api.allow_offline_access ? oidcScopes : oidcScopes.filter((name) => name !== OFFLINE_SCOPE);
  return {
    // Auth0 lists the OpenID scopes in the access token beside the API's own.
    scope: [...allowed, ...api.scopes].join(' '),
    accessTokenFormat: 'jwt',
    accessTokenTTL: api.token_lifetime,
    jwt: { sign: { alg: 'RS256' } },
  };
}

/** Grants all known scopes of the request. Each login starts its own refresh token family. */
export async function grantAllScopes(ctx: KoaContextWithOIDC) {
  const { client, account, params, provider, resourceServers } = ctx.oidc;
  if (!client || !account) return undefined;
  const scope = typeof params?.['scope'] === 'string' ? params['scope'] : '';
  const grant = new provider.Grant({ clientId: client.clientId, accountId: account.accountId });
  grant.addOIDCScope(scope);
  for (const audience of Object.keys(resourceServers ?? {})) grant.addResourceScope(audience, scope);
  await grant.save();
  return grant;
}

/** Turns a provider access token into one of Auth0's, in place. `claims` are those that Actions have set. */
export function toAuth0AccessToken(
  ctx: KoaContextWithOIDC,
  token: { clientId?: string | undefined },
  parts: JWTStructured,
  {
    addresses,
    apis,
    claims,
  }: { addresses: Addresses; apis: Apis; claims: ActionsOutcome['accessTokenClaims'] },
): void {
  const { sub, aud, iat, exp, jti, scope, cnf } = parts.payload;
  const names = typeof scope === 'string' ? scope.split(' ') : [];
  const refreshed = ctx.oidc.params?.['grant_type'] === 'refresh_token';
  const audience = typeof aud === 'string' ? aud : '';
  const isRfc9068 = apis.find(audience)?.token_dialect === 'rfc9068_profile';
  // A token for Auth0's own API has namespaced claims only.
  const isOwnApi = addresses.isManagementAudience(audience);
  const allowed = Object.entries(claims).filter(([name]) => !isOwnApi || URL.canParse(name));
  parts.header = { typ: isRfc9068 ? 'at+jwt' : 'JWT' };
  parts.payload = {
    ...Object.fromEntries(allowed),
    iss: addresses.issuer,
    sub,
    aud: names.includes('openid') && audience !== '' ? [audience, addresses.userinfoAudience] : aud,
    iat,
    exp,
    ...(names.length > 0 ? { scope: toAuth0Scope(names.join(' ')) } : {}),
    ...(isRfc9068 ? { jti, client_id: token.clientId } : { azp: token.clientId }),
    ...(refreshed && !isRfc9068 ? { gty: 'refresh_token' } : {}),
    ...(isJsonObject(cnf) ? { cnf } : {}),
  };
}

// Only responses of `/oauth/token` and of silent logins are rewritten.

/** The little of a Koa context that is looked at here. */
interface Exchange {
  readonly path: string;
  readonly query: Readonly<Record<string, unknown>>;
  readonly response: { readonly type: string };
  readonly oidc?: { readonly params?: Readonly<Record<string, unknown>> | undefined };
  status: number;
  body: unknown;
}

interface Refusal {
  readonly status: number;
  readonly body: Readonly<Record<string, string>>;
}

/** Koa middleware for the provider; leaves every other path alone. */
export async function translateResponse(ctx: Exchange, next: () => Promise<unknown>): Promise<void> {
  await next();
  // A page that passes a message to its opener is a success, also if the message is an error.
  const delivers = ctx.query['response_mode'] === 'web_message' && ctx.response.type === 'text/html';
  if (ctx.path === '/authorize' && delivers) ctx.status = 200;
  if (ctx.path !== '/oauth/token' || !isJsonObject(ctx.body)) return;
  const { body } = ctx;
  if (typeof body['error'] === 'string') {
    const refused = toAuth0Refusal(body['error'], body, ctx.oidc?.params?.['grant_type']);
    ctx.status = refused.status;
    ctx.body = refused.body;
  } else if (typeof body['scope'] === 'string') {
    ctx.body = { ...body, scope: toAuth0Scope(body['scope']) };
  }
}

function toAuth0Refusal(error: string, body: JsonObject, grantType: unknown): Refusal {
  const description = body['error_description'];
  switch (error) {
    case 'invalid_grant':
      return createRefusal(403, error, getInvalidGrantMessage(grantType));
    case 'invalid_client':
      return createRefusal(401, 'access_denied', 'Unauthorized');
    case 'use_dpop_nonce':
      return createRefusal(400, error, 'Authorization server requires nonce in DPoP proof');
    case 'unsupported_grant_type':
      return createRefusal(403, error, 'Unsupported grant type');
    case 'access_denied':
    case 'mfa_required':
      return createRefusal(403, error, asText(description) ?? error);
    case 'server_error':
      return createRefusal(500, error, asText(description) ?? 'Internal Server Error');
    default:
      return createRefusal(400, error, asText(description) ?? error);
  }
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function getInvalidGrantMessage(grantType: unknown): string {
  return grantType === 'refresh_token' ? 'Unknown or invalid refresh token.' : 'Invalid authorization code';
}

function createRefusal(status: number, error: string, description: string): Refusal {
  return { status, body: { error, error_description: description } };
}
