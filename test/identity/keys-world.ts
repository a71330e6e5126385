/** Signing keys over an issuer without a network, and a clock that a test moves. */
import { createSigningKeys, type SigningKeys } from '../../src/identity/signing-keys.ts';
import { HttpFailure } from '../../src/lib/http-client.ts';
import { createFakeHttp, json } from '../lib/fake-http.ts';
import { createManualClock } from '../lib/manual-clock.ts';

export const MINUTE = 60_000;
export const ISSUER = 'https://issuer.test/';
export const JWKS = 'https://issuer.test/jwks';
const OPTIONS = {
  issuer: ISSUER,
  jwksUri: JWKS,
  refreshAfterMs: 10 * MINUTE,
  usableForMs: 240 * MINUTE,
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

export const key = (kid: string) => ({ kty: 'RSA', kid, n: 'AQAB', e: 'AQAB' });
export const published = (...kids: string[]) => json(200, { keys: kids.map(key) });
export const down = new HttpFailure('unreachable', 'ECONNREFUSED');

export async function kidsFor(keys: SigningKeys, kid: string | undefined) {
  return (await keys.forKeyId(kid)).jwks.keys.map((each) => each.kid);
}
