/**
 * Where keys stand in Redis. What one script names, and what belongs to one user, shares a hash tag, so that it stands
 * on one node of a cluster. There is a small, known number of tags, so that each of them can be looked after.
 */

/** The first character of a hash in base64url, in any order. */
export const KEY_GROUPS: readonly string[] =
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split('');

/** @param hash in base64url. @returns the same with its group as the hash tag: `{a}bcdef`. */
export function toGroupedKey(hash: string): string {
  return `{${hash.slice(0, 1)}}${hash.slice(1)}`;
}
