/**
 * Texts that must never be seen outside: each holds the word LEAK, so that one search finds them all.
 */
export const LEAK = /LEAK/;

export const CLIENT_SECRET = 'LEAK-client-secret';
export const UPSTREAM_TEXT = 'LEAK-upstream-text';

/** Any JWT, of any issuer: the first characters of `{"` in base64url. */
export const JWT_PART = /eyJ[\w-]{5,}/;

export function managementToken(serial: number): string {
  return `LEAK-management-token-${serial}`;
}
