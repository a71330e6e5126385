/**
 * Writes JSON Web Signatures, the honest ones of this tenant and, for tests of those who verify, every dishonest kind.
 * The header goes out exactly as given: what it claims and what signs it are separate decisions on purpose.
 */
import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { SigningKey } from './signing-keys.ts';

/** The signature algorithms that `signJws` can carry out. */
export type JwsAlgorithm = 'none' | `${'RS' | 'PS' | 'HS' | 'ES'}${'256' | '384' | '512'}` | 'EdDSA';

/** Reads an algorithm name; `none` counts in any spelling, as attackers spell it. */
export function parseAlgorithm(name: string): JwsAlgorithm | undefined {
  if (name.toLowerCase() === 'none') return 'none';
  return isAlgorithm(name) ? name : undefined;
}

/**
 * Signs `payload` under `header`. RS and PS use the tenant's key, HS uses its public key as the secret (the confusion
 * attack), ES and EdDSA use a key nobody knows, `none` leaves the signature empty.
 */
export function signJws(
  header: Readonly<Record<string, unknown>>,
  payload: Readonly<Record<string, unknown>>,
  algorithm: JwsAlgorithm,
  key: SigningKey,
): string {
  const input = `${encoded(header)}.${encoded(payload)}`;
  return `${input}.${signature(Buffer.from(input), algorithm, key).toString('base64url')}`;
}

function signature(input: Buffer, algorithm: JwsAlgorithm, key: SigningKey): Buffer {
  if (algorithm === 'none') return Buffer.alloc(0);
  if (algorithm === 'EdDSA') return sign(null, input, generateKeyPairSync('ed25519').privateKey);
  const digest = `sha${algorithm.slice(2)}`;
  switch (algorithm.slice(0, 2)) {
    case 'HS':
      return createHmac(digest, key.publicKey.export({ type: 'spki', format: 'pem' }))
        .update(input)
        .digest();
    case 'ES':
      return sign(digest, input, { key: throwAwayCurveKey(algorithm), dsaEncoding: 'ieee-p1363' });
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

function throwAwayCurveKey(algorithm: JwsAlgorithm): KeyObject {
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

function encoded(part: Readonly<Record<string, unknown>>): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
