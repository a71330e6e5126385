/**
 * The users of the tenant. `updated_at` of a user strictly increases with every change, every change is published,
 * and a password never leaves this file.
 */
import { timingSafeEqual } from 'node:crypto';
import type { JsonValue } from './json.ts';
import { newProfile, type StoredUser, type UserWrite } from './stored-user.ts';
import type { UserChanges } from './user-changes.ts';

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
    const entries = new Map<string, JsonValue>(Object.entries(previous ?? newProfile(userId, stamp)));
    entries.set('updated_at', stamp);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null) entries.delete(name);
      else entries.set(name, value);
    }
    const user = {
      ...Object.fromEntries(entries),
      user_id: userId,
      created_at: textOr(entries.get('created_at'), stamp),
      updated_at: textOr(entries.get('updated_at'), stamp),
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
        if (expected !== undefined && sameText(expected, password)) return user;
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

function sameText(expected: string, given: string): boolean {
  const [left, right] = [Buffer.from(expected), Buffer.from(given)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function textOr(value: JsonValue | undefined, fallback: string): string {
  return typeof value === 'string' ? value : fallback;
}
