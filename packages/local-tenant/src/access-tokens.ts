/**
 * Access tokens in Auth0's own profile: header `typ: "JWT"`, `azp` instead of `client_id`, no `jti`, audience an
 * array only where `openid` was asked for. Whatever issues a token here takes its claims from this file.
 */
import { jwtVerify } from 'jose';
import type { Addresses } from './addresses.ts';
import { signJws } from './jws.ts';
import type { SigningKey, SigningKeys } from './signing-keys.ts';

export const TOKEN_LIFETIME_SECONDS = 86_400;

export interface TokenRequest {
  readonly sub: string;
  readonly audience: string | readonly string[];
  readonly clientId: string;
  readonly scope?: string;
  readonly lifetimeSeconds?: number;
  readonly machine?: boolean;
}

/** The claims of an access token issued now. `now` is in milliseconds since 1970. */
export function accessTokenClaims(
  addresses: Addresses,
  request: TokenRequest,
  now: number,
): Record<string, unknown> {
  const issuedAt = Math.floor(now / 1000);
  return {
    iss: addresses.issuer,
    sub: request.sub,
    aud: request.audience,
    iat: issuedAt,
    exp: issuedAt + (request.lifetimeSeconds ?? TOKEN_LIFETIME_SECONDS),
    ...(request.scope ? { scope: request.scope } : {}),
    ...(request.machine ? { gty: 'client-credentials' } : {}),
    azp: request.clientId,
  };
}

/** The protected header Auth0 gives its access tokens. */
export function accessTokenHeader(key: SigningKey): Record<string, unknown> {
  return { alg: 'RS256', typ: 'JWT', kid: key.kid };
}

/** Signs claims as a token of this tenant. */
export function signAccessToken(keys: SigningKeys, claims: Readonly<Record<string, unknown>>): string {
  const key = keys.current();
  return signJws(accessTokenHeader(key), claims, 'RS256', key);
}

/**
 * Verifies signature, algorithm, issuer and time of a token of this tenant, and gives its claims. Does NOT look at the
 * audience. Rejects with an error of jose.
 */
export async function verifyAccessToken(
  token: string,
  keys: SigningKeys,
  addresses: Addresses,
  now: number,
): Promise<Record<string, unknown>> {
  const findKey = ({ kid }: { kid?: string }) => {
    const key = keys.published().find((candidate) => candidate.kid === kid);
    if (!key) throw new Error('no such key');
    return key.publicKey;
  };
  const { payload } = await jwtVerify(token, findKey, {
    algorithms: ['RS256'],
    issuer: addresses.issuer,
    currentDate: new Date(now),
  });
  return payload;
}
