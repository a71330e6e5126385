/**
 * The shape of a user. Only the id and the two dates are certain; everything else may be absent.
 */
import type { JsonObject, JsonValue } from './json.ts';

/** A user as the Management API shows it to a caller who may see everything. */
export interface StoredUser {
  readonly user_id: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly [attribute: string]: JsonValue;
}

/** What to write: attributes to set, where null removes one, and perhaps a new password. */
export interface UserWrite {
  readonly attributes: JsonObject;
  readonly password?: string;
}

/** The profile of a user nobody has described yet: no `*_metadata` keys, as Auth0 shows such a user. */
export function newProfile(userId: string, stamp: string): StoredUser {
  const [provider = 'auth0', ...rest] = userId.split('|');
  return {
    created_at: stamp,
    email_verified: false,
    identities: [
      {
        user_id: rest.join('|'),
        connection: provider === 'auth0' ? 'Username-Password-Authentication' : provider,
        provider,
        isSocial: false,
      },
    ],
    updated_at: stamp,
    user_id: userId,
  };
}
