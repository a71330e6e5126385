/** How a token or proof is refused: in our words, which say what is wrong and repeat nothing of what was sent. */
import type { Request } from 'express';
import { UnauthorizedError } from 'express-oauth2-jwt-bearer';
import { AppError } from '../lib/app-error.ts';
import { SafeError } from '../lib/safe-error.ts';

export function tokenRefused(message = 'The access token is not valid here.'): AppError {
  return new AppError('token_invalid', message);
}

export function proofRefused(message: string): AppError {
  return new AppError('dpop_proof_invalid', message);
}

const SIGNATURE_REFUSED = 'The signature of the access token cannot be verified.';

/** Whether another key might verify what this one did not. */
export function isSignatureRefusal(error: unknown): boolean {
  return error instanceof AppError && error.message === SIGNATURE_REFUSED;
}

export const OTHER_ISSUER = 'The access token comes from another issuer.';

/** Our words for what the library found; its own are for the log of a developer at most. */
const REASONS: ReadonlyArray<readonly [RegExp, string]> = [
  [/"exp"|'exp'/, 'The access token has expired.'],
  [/"nbf"/, 'The access token is not valid yet.'],
  [/'iss'/, OTHER_ISSUER],
  [/'aud'/, 'The access token is meant for another audience.'],
  [/signature|applicable key|matching keys/, SIGNATURE_REFUSED],
  [/has no jkt/, 'The access token is not bound to a key, so it cannot be used with the DPoP scheme.'],
  [/DPoP-bound|confirmation/, 'The access token is bound to a key and needs a DPoP proof made with it.'],
];

/** What the library threw, as an error of ours; anything that is no refusal stays as it is. */
export function refusalOf(error: unknown, req: Request): unknown {
  if (!(error instanceof UnauthorizedError)) return error;
  const code = 'code' in error ? error.code : undefined;
  if (code === 'invalid_token') {
    return tokenRefused(REASONS.find(([pattern]) => pattern.test(error.message))?.[1]);
  }
  if (code === 'invalid_dpop_proof' || req.headers['dpop'] !== undefined) {
    return proofRefused('The DPoP proof does not fit this request and token.');
  }
  return new AppError('request_malformed', 'The request cannot be authenticated as it was sent.', {
    cause: new SafeError('refused by the token verifier as an invalid request'),
  });
}
