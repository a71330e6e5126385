/** How the machine client authenticates at Auth0: with a secret, or with a private key from a file. */
import { type AsymmetricKeyDetails, createPrivateKey, type KeyObject } from 'node:crypto';
import type { ClientCredentials } from '../src/auth0/token-provider.ts';
import { type EnvironmentReading, type ReadFile, readText } from './environment.ts';

/** @returns undefined with at least one error, which is here or in the environment. */
export function readCredentials(
  { values, errors: invalid }: Pick<EnvironmentReading, 'values' | 'errors'>,
  readFile: ReadFile,
  errors: string[],
): ClientCredentials | undefined {
  const {
    AUTH0_CLIENT_SECRET: secret,
    AUTH0_CLIENT_SIGNING_KEY_PATH: keyPath,
    AUTH0_CLIENT_SIGNING_ALGORITHM: algorithm,
  } = values;
  if (secret !== undefined && keyPath !== undefined) {
    errors.push('AUTH0_CLIENT_SECRET, AUTH0_CLIENT_SIGNING_KEY_PATH: only one of them may be set');
    return undefined;
  }
  if (secret !== undefined) return { kind: 'secret', secret };
  if (keyPath === undefined) {
    const isReported = invalid.has('AUTH0_CLIENT_SECRET') || invalid.has('AUTH0_CLIENT_SIGNING_KEY_PATH');
    if (!isReported) errors.push('AUTH0_CLIENT_SECRET: is required, or AUTH0_CLIENT_SIGNING_KEY_PATH');
    return undefined;
  }
  const content = readText('AUTH0_CLIENT_SIGNING_KEY_PATH', keyPath, readFile, errors);
  if (content === undefined || algorithm === undefined) return undefined;
  // `openssl pkcs12` writes attributes before the key.
  const pem = content.slice(Math.max(0, content.indexOf(PKCS8)));
  const error = getKeyError(pem, algorithm);
  if (error === undefined) return { kind: 'private_key', pem, algorithm };
  errors.push(`AUTH0_CLIENT_SIGNING_KEY_PATH: ${error}`);
  return undefined;
}

const PKCS8 = '-----BEGIN PRIVATE KEY-----';
const CONVERT = 'convert it with `openssl pkcs8 -topk8 -nocrypt -in old.pem -out new.pem`';

/** The labels of PEM files that are mistaken for private keys (RFC 7468, and what OpenSSL writes). */
const OTHER_FORMS: ReadonlyArray<readonly [RegExp, string]> = [
  [/BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED/, `the key is encrypted: ${CONVERT}`],
  [/BEGIN RSA PRIVATE KEY/, `the key is in PKCS#1 form, not PKCS#8: ${CONVERT}`],
  [/BEGIN EC PRIVATE KEY/, `the key is in SEC 1 form, not PKCS#8: ${CONVERT}`],
  [/BEGIN OPENSSH PRIVATE KEY/, 'the key is in the form of OpenSSH, not PKCS#8'],
  [
    /BEGIN (?:RSA )?PUBLIC KEY/,
    'the file holds the public key: that one goes to Auth0, the private one here',
  ],
  [/BEGIN CERTIFICATE/, 'the file holds a certificate, not a private key'],
];

/** Why this key cannot sign with this algorithm; undefined if it can. Quotes nothing of the key. */
function getKeyError(pem: string, algorithm: string): string | undefined {
  if (!pem.startsWith(PKCS8)) {
    const [, error] = OTHER_FORMS.find(([form]) => form.test(pem)) ?? [];
    return error ?? 'the file holds no private key in PKCS#8 PEM form';
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    return 'the private key in the file is damaged';
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details = {} } = key;
  const signsWithRsa = !algorithm.startsWith('ES');
  const needed = signsWithRsa
    ? 'an RSA key of at least 2048 bits'
    : `an EC key on ${algorithm === 'ES256' ? 'P-256' : 'P-384'}`;
  const kind = describeKey(type, details);
  const fits = signsWithRsa ? type === 'rsa' && (details.modulusLength ?? 0) >= 2048 : kind === needed;
  return fits
    ? undefined
    : `AUTH0_CLIENT_SIGNING_ALGORITHM=${algorithm} needs ${needed}, and this is ${kind}`;
}

const CURVES: Readonly<Record<string, string>> = {
  prime256v1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
};

function describeKey(type: string | undefined, details: AsymmetricKeyDetails): string {
  if (type === 'rsa') return `an RSA key of ${details.modulusLength} bits`;
  if (type === 'ec') return `an EC key on ${CURVES[details.namedCurve ?? ''] ?? details.namedCurve}`;
  return `a key of the type ${type}`;
}
