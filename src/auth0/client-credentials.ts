/**
 * How this service proves itself at the token endpoint: with a shared secret, or with a signed assertion
 * (RFC 7523, `private_key_jwt`). Neither ever appears in an error.
 */
import { randomUUID } from 'node:crypto';
import { importPKCS8, SignJWT } from 'jose';
import type { Clock } from '../lib/clock.ts';

export type ClientCredentials =
  | { readonly kind: 'secret'; readonly secret: string }
  | { readonly kind: 'private_key'; readonly pem: string; readonly algorithm: string };

/** The form fields that authenticate one token request. */
export type ClientAuthentication = () => Promise<Readonly<Record<string, string>>>;

/** Auth0 refuses assertions that live longer than five minutes, and recommends one at most. */
const ASSERTION_SECONDS = 60;

export function createClientAuthentication(
  { clock }: { readonly clock: Clock },
  options: {
    readonly clientId: string;
    readonly credentials: ClientCredentials;
    /** The tenant's issuer with its trailing slash, which Auth0 demands as `aud`. */
    readonly assertionAudience: string;
  },
): ClientAuthentication {
  const { clientId, credentials, assertionAudience } = options;
  if (credentials.kind === 'secret') return async () => ({ client_secret: credentials.secret });
  const key = importPKCS8(credentials.pem, credentials.algorithm);
  // A key that cannot be read rejects each use; it must not end the process before the first one.
  key.catch(() => undefined);
  return async () => {
    const now = Math.floor(clock.now() / 1000);
    const assertion = await new SignJWT({})
      .setProtectedHeader({ alg: credentials.algorithm })
      .setIssuer(clientId)
      .setSubject(clientId)
      .setAudience(assertionAudience)
      .setIssuedAt(now)
      .setExpirationTime(now + ASSERTION_SECONDS)
      .setJti(randomUUID())
      .sign(await key);
    return {
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    };
  };
}
