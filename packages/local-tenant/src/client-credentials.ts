/**
 * The client credentials grant with Auth0's errors, a `sub` of the form `<client>@clients`, and only the scopes of the
 * client grant. Clients authenticate with a secret or a signed assertion.
 */
import { decodeJwt, jwtVerify } from 'jose';
import { timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { createAccessTokenClaims, signAccessToken } from './access-tokens.ts';
import type { Addresses } from './addresses.ts';
import type { Apis } from './apis.ts';
import { OAuthError } from './auth0-errors.ts';
import { type ClientStore, isPublicClient } from './client-store.ts';
import type { SigningKeys } from './signing-keys.ts';
import type { TenantClient } from './tenant-options.ts';

// Verifies `private_key_jwt` client assertions (Auth0, "Authenticate with Private Key JWT"): registered key, audience
// the issuer, a lifetime of at most five minutes, and each `jti` for one use.

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const MAX_LIFETIME_SECONDS = 300;
const SKEW_SECONDS = 10;
const algorithms = ['RS256', 'RS384', 'PS256', 'PS384', 'ES256', 'ES384'];

const claimsSchema = z.object({
  iss: z.string().max(64),
  sub: z.string().max(64),
  aud: z.string(),
  exp: z.number(),
  jti: z.string().min(1).max(64),
});

interface ClientAssertions {
  /** The client that signed, or undefined for anything that is not a valid, unused assertion. */
  verify(assertion: string): Promise<TenantClient | undefined>;
}

/** Verification with a memory of used `jti`s. `now` is in milliseconds since 1970. */
export function createClientAssertions(
  clients: ClientStore,
  addresses: Addresses,
  now: () => number,
): ClientAssertions {
  const usedUntil = new Map<string, number>();

  function useOnce(id: string, expiresAt: number): boolean {
    const seconds = now() / 1000;
    for (const [used, until] of usedUntil) if (until < seconds) usedUntil.delete(used);
    if (usedUntil.has(id)) return false;
    usedUntil.set(id, expiresAt + SKEW_SECONDS);
    return true;
  }

  return {
    async verify(assertion) {
      const claims = readClaims(assertion);
      if (!claims || claims.iss !== claims.sub || !addresses.isIssuer(claims.aud)) return undefined;
      if (claims.exp - now() / 1000 > MAX_LIFETIME_SECONDS + SKEW_SECONDS) return undefined;
      const client = clients.find(claims.sub);
      if (!client || !(await signedByClient(assertion, client.client_id))) return undefined;
      return useOnce(`${claims.sub} ${claims.jti}`, claims.exp) ? client : undefined;
    },
  };

  async function signedByClient(assertion: string, clientId: string): Promise<boolean> {
    const options = { algorithms, clockTolerance: SKEW_SECONDS, currentDate: new Date(now()) };
    const checks = clients.getKeys(clientId).map((key) => jwtVerify(assertion, key, options));
    return (await Promise.allSettled(checks)).some(({ status }) => status === 'fulfilled');
  }
}

function readClaims(assertion: string): z.infer<typeof claimsSchema> | undefined {
  if (assertion.length > 2048) return undefined;
  try {
    return claimsSchema.safeParse(decodeJwt(assertion)).data;
  } catch {
    return undefined;
  }
}

type Parameters = Readonly<Record<string, string>>;

export interface ClientCredentialsGrant {
  /** The token response, or an `OAuthError`. `authorization` is the request's header of that name. */
  issue(parameters: Parameters, authorization: string | undefined): Promise<Record<string, unknown>>;
}

interface Dependencies {
  readonly clients: ClientStore;
  readonly assertions: ClientAssertions;
  readonly keys: SigningKeys;
  readonly apis: Apis;
  readonly addresses: Addresses;
  readonly now: () => number;
}

/** The grant (Authentication API reference, Client Credentials Flow). */
export function createClientCredentialsGrant(deps: Dependencies): ClientCredentialsGrant {
  const { clients, assertions, keys, apis, addresses, now } = deps;

  async function authenticate(parameters: Parameters, authorization: string | undefined) {
    if (parameters['client_assertion'] !== undefined) {
      if (parameters['client_assertion_type'] !== ASSERTION_TYPE) return undefined;
      const client = await assertions.verify(parameters['client_assertion']);
      const named = parameters['client_id'];
      return named === undefined || named === client?.client_id ? client : undefined;
    }
    const { id, secret } = readBasic(authorization) ?? {
      id: parameters['client_id'] ?? '',
      secret: parameters['client_secret'] ?? '',
    };
    const client = clients.find(id);
    if (client?.client_secret === undefined) return client && isPublicClient(client) ? client : undefined;
    return isSameText(client.client_secret, secret) ? client : undefined;
  }

  return {
    async issue(parameters, authorization) {
      const client = await authenticate(parameters, authorization);
      if (!client) throw new OAuthError(401, 'access_denied', 'Unauthorized');
      if (isPublicClient(client)) throw createGrantNotAllowedError();
      const audience = parameters['audience'] ?? parameters['resource'];
      const { api, scope } = getGrant(client, audience, parameters['scope']);
      const claims = createAccessTokenClaims(
        addresses,
        {
          sub: `${client.client_id}@clients`,
          audience: api.identifier,
          clientId: client.client_id,
          scope,
          lifetimeSeconds: api.token_lifetime,
          machine: true,
        },
        now(),
      );
      return {
        access_token: signAccessToken(keys, claims),
        scope,
        expires_in: api.token_lifetime,
        token_type: 'Bearer',
      };
    },
  };

  function getGrant(client: TenantClient, audience: string | undefined, requested: string | undefined) {
    if (audience === undefined || audience === '') {
      throw new OAuthError(
        403,
        'access_denied',
        'No audience parameter was provided, and no default audience has been configured',
      );
    }
    const api = apis.find(audience);
    if (!api) {
      throw new OAuthError(403, 'access_denied', `Service not enabled within domain: ${audience}`);
    }
    const name = addresses.isManagementAudience(audience) ? 'management' : audience;
    const granted = client.grants?.[name] ?? [];
    if (granted.length === 0) {
      throw new OAuthError(
        403,
        'access_denied',
        `Client is not authorized to access "${audience}". You need to create a "client-grant" associated to this API. See: https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants`,
      );
    }
    const wanted = requested?.split(' ').filter((scope) => scope !== '') ?? [];
    const scopes = wanted.length === 0 ? granted : granted.filter((scope) => wanted.includes(scope));
    return { api, scope: scopes.join(' ') };
  }
}

function createGrantNotAllowedError(): OAuthError {
  return new OAuthError(
    403,
    'unauthorized_client',
    "Grant type 'client_credentials' not allowed for the client.",
    'https://auth0.com/docs/clients/client-grant-types',
  );
}

function readBasic(authorization: string | undefined): { id: string; secret: string } | undefined {
  const encoded = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const [id = '', ...secret] = Buffer.from(encoded, 'base64').toString().split(':');
  // RFC 6749 2.3.1: both halves are form-encoded before they are joined.
  const decoded = new URLSearchParams(`id=${id}&secret=${secret.join(':')}`);
  return { id: decoded.get('id') ?? '', secret: decoded.get('secret') ?? '' };
}

function isSameText(expected: string, given: string): boolean {
  const [left, right] = [Buffer.from(expected), Buffer.from(given)];
  return left.length === right.length && timingSafeEqual(left, right);
}
