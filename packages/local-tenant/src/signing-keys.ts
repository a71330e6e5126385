/**
 * The tenant's signing keys. Exactly one is current; earlier ones stay published until a rotation retires them, as in
 * Auth0's "JSON Web Key Sets". All keys are made here and die with the process.
 */
import { createHash, generateKeyPair, type JsonWebKey, type KeyObject, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { createSelfSignedCertificate } from './certificate.ts';

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** As it stands in the JWKS: `alg, kty, use, n, e, kid, x5t, x5c`. */
  readonly publicJwk: JsonWebKey;
}

export interface SigningKeys {
  current(): SigningKey;
  /** Newest first. */
  published(): readonly SigningKey[];
  /** Makes a new key current; with `retire`, the previous ones are published no longer. */
  rotate(options: { retire: boolean }): Promise<SigningKey>;
}

const generateKeys = promisify(generateKeyPair);

/** A key set with one new RSA key. */
export async function createSigningKeys(): Promise<SigningKeys> {
  let current = await createSigningKey();
  let published: readonly SigningKey[] = [current];
  return {
    current: () => current,
    published: () => published,
    async rotate({ retire }) {
      const next = await createSigningKey();
      published = retire ? [next] : [next, ...published];
      current = next;
      return next;
    },
  };
}

async function createSigningKey(): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeys('rsa', { modulusLength: 2048 });
  const kid = randomBytes(16).toString('base64url');
  const certificate = createSelfSignedCertificate({ privateKey, publicKey });
  const { n, e } = publicKey.export({ format: 'jwk' });
  const publicJwk: JsonWebKey = {
    kty: 'RSA',
    use: 'sig',
    ...(n === undefined ? {} : { n }),
    ...(e === undefined ? {} : { e }),
    kid,
    x5t: createHash('sha1').update(certificate).digest('base64url'),
    x5c: [certificate.toString('base64')],
    alg: 'RS256',
  };
  return { kid, privateKey, publicKey, publicJwk };
}
