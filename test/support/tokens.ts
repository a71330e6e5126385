/** Access tokens of the test issuer: good ones, and any other that differs from a good one in one thing. */
import { createPublicKey } from 'node:crypto';
import {
  CompactSign,
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  importPKCS8,
  importSPKI,
  type JWK,
} from 'jose';

export const AUDIENCE = 'https://metadata.example.com';
export const TENANT_DOMAIN = 'tenant.example.auth0.com';
export const ISSUER = `https://${TENANT_DOMAIN}/`;
export const APPLICATION = 'the-application';

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  /** The public key as a JWKS lists it. */
  readonly jwk: JWK;
}

export async function createSigningKey(kid: string, alg = 'RS256'): Promise<SigningKey> {
  return toSigningKey(kid, alg, await generateKeyPair(alg, { extractable: true }));
}

async function toSigningKey(
  kid: string,
  alg: string,
  { privateKey, publicKey }: Pick<SigningKey, 'privateKey' | 'publicKey'>,
): Promise<SigningKey> {
  const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
  return { kid, alg, privateKey, publicKey, jwk };
}

/** The key that `jest.config.js` generated. */
async function importIssuerKey(): Promise<SigningKey> {
  const pem = process.env['TEST_ISSUER_KEY'] ?? '';
  const privateKey = await importPKCS8(pem, 'RS256', { extractable: true });
  const publicPem = createPublicKey(pem).export({ type: 'spki', format: 'pem' }).toString();
  const publicKey = await importSPKI(publicPem, 'RS256', { extractable: true });
  return toSigningKey('key-1', 'RS256', { privateKey, publicKey });
}

/** The issuer's key: one pair for each run. */
export const issuerKey = await importIssuerKey();

export interface TokenChanges {
  /** Claims that differ from the good ones; undefined leaves one out. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Header parameters that differ; undefined leaves one out. */
  readonly header?: Readonly<Record<string, unknown>>;
  readonly key?: SigningKey;
}

export function goodClaims(): Record<string, unknown> {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: ISSUER,
    sub: 'auth0|user-1',
    aud: [AUDIENCE, `${ISSUER}userinfo`],
    azp: APPLICATION,
    scope: 'openid read:metadata update:metadata',
    iat: now,
    exp: now + 3600,
  };
}

/** A token as Auth0 issues it to a person, but for the changes asked for. */
export async function mintToken({
  claims = {},
  header = {},
  key = issuerKey,
}: TokenChanges = {}): Promise<string> {
  const payload = JSON.stringify({ ...goodClaims(), ...claims });
  const protectedHeader = { alg: key.alg, kid: key.kid, typ: 'JWT', ...header };
  const { crit } = header;
  const understood = Array.isArray(crit)
    ? Object.fromEntries(crit.map((name: unknown) => [String(name), true]))
    : {};
  return new CompactSign(new TextEncoder().encode(payload))
    .setProtectedHeader(protectedHeader)
    .sign(key.privateKey, { crit: understood });
}

/** The base64url form of a value as JSON, for tokens that no library would make. */
export function encodePart(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
