/**
 * Access tokens in Auth0's own profile: header `typ: "JWT"`, `azp` instead of `client_id`, no `jti`, audience an
 * array only with `openid` among the scopes. All tokens of the tenant take their claims from this file.
 */
import { jwtVerify } from 'jose';
import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { Addresses } from './addresses.ts';
import { TOKEN_LIFETIME_SECONDS } from './apis.ts';
import type { SigningKey, SigningKeys } from './signing-keys.ts';

/** The signature algorithms that `signJws` can carry out. */
type JwsAlgorithm = 'none' | `${'RS' | 'PS' | 'HS' | 'ES'}${'256' | '384' | '512'}` | 'EdDSA';

/** Reads an algorithm name; `none` counts in any spelling, as attackers spell it. */
export function parseAlgorithm(name: string): JwsAlgorithm | undefined {
  if (name.toLowerCase() === 'none') return 'none';
  return isAlgorithm(name) ? name : undefined;
}

/**
 * Signs `payload` with exactly this `header`, so that tests of verifiers get every kind of forged token. RS and PS use
 * the tenant's key, HS uses its public key as the secret (the confusion attack), ES and EdDSA use an unknown key, and
 * `none` leaves the signature empty.
 */
export function signJws(
  header: Readonly<Record<string, unknown>>,
  payload: Readonly<Record<string, unknown>>,
  algorithm: JwsAlgorithm,
  key: SigningKey,
): string {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${createSignature(Buffer.from(input), algorithm, key).toString('base64url')}`;
}

function createSignature(input: Buffer, algorithm: JwsAlgorithm, key: SigningKey): Buffer {
  if (algorithm === 'none') return Buffer.alloc(0);
  if (algorithm === 'EdDSA') return sign(null, input, generateKeyPairSync('ed25519').privateKey);
  const digest = `sha${algorithm.slice(2)}`;
  switch (algorithm.slice(0, 2)) {
    case 'HS':
      return createHmac(digest, key.publicKey.export({ type: 'spki', format: 'pem' }))
        .update(input)
        .digest();
    case 'ES':
      return sign(digest, input, { key: createEphemeralKey(algorithm), dsaEncoding: 'ieee-p1363' });
    case 'PS':
      return sign(digest, input, {
        key: key.privateKey,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      });
    default:
      return sign(digest, input, key.privateKey);
  }
}

function createEphemeralKey(algorithm: JwsAlgorithm): KeyObject {
  const curves = new Map<JwsAlgorithm, string>([
    ['ES256', 'P-256'],
    ['ES384', 'P-384'],
    ['ES512', 'P-521'],
  ]);
  return generateKeyPairSync('ec', { namedCurve: curves.get(algorithm) ?? 'P-256' }).privateKey;
}

function isAlgorithm(name: string): name is JwsAlgorithm {
  return /^(?:(?:RS|PS|HS|ES)(?:256|384|512)|EdDSA)$/.test(name);
}

function encode(part: Readonly<Record<string, unknown>>): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

interface TokenRequest {
  readonly sub: string;
  readonly audience: string | readonly string[];
  readonly clientId: string;
  readonly scope?: string;
  readonly lifetimeSeconds?: number;
  readonly machine?: boolean;
}

/** The claims of an access token issued now. `now` is in milliseconds since 1970. */
export function createAccessTokenClaims(
  addresses: Addresses,
  request: TokenRequest,
  now: number,
): Record<string, unknown> {
  const issuedAt = Math.floor(now / 1000);
  return {
    iss: addresses.issuer,
    sub: request.sub,
    aud: request.audience,
    iat: issuedAt,
    exp: issuedAt + (request.lifetimeSeconds ?? TOKEN_LIFETIME_SECONDS),
    ...(request.scope ? { scope: request.scope } : {}),
    ...(request.machine ? { gty: 'client-credentials' } : {}),
    azp: request.clientId,
  };
}

/** The protected header Auth0 gives its access tokens. */
export function createAccessTokenHeader(key: SigningKey): Record<string, unknown> {
  return { alg: 'RS256', typ: 'JWT', kid: key.kid };
}

/** Signs claims as a token of this tenant. */
export function signAccessToken(keys: SigningKeys, claims: Readonly<Record<string, unknown>>): string {
  const key = keys.current();
  return signJws(createAccessTokenHeader(key), claims, 'RS256', key);
}

/**
 * Verifies signature, algorithm, issuer and time of a token of this tenant, and gives its claims. Does NOT look at the
 * audience. Rejects with an error of jose.
 */
export async function verifyAccessToken(
  token: string,
  keys: SigningKeys,
  addresses: Addresses,
  now: number,
): Promise<Record<string, unknown>> {
  const findKey = ({ kid }: { kid?: string }) => {
    const key = keys.published().find((candidate) => candidate.kid === kid);
    if (!key) throw new Error('no such key');
    return key.publicKey;
  };
  const { payload } = await jwtVerify(token, findKey, {
    algorithms: ['RS256'],
    issuer: addresses.issuer,
    currentDate: new Date(now),
  });
  return payload;
}
