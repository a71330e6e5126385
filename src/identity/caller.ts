/**
 * From the claims of a verified token to the person who calls. Machines, anonymous sessions and agents
 * have no metadata of their own and are refused here.
 */
import type { JWTPayload } from 'jose';
import { z } from 'zod';
import { AppError } from '../lib/app-error.ts';
import { isJsonObject, type JsonObject } from '../lib/json.ts';
import type { Login } from '../metadata/ports.ts';
import { createTokenError } from './access-token.ts';

// Who acts for the user (RFC 8693 section 4.1): the claim `act` holds the party that uses the token, and within it
// the parties that delegated to that one before.

export interface Actor {
  /** The `sub` of the outermost actor, which is the one that acts now (RFC 8693 section 4.1). */
  readonly sub: string;
  /** How many actors the chain names, the outermost included. */
  readonly count: number;
}

/** A longer chain cannot be followed by a person, and costs memory for each request. */
const MAX_ACTORS = 5;

/**
 * The actors that the token names; undefined where the user acts in person. Members of an actor other than `sub` and
 * `act` carry no meaning here (RFC 8693: identity claims only), so they are ignored.
 * @throws AppError `token_invalid` for a chain that cannot be read: a token must not lose its actor by a fault in it.
 */
function parseActor({ act }: JWTPayload): Actor | undefined {
  if (act === undefined) return undefined;
  let outermost: string | undefined;
  let count = 0;
  for (let link: unknown = act; link !== undefined; link = getOwnMember(link, 'act')) {
    count += 1;
    if (count > MAX_ACTORS) {
      throw createTokenError(`The act claim of the access token names more than ${MAX_ACTORS} actors.`);
    }
    const sub = getOwnMember(link, 'sub');
    if (typeof sub !== 'string' || sub === '' || !sub.isWellFormed()) {
      throw createTokenError('The act claim of the access token has an actor without a sub that is a text.');
    }
    outermost ??= sub;
  }
  return outermost === undefined ? undefined : { sub: outermost, count };
}

/** @throws AppError `token_invalid` for an actor that is no object. */
function getOwnMember(actor: unknown, name: 'sub' | 'act'): unknown {
  if (!isJsonObject(actor)) {
    throw createTokenError('The act claim of the access token has an actor that is not an object.');
  }
  return Object.hasOwn(actor, name) ? actor[name] : undefined;
}

export interface Caller {
  /** The token's `sub`, the only user this request can concern. */
  readonly userId: string;
  /** The application: `azp` (Auth0 profile) or `client_id` (RFC 9068). */
  readonly clientId: string | undefined;
  readonly scopes: ReadonlySet<string>;
  /** Who acts for the user; undefined where the user acts in person. */
  readonly actor: Actor | undefined;
  readonly login: Login;
  /** Of the token: its `iss`, and the key it names. */
  readonly issuer: string;
  readonly keyId: string | undefined;
  /** When the token ends, in seconds since the epoch. */
  readonly expiresAt: number;
  /** The claims that mirror stored values, as far as the token carries them. Nothing else of it is kept. */
  readonly mappedClaims: JsonObject;
}

export interface CallerOptions {
  /** Whether entries of `permissions` (Auth0 RBAC) count as scopes. */
  readonly permissionsClaim: boolean;
  /** Empty: any client of the audience. */
  readonly allowedClients: readonly string[];
  /** Names of the claims that say when and how the user logged in (OpenID Connect Core section 2). */
  readonly authTimeClaim: string;
  readonly acrClaim: string;
  /** Names of the claims that mirror stored values. */
  readonly mappedClaimNames: readonly string[];
}

const json = z.json();

/**
 * Subjects that are not users: M2M clients (`...@clients`), anonymous sessions (`anon@...`) and agents
 * (`agt_...`), as Auth0 issues them. A subject of dots only would change the address it becomes part of.
 */
const NOT_A_USER = /@clients$|^anon@|^agt_|^\.{1,2}$/;

/** Auth0 limits identifiers far below this; it bounds cache keys and addresses. */
const MAX_USER_ID_CHARACTERS = 512;

/**
 * @throws AppError `token_invalid`, `caller_not_a_user` or `client_not_allowed`.
 */
export function toCaller(
  claims: JWTPayload,
  keyId: string | undefined,
  { permissionsClaim, allowedClients, authTimeClaim, acrClaim, mappedClaimNames }: CallerOptions,
): Caller {
  const actor = parseActor(claims);
  const { sub } = claims;
  const machine = claims['gty'] === 'client-credentials';
  if (typeof sub !== 'string' || sub === '' || sub.length > MAX_USER_ID_CHARACTERS)
    throw createNotAUserError();
  if (machine || NOT_A_USER.test(sub) || !sub.isWellFormed()) throw createNotAUserError();
  const clientId = [claims['azp'], claims['client_id']].find((id) => typeof id === 'string');
  if (allowedClients.length > 0 && (clientId === undefined || !allowedClients.includes(clientId))) {
    throw new AppError('client_not_allowed', 'The application this token was issued to may not call here.');
  }
  return {
    userId: sub,
    clientId,
    scopes: new Set([...readScopes(claims), ...(permissionsClaim ? readPermissions(claims) : [])]),
    actor,
    login: readLogin(claims, authTimeClaim, acrClaim),
    issuer: claims.iss ?? '',
    keyId,
    expiresAt: claims.exp ?? 0,
    mappedClaims: pickClaims(claims, mappedClaimNames),
  };
}

function createNotAUserError(): AppError {
  return new AppError(
    'caller_not_a_user',
    'Only a user can have metadata; this token does not stand for one.',
  );
}

/** A claim of another type says nothing. */
function readLogin(claims: JWTPayload, authTimeClaim: string, acrClaim: string): Login {
  const [authTime, acr] = [claims[authTimeClaim], claims[acrClaim]];
  return {
    authTime: typeof authTime === 'number' && Number.isFinite(authTime) ? authTime : undefined,
    acr: typeof acr === 'string' ? acr : undefined,
  };
}

function pickClaims(claims: JWTPayload, names: readonly string[]): JsonObject {
  const carried = names.filter((name) => Object.hasOwn(claims, name));
  return Object.fromEntries(carried.map((name) => [name, json.parse(claims[name])]));
}

function readScopes({ scope }: JWTPayload): string[] {
  return typeof scope === 'string' ? scope.split(' ').filter(Boolean) : [];
}

function readPermissions({ permissions }: JWTPayload): string[] {
  return Array.isArray(permissions) ? permissions.filter((item) => typeof item === 'string') : [];
}
