/**
 * What an issuer publishes (RFC 7517), as far as it can verify tokens here. A member that is odd, for another purpose
 * or of an unknown type costs nothing but itself (RFC 7517 section 5).
 */
import { createPublicKey } from 'node:crypto';
import type { JSONWebKeySet, JWK } from 'jose';
import { z } from 'zod';
import { SIGNING_ALGORITHMS } from './presented-token.ts';

/** One fetched state of an issuer. The object's identity changes with every fetch that changed it. */
export interface KeySet {
  /** The issuer exactly as its tokens name it in `iss`. */
  readonly issuer: string;
  /** In each list no two keys are alike to a token. All keys but the second and later ones of one id are in the first. */
  readonly lists: readonly JSONWebKeySet[];
}

export const jwksSchema = z.object({ keys: z.array(z.unknown()) });

const KEYS_MAX = 100;

/** As many keys may share an id. One more can only be a fault, and each costs a signature check. */
const ALIKE_MAX = 4;

/** RFC 7518 section 3.3 and 3.5. jose verifies nothing with a shorter one. */
const RSA_BITS_MIN = 2048;

const text = z.string().min(1);

/** Of each member what a verification needs. The private half of a key must not be known, so such a key is none. */
const keySchema = z
  .looseObject({
    kid: z.string().optional(),
    alg: z.enum(SIGNING_ALGORITHMS).optional(),
    use: z.literal('sig').optional(),
    key_ops: z
      .array(z.unknown())
      .refine((operations) => operations.includes('verify'))
      .optional(),
    d: z.undefined().optional(),
  })
  .and(
    z.discriminatedUnion('kty', [
      z.looseObject({ kty: z.literal('RSA'), n: text, e: text }),
      z.looseObject({ kty: z.literal('EC'), crv: z.enum(['P-256', 'P-384', 'P-521']), x: text, y: text }),
    ]),
  );

/** The keys among `members` that verify tokens, at most 100, each once. */
export function usableKeys(members: readonly unknown[]): readonly JWK[] {
  const usable = new Map<string, JWK>();
  for (const member of members) {
    const key = usableKey(member);
    if (key !== undefined) usable.set(JSON.stringify(key), key);
    if (usable.size === KEYS_MAX) break;
  }
  return [...usable.values()];
}

function usableKey(member: unknown): JWK | undefined {
  const result = keySchema.safeParse(member);
  if (!result.success) return undefined;
  const { data } = result;
  const named = {
    ...(data.kid === undefined ? {} : { kid: data.kid }),
    ...(data.alg === undefined ? {} : { alg: data.alg }),
  };
  const key =
    data.kty === 'RSA'
      ? { kty: data.kty, ...named, n: data.n, e: data.e }
      : { kty: data.kty, ...named, crv: data.crv, x: data.x, y: data.y };
  return isSound(key) ? key : undefined;
}

/** Whether the numbers in it make a key that is long enough. */
function isSound(key: JWK & { readonly kty: 'RSA' | 'EC' }): boolean {
  try {
    const { asymmetricKeyDetails } = createPublicKey({ key, format: 'jwk' });
    return key.kty === 'EC' || (asymmetricKeyDetails?.modulusLength ?? 0) >= RSA_BITS_MIN;
  } catch {
    return false;
  }
}

/**
 * Keys in lists in which a token finds one key at most: jose refuses to choose. An issuer that gives two keys the
 * same id, as one may during a rotation, so has the tokens of both accepted.
 */
export function separateAlike(keys: readonly JWK[]): readonly JSONWebKeySet[] {
  const lists: JWK[][] = [];
  const counts = new Map<string, number>();
  for (const key of keys) {
    const name = JSON.stringify([key.kid, key.kty, key.crv]);
    const count = counts.get(name) ?? 0;
    counts.set(name, count + 1);
    if (count < ALIKE_MAX) (lists[count] ??= []).push(key);
  }
  return lists.map((list) => ({ keys: list }));
}

/** The lists in which a key for this token may be. */
export function listsFor({ lists }: KeySet, keyId: string | undefined): readonly JSONWebKeySet[] {
  return lists.filter(({ keys }, index) => index === 0 || keys.some(({ kid }) => kid === keyId));
}

export function hasKey({ lists }: KeySet, keyId: string): boolean {
  return lists[0]?.keys.some(({ kid }) => kid === keyId) ?? false;
}

/** The keys that a token with this key id may have been verified with, as one text to compare. */
export function keyMaterial(keySet: KeySet | undefined, keyId: string | undefined): string {
  const keys = keySet?.lists.flatMap((list) => list.keys) ?? [];
  return JSON.stringify(keyId === undefined ? keys : keys.filter(({ kid }) => kid === keyId));
}
