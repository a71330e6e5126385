/** The machine client's proof of itself: a secret, or a private key from a file. */
import { type ReadFile, readText } from './read-text.ts';

export type Credentials =
  | { readonly kind: 'secret'; readonly secret: string }
  | { readonly kind: 'private_key'; readonly pem: string; readonly algorithm: string };

interface CredentialSources {
  readonly secret: string | undefined;
  readonly keyPath: string | undefined;
  readonly algorithm: string;
}

/** Adds each fault to `faults`; then the answer must not be used. */
export function readCredentials(
  { secret, keyPath, algorithm }: CredentialSources,
  readFile: ReadFile,
  faults: string[],
): Credentials {
  const none = { kind: 'secret', secret: '' } as const;
  if (secret !== undefined && keyPath !== undefined) {
    faults.push('AUTH0_CLIENT_SECRET, AUTH0_CLIENT_SIGNING_KEY_PATH: only one of them may be set');
    return none;
  }
  if (secret !== undefined) return { kind: 'secret', secret };
  if (keyPath === undefined) {
    const already = faults.some((fault) => fault.startsWith('AUTH0_CLIENT_SECRET'));
    if (!already) faults.push('AUTH0_CLIENT_SECRET: is required, or AUTH0_CLIENT_SIGNING_KEY_PATH');
    return none;
  }
  const pem = readText('AUTH0_CLIENT_SIGNING_KEY_PATH', keyPath, readFile, faults);
  if (pem === undefined) return none;
  if (!pem.includes('-----BEGIN PRIVATE KEY-----')) {
    faults.push('AUTH0_CLIENT_SIGNING_KEY_PATH: the file holds no private key in PKCS#8 PEM form');
  }
  return { kind: 'private_key', pem, algorithm };
}
