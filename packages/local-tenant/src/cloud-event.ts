/**
 * A change to a user as the Events API tells it: a CloudEvent in Auth0's profile (Events catalog, `user.*`). The same
 * change is the same event, id included, however often it is sent.
 */
import { createHash } from 'node:crypto';
import type { JsonObject } from './json.ts';
import type { UserChange } from './user-changes.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const ID_CHARACTERS = 22;
const TENANT = 'local';

/** The event for a change. `host` is the tenant's, without a scheme. */
export function cloudEventOf(change: UserChange, host: string): JsonObject {
  return {
    specversion: '1.0',
    type: change.type,
    source: `urn:auth0:${host}`,
    id: `evt_${identifier(`${host} ${change.time} ${change.offset}`)}`,
    time: change.time,
    a0tenant: TENANT,
    a0stream: `est_${identifier(host)}`,
    data: {
      object: change.user,
      ...(change.previous === undefined ? {} : { previous_object: change.previous }),
    },
  };
}

/** 22 letters and digits that follow from `seed`. */
function identifier(seed: string): string {
  const bytes = createHash('sha256').update(seed).digest().subarray(0, ID_CHARACTERS);
  return Array.from(bytes, (byte) => ALPHABET.charAt(byte % ALPHABET.length)).join('');
}
