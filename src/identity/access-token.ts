/**
 * What can be said of an access token without a key. A token that no key could make acceptable is refused here, before
 * the issuer is asked or a signature is verified.
 */
import type { Request } from 'express';
import { UnauthorizedError } from 'express-oauth2-jwt-bearer';
import { decodeJwt, decodeProtectedHeader, type ProtectedHeaderParameters } from 'jose';
import { AppError, SafeError } from '../lib/app-error.ts';

// How a token or proof is refused: in our words, which say what is wrong and repeat nothing of what was sent.

export function createTokenError(message = 'The access token is not valid here.'): AppError {
  return new AppError('token_invalid', message);
}

export function createProofError(message: string): AppError {
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
export function toAuthError(error: unknown, req: Request): unknown {
  if (!(error instanceof UnauthorizedError)) return error;
  const code = 'code' in error ? error.code : undefined;
  if (code === 'invalid_token') {
    return createTokenError(REASONS.find(([pattern]) => pattern.test(error.message))?.[1]);
  }
  if (code === 'invalid_dpop_proof' || req.headers['dpop'] !== undefined) {
    return createProofError('The DPoP proof does not fit this request and token.');
  }
  return new AppError('request_malformed', 'The request cannot be authenticated as it was sent.', {
    cause: new SafeError('refused by the token verifier as an invalid request'),
  });
}

/** Asymmetric only: a public key must never serve as an HMAC secret (RFC 8725 section 3.1). */
export const SIGNING_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
] as const;

const ACCEPTED_ALGORITHMS: ReadonlySet<unknown> = new Set(SIGNING_ALGORITHMS);

/** `typ` of an access token: Auth0's own profile, and RFC 9068. Anything else is another kind of token. */
const ACCESS_TOKEN_TYPES = /^(?:jwt|(?:application\/)?at\+jwt)$/i;

/** RFC 7515 section 7.1: three parts of unpadded base64url. */
const COMPACT_JWS = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** How far clocks may differ. */
export const CLOCK_TOLERANCE_SECONDS = 5;

/** Far more than a token with many permissions needs, and what still fits into the header fields with others. */
const MAX_TOKEN_CHARACTERS = 8192;

/** What a token says of itself before anything of it is verified: enough to choose the key to verify it with. */
interface UnverifiedToken {
  readonly keyId: string | undefined;
  /** Its `iss`, of any type. */
  readonly issuer: unknown;
}

/**
 * What the token says of itself.
 * @throws AppError `token_invalid` for what no key could make acceptable at this time.
 */
export function precheckToken(token: string, nowMs: number): UnverifiedToken {
  if (token.length > MAX_TOKEN_CHARACTERS) {
    // Said in numbers: another login gives the same token again, and its owner has to know why.
    throw createTokenError(
      `The access token is ${token.length} characters long; this service accepts at most ${MAX_TOKEN_CHARACTERS}.`,
    );
  }
  // Decoders forgive padding and stray characters, so that one token would have many spellings.
  if (!COMPACT_JWS.test(token)) throw createTokenError('The access token is not a JWT.');
  let header: ProtectedHeaderParameters;
  try {
    header = decodeProtectedHeader(token);
  } catch {
    throw createTokenError('The access token is not a JWT.');
  }
  const { alg, kid, typ } = header;
  if (!ACCEPTED_ALGORITHMS.has(alg)) {
    throw createTokenError('The access token is not signed with an accepted algorithm.');
  }
  if (kid !== undefined && typeof kid !== 'string') throw createTokenError();
  if (typ !== undefined && !(typeof typ === 'string' && ACCESS_TOKEN_TYPES.test(typ)))
    throw createTokenError();
  const { exp, iss } = readClaims(token);
  // Every token expires, and an app that goes on with an old one must not cost signature checks.
  if (typeof exp === 'number' && exp + CLOCK_TOLERANCE_SECONDS <= nowMs / 1000) {
    throw createTokenError('The access token has expired.');
  }
  return { keyId: kid, issuer: iss };
}

function readClaims(token: string): { readonly exp?: unknown; readonly iss?: unknown } {
  try {
    return decodeJwt(token);
  } catch {
    throw createTokenError('The access token is not a JWT.');
  }
}

// A request at the address that its caller sees. express-oauth2-jwt-bearer compares `htu` of a DPoP proof (RFC 9449
// section 4.3) with an address that it reads from the request's own fields, which its sender chooses.

export interface RequestAddress {
  readonly protocol: string;
  readonly host: string;
  /** With the query. */
  readonly path: string;
}

/** The same request for a reader of its address; everything else is that of the original. */
export function withAddress(req: Request, { protocol, host, path }: RequestAddress): Request {
  const headers = new Map([
    ['host', host],
    ['x-forwarded-host', undefined],
  ]);
  const addressed: Request = Object.create(req, {
    protocol: { value: protocol },
    originalUrl: { value: path },
    get: {
      value: (name: string) =>
        headers.has(name.toLowerCase()) ? headers.get(name.toLowerCase()) : req.get(name),
    },
  });
  return addressed;
}
