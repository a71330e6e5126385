/** Signing keys over an issuer without a network, and a clock that a test moves. */
import { generateKeyPairSync } from 'node:crypto';
import { createSigningKeys, type SigningKeys } from '../../src/identity/signing-keys.ts';
import { isSafeUrl } from '../../config/parsers.ts';
import { HttpFailure } from '../../src/lib/http-client.ts';
import { createFakeHttp, json } from '../lib/fake-http.ts';
import { createManualClock } from '../lib/manual-clock.ts';

export const MINUTE = 60_000;
export const ISSUER = 'https://issuer.test/';
export const JWKS = 'https://issuer.test/jwks';
const OPTIONS = {
  issuer: ISSUER,
  jwksUri: JWKS,
  acceptsAddress: isSafeUrl,
  refreshAfterMs: 10 * MINUTE,
  maxStaleMs: 240 * MINUTE,
  retryAfterMs: 2_000,
  unknownKeyBurst: 3,
  unknownKeyRefillMs: 10_000,
};

export function createWorld(options: Partial<typeof OPTIONS> | { readonly jwksUri: undefined } = {}) {
  const http = createFakeHttp();
  const clock = createManualClock();
  const keys = createSigningKeys({ http, clock }, { ...OPTIONS, ...options });
  return { http, clock, keys };
}

const newMaterial = () =>
  generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });
const material = newMaterial();
const otherMaterial = newMaterial();

/** A key of that name; all are of the same numbers. */
export const key = (kid: string) => ({ ...material, kid });
export const otherKey = (kid: string) => ({ ...otherMaterial, kid });
export const published = (...kids: string[]) => json(200, { keys: kids.map(key) });
export const down = new HttpFailure('unreachable', 'ECONNREFUSED');

export async function kidsFor(keys: SigningKeys, kid: string | undefined) {
  return (await keys.getKeys(kid)).lists.flatMap((list) => list.keys).map((each) => each.kid);
}
