/**
 * The users of the tenant. `updated_at` of a user strictly increases with every change, every change is published,
 * and a password never leaves this file.
 */
import { timingSafeEqual } from 'node:crypto';
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

/** The profile of a new user: without `*_metadata` keys, as at Auth0. */
function createProfile(userId: string, stamp: string): StoredUser {
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

const CLAIM_NAMES = [
  'name',
  'given_name',
  'family_name',
  'nickname',
  'picture',
  'updated_at',
  'email',
  'email_verified',
];

/** The claims about a user: `sub` and the known profile attributes, never metadata. */
export function getProfileClaims(user: StoredUser): JsonObject & { readonly sub: string } {
  const known = CLAIM_NAMES.filter((name) => user[name] !== undefined);
  return { ...Object.fromEntries(known.map((name) => [name, user[name] ?? null])), sub: user.user_id };
}

// The log of all changes of users, for the Events API. Changes are numbered without gaps, and the newest are stored, so
// that a reader can resume.

export interface UserChange {
  /** Position in the log, counting from 1. */
  readonly offset: number;
  readonly type: 'user.created' | 'user.updated' | 'user.deleted';
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly user: StoredUser;
  readonly previous?: StoredUser;
}

export interface UserChanges {
  /** Appends a change and tells every subscriber before it returns. */
  publish(change: Omit<UserChange, 'offset' | 'time'>): void;
  /** Calls `listener` for each later change. Returns the function that ends the subscription. */
  subscribe(listener: (change: UserChange) => void): () => void;
  /** The stored changes, oldest first. */
  history(): readonly UserChange[];
  /** Offset of the newest change, 0 before the first. */
  newest(): number;
}

/** An empty log that keeps the newest `keep` changes. `now` is in milliseconds since 1970. */
export function createUserChanges(now: () => number, options: { keep?: number } = {}): UserChanges {
  const keep = options.keep ?? 1000;
  const listeners = new Set<(change: UserChange) => void>();
  let kept: UserChange[] = [];
  let offset = 0;
  return {
    publish(change) {
      offset += 1;
      const numbered = { ...change, offset, time: new Date(now()).toISOString() };
      kept = [...kept, numbered].slice(-keep);
      for (const listener of listeners) listener(numbered);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    history: () => kept,
    newest: () => offset,
  };
}

export interface UserStore {
  find(userId: string): StoredUser | undefined;
  /** The user with this email or username, if the password is theirs. */
  authenticate(login: string, password: string): StoredUser | undefined;
  /** Sets root attributes of a user, creating the user if there is none. */
  write(userId: string, write: UserWrite): StoredUser;
  /** Returns whether there was such a user. */
  remove(userId: string): boolean;
  /** Forgets all users and takes these instead, without publishing anything. */
  restore(users: ReadonlyMap<string, UserWrite>): void;
}

/** An empty store. `now` is in milliseconds since 1970. */
export function createUserStore(changes: UserChanges, now: () => number): UserStore {
  const users = new Map<string, StoredUser>();
  const passwords = new Map<string, string>();

  function apply(userId: string, { attributes, password }: UserWrite): StoredUser {
    const previous = users.get(userId);
    const stamp = new Date(Math.max(now(), previous ? Date.parse(previous.updated_at) + 1 : 0)).toISOString();
    const entries = new Map<string, JsonValue>(Object.entries(previous ?? createProfile(userId, stamp)));
    entries.set('updated_at', stamp);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null) entries.delete(name);
      else entries.set(name, value);
    }
    const user = {
      ...Object.fromEntries(entries),
      user_id: userId,
      created_at: asTextOr(entries.get('created_at'), stamp),
      updated_at: asTextOr(entries.get('updated_at'), stamp),
    };
    users.set(userId, user);
    if (password !== undefined) passwords.set(userId, password);
    return user;
  }

  return {
    find: (userId) => users.get(userId),
    authenticate(login, password) {
      const wanted = login.trim().toLowerCase();
      for (const user of users.values()) {
        const names = [user['email'], user['username']];
        if (!names.some((name) => typeof name === 'string' && name.toLowerCase() === wanted)) continue;
        const expected = passwords.get(user.user_id);
        if (expected !== undefined && isSameText(expected, password)) return user;
      }
      return undefined;
    },
    write(userId, write) {
      const previous = users.get(userId);
      const user = apply(userId, write);
      changes.publish(previous ? { type: 'user.updated', user, previous } : { type: 'user.created', user });
      return user;
    },
    remove(userId) {
      const user = users.get(userId);
      if (!user) return false;
      users.delete(userId);
      passwords.delete(userId);
      changes.publish({ type: 'user.deleted', user });
      return true;
    },
    restore(seed) {
      users.clear();
      passwords.clear();
      for (const [userId, write] of seed) apply(userId, write);
    },
  };
}

function isSameText(expected: string, given: string): boolean {
  const [left, right] = [Buffer.from(expected), Buffer.from(given)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function asTextOr(value: JsonValue | undefined, fallback: string): string {
  return typeof value === 'string' ? value : fallback;
}
