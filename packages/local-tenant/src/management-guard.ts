/**
 * Who may call the Management API: a real token of this tenant, for the Management API, with a scope that the
 * operation takes. Refusals are in the words of the recordings.
 */
import type { Request } from 'express';
import { errors } from 'jose';
import { verifyAccessToken } from './access-tokens.ts';
import type { Addresses } from './addresses.ts';
import { Auth0Error } from './auth0-errors.ts';
import type { SigningKeys } from './signing-keys.ts';

export interface ManagementCaller {
  readonly sub: string;
  has(scope: string): boolean;
}

export interface ManagementGuard {
  /**
   * The caller, who holds at least one of `scopes` or of `notListed`; otherwise an `Auth0Error` of status 400, 401 or
   * 403, whose text names `scopes` only.
   */
  admit(
    request: Request,
    scopes: readonly string[],
    notListed?: readonly string[],
  ): Promise<ManagementCaller>;
}

/** A guard over the published keys. `now` is in milliseconds since 1970. */
export function createManagementGuard(
  keys: SigningKeys,
  addresses: Addresses,
  now: () => number,
): ManagementGuard {
  return {
    async admit(request, scopes, notListed = []) {
      const claims = await readClaims(readBearerToken(request));
      const audiences = [claims['aud']].flat().map(String);
      if (!audiences.some((audience) => addresses.isManagementAudience(audience))) {
        throw createUnauthorizedError(`Bad audience: ${audiences.join(',')}`);
      }
      // A bound token is worth nothing without its proof, which the Management API does not take.
      if (claims['cnf'] !== undefined) throw createUnauthorizedError('Invalid token');
      const held = new Set(asText(claims['scope']).split(' '));
      if (![...scopes, ...notListed].some((scope) => held.has(scope)))
        throw createInsufficientScopeError(scopes);
      return { sub: asText(claims['sub']), has: (scope) => held.has(scope) };
    },
  };

  async function readClaims(token: string) {
    try {
      return await verifyAccessToken(token, keys, addresses, now());
    } catch (cause) {
      if (cause instanceof errors.JWTExpired) {
        throw createUnauthorizedError(
          'Expired token received for JSON Web Token validation',
          'invalid_token',
        );
      }
      throw createUnauthorizedError('Invalid token');
    }
  }
}

function readBearerToken(request: Request): string {
  const header = request.headers.authorization;
  if (header === undefined) {
    throw new Auth0Error(401, 'Missing authentication', undefined, {
      headers: { 'www-authenticate': 'Bearer' },
    });
  }
  const token = /^Bearer +([\w-]+\.[\w-]+\.[\w-]*)$/i.exec(header)?.[1];
  if (token === undefined) throw new Auth0Error(400, 'Bad HTTP authentication header format', 'Bearer');
  return token;
}

function asText(claim: unknown): string {
  return typeof claim === 'string' ? claim : '';
}

function createUnauthorizedError(message: string, errorCode?: string): Auth0Error {
  return new Auth0Error(401, message, errorCode, { extra: { attributes: { error: message } } });
}

function createInsufficientScopeError(scopes: readonly string[]): Auth0Error {
  return new Auth0Error(
    403,
    `Insufficient scope, expected any of: ${scopes.join(',')}`,
    'insufficient_scope',
  );
}
