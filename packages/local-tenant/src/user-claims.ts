/**
 * The claims Auth0 makes about a user to an application: profile attributes only, never metadata.
 */
import type { AccountClaims } from 'oidc-provider';
import type { StoredUser } from './stored-user.ts';

const claimNames = [
  'name',
  'given_name',
  'family_name',
  'nickname',
  'picture',
  'updated_at',
  'email',
  'email_verified',
];

/** `sub` and whatever of the profile is known. */
export function profileClaims(user: StoredUser): AccountClaims {
  const known = claimNames.filter((name) => user[name] !== undefined);
  return { sub: user.user_id, ...Object.fromEntries(known.map((name) => [name, user[name]])) };
}
