/**
 * From a request to its caller: express-oauth2-jwt-bearer verifies the token of the Authorization header
 * over the signing keys that we hold. No other place of a request may carry a token.
 */
import type { Request, Response } from 'express';
import { auth, UnauthorizedError } from 'express-oauth2-jwt-bearer';
import { decodeProtectedHeader, type JWTPayload, type ProtectedHeaderParameters } from 'jose';
import { AppError } from '../lib/app-error.ts';
import { SafeError } from '../lib/safe-error.ts';
import { type Caller, callerOf, type CallerOptions } from './caller.ts';
import type { KeySet, SigningKeys } from './signing-keys.ts';

/**
 * @throws AppError `token_missing`, `token_invalid`, `dpop_proof_invalid`, `request_malformed`,
 * `keys_unavailable`, `caller_not_a_user` or `client_not_allowed`.
 */
export type Authenticate = (req: Request, res: Response) => Promise<Caller>;

export interface AuthenticateOptions extends CallerOptions {
  /** The identifier of this API, which must stand in `aud`. */
  readonly audience: string;
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
];

/** `typ` of an access token: Auth0's own profile, and RFC 9068. Anything else is another kind of token. */
const ACCESS_TOKEN_TYPES = /^(?:jwt|(?:application\/)?at\+jwt)$/i;

/** RFC 7515 section 7.1: three parts of unpadded base64url. */
const COMPACT_JWS = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** Far more than a token with many permissions needs; more is not worth a signature check. */
const TOKEN_CHARACTERS_MAX = 8192;

export function createAuthenticate(
  { keys }: { readonly keys: SigningKeys },
  options: AuthenticateOptions,
): Authenticate {
  const verifiers = new WeakMap<KeySet, ReturnType<typeof auth>>();

  function verifierFor(keySet: KeySet): ReturnType<typeof auth> {
    const known = verifiers.get(keySet);
    if (known) return known;
    const verifier = auth({
      issuer: keySet.issuer,
      audience: options.audience,
      publicKey: keySet.jwks,
      // Each of these would otherwise be read from the environment (ISSUER_BASE_URL, JWKS_URI, SECRET,
      // TOKEN_SIGNING_ALG), whoever set it and for whatever purpose.
      issuerBaseURL: '',
      jwksUri: '',
      secret: '',
      tokenSigningAlg: '',
      clockTolerance: 5,
      strict: false,
      authRequired: true,
      // Off, the library would take a DPoP-bound token as a bearer token.
      dpop: { enabled: true, required: false, iatOffset: 300, iatLeeway: 30 },
      mtls: { enabled: false, required: false },
    });
    verifiers.set(keySet, verifier);
    return verifier;
  }

  async function verify(req: Request, res: Response, keySet: KeySet): Promise<JWTPayload> {
    await new Promise<void>((resolve, reject) => {
      const next = (error?: unknown) => (error === undefined ? resolve() : reject(error));
      Promise.resolve(verifierFor(keySet)(req, res, next)).catch(reject);
    }).catch((error: unknown) => {
      throw ourError(error, req);
    });
    if (!req.auth) throw invalid();
    return req.auth.payload;
  }

  return async function authenticate(req, res) {
    const { kid } = acceptableHeader(tokenOf(req));
    const claims = await verify(req, res, await keys.forKeyId(kid));
    refuseOtherBindings(claims);
    return callerOf(claims, options);
  };
}

/** The token of the Authorization header. The library also takes one from the query or a form: we do not. */
function tokenOf(req: Request): string {
  const { authorization } = req.headers;
  const [scheme, token, ...rest] = authorization?.split(' ') ?? [];
  if (!scheme || !/^(?:bearer|dpop)$/i.test(scheme) || !token) {
    throw new AppError('token_missing', 'Send an access token in the Authorization header.');
  }
  if (rest.length > 0) throw invalid();
  if (req.query['access_token'] !== undefined) {
    throw new AppError('request_malformed', 'A request must carry its access token once, in the header.');
  }
  if (/^dpop$/i.test(scheme) && !req.headers['dpop']) {
    throw new AppError('dpop_proof_invalid', 'The DPoP scheme needs a proof in the DPoP header.');
  }
  return token;
}

/** Refuses what no key could make acceptable, before the issuer is asked about its `kid`. */
function acceptableHeader(token: string): { readonly kid: string | undefined } {
  if (token.length > TOKEN_CHARACTERS_MAX) throw invalid();
  // Decoders forgive padding and stray characters, so that one token would have many spellings.
  if (!COMPACT_JWS.test(token)) throw invalid('The access token is not a JWT.');
  let header: ProtectedHeaderParameters;
  try {
    header = decodeProtectedHeader(token);
  } catch {
    throw invalid('The access token is not a JWT.');
  }
  const { alg, kid, typ } = header;
  if (typeof alg !== 'string' || !SIGNING_ALGORITHMS.includes(alg)) {
    throw invalid('The access token is not signed with an accepted algorithm.');
  }
  if (kid !== undefined && typeof kid !== 'string') throw invalid();
  if (typ !== undefined && !(typeof typ === 'string' && ACCESS_TOKEN_TYPES.test(typ))) throw invalid();
  return { kid };
}

/** A token bound to anything but a DPoP key (a client certificate, RFC 8705) is no bearer token. */
function refuseOtherBindings({ cnf }: JWTPayload): void {
  if (cnf === undefined) return;
  if (typeof cnf === 'object' && cnf !== null && Object.keys(cnf).join() === 'jkt') return;
  throw invalid('The access token is bound in a way that is not supported here.');
}

/** Our words for what the library found; its own are for the log of a developer at most. */
const REASONS: ReadonlyArray<readonly [RegExp, string]> = [
  [/"exp"|'exp'/, 'The access token has expired.'],
  [/"nbf"/, 'The access token is not valid yet.'],
  [/'iss'/, 'The access token comes from another issuer.'],
  [/'aud'/, 'The access token is meant for another audience.'],
  [/signature|applicable key|matching keys/, 'The signature of the access token cannot be verified.'],
  [/DPoP-bound|confirmation/, 'The access token is bound to a key and needs a DPoP proof made with it.'],
];

function ourError(error: unknown, req: Request): unknown {
  if (!(error instanceof UnauthorizedError)) return error;
  const code = 'code' in error ? error.code : undefined;
  if (code === 'invalid_token') {
    return invalid(REASONS.find(([pattern]) => pattern.test(error.message))?.[1]);
  }
  if (code === 'invalid_dpop_proof' || req.headers['dpop'] !== undefined) {
    return new AppError('dpop_proof_invalid', 'The DPoP proof does not fit this request and token.');
  }
  return new AppError('request_malformed', 'The request cannot be authenticated as it was sent.', {
    cause: new SafeError('refused by the token verifier as an invalid request'),
  });
}

function invalid(message = 'The access token is not valid here.'): AppError {
  return new AppError('token_invalid', message);
}
