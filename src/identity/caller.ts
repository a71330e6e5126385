/**
 * From the claims of a verified token to the person who calls. Machines, anonymous sessions and agents
 * have no metadata of their own and are refused here.
 */
import type { JWTPayload } from 'jose';
import { AppError } from '../lib/app-error.ts';
import { type Actor, parseActor } from './actor.ts';

export interface Caller {
  /** The token's `sub`, the only user this request can concern. */
  readonly userId: string;
  /** The application: `azp` (Auth0 profile) or `client_id` (RFC 9068). */
  readonly clientId: string | undefined;
  readonly scopes: ReadonlySet<string>;
  /** Who acts for the user; undefined where the user acts in person. */
  readonly actor: Actor | undefined;
  /** Of the token: its `iss`, and the key it names. */
  readonly issuer: string;
  readonly keyId: string | undefined;
  /** When the token ends, in seconds since the epoch. */
  readonly expiresAt: number;
}

export interface CallerOptions {
  /** Whether entries of `permissions` (Auth0 RBAC) count as scopes. */
  readonly permissionsClaim: boolean;
  /** Empty: any client of the audience. */
  readonly allowedClients: readonly string[];
}

/**
 * Subjects that are not users: M2M clients (`...@clients`), anonymous sessions (`anon@...`) and agents
 * (`agt_...`), as Auth0 issues them. A subject of dots only would change the address it becomes part of.
 */
const NOT_A_USER = /@clients$|^anon@|^agt_|^\.{1,2}$/;

/** Auth0 limits identifiers far below this; it bounds cache keys and addresses. */
const USER_ID_CHARACTERS_MAX = 512;

/**
 * @throws AppError `token_invalid`, `caller_not_a_user` or `client_not_allowed`.
 */
export function callerOf(
  claims: JWTPayload,
  keyId: string | undefined,
  { permissionsClaim, allowedClients }: CallerOptions,
): Caller {
  const actor = parseActor(claims);
  const { sub } = claims;
  const machine = claims['gty'] === 'client-credentials';
  if (typeof sub !== 'string' || sub === '' || sub.length > USER_ID_CHARACTERS_MAX) throw notAUser();
  if (machine || NOT_A_USER.test(sub) || !sub.isWellFormed()) throw notAUser();
  const clientId = [claims['azp'], claims['client_id']].find((id) => typeof id === 'string');
  if (allowedClients.length > 0 && (clientId === undefined || !allowedClients.includes(clientId))) {
    throw new AppError('client_not_allowed', 'The application this token was issued to may not call here.');
  }
  return {
    userId: sub,
    clientId,
    scopes: new Set([...scopesIn(claims), ...(permissionsClaim ? permissionsIn(claims) : [])]),
    actor,
    issuer: claims.iss ?? '',
    keyId,
    expiresAt: claims.exp ?? 0,
  };
}

function notAUser(): AppError {
  return new AppError(
    'caller_not_a_user',
    'Only a user can have metadata; this token does not stand for one.',
  );
}

function scopesIn({ scope }: JWTPayload): string[] {
  return typeof scope === 'string' ? scope.split(' ').filter(Boolean) : [];
}

function permissionsIn({ permissions }: JWTPayload): string[] {
  return Array.isArray(permissions) ? permissions.filter((item) => typeof item === 'string') : [];
}
