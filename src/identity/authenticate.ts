/**
 * From a request to its caller: express-oauth2-jwt-bearer verifies the token of the Authorization header, and the
 * proof that a bound one needs, over the signing keys that we hold.
 */
import type { Request, Response } from 'express';
import { auth } from 'express-oauth2-jwt-bearer';
import { decodeJwt, type JSONWebKeySet, type JWTPayload } from 'jose';
import { hash } from 'node:crypto';
import { AppError } from '../lib/app-error.ts';
import { createBoundedMap } from '../lib/bounded-map.ts';
import type { Clock } from '../lib/clock.ts';
import {
  withAddress,
  CLOCK_TOLERANCE_SECONDS,
  precheckToken,
  isSignatureRefusal,
  createProofError,
  toAuthError,
  type RequestAddress,
  createTokenError,
} from './access-token.ts';
import { type Caller, toCaller, type CallerOptions } from './caller.ts';
import type { ProofId } from './dpop-replay.ts';
import { type KeySet, getKeyLists, type TrustedIssuers } from './signing-keys.ts';

// Tokens that were verified a short while ago, so that the signature of each is checked once and not with every
// request. A token counts as verified until it ends, and only by the very keys that verified it. What is held
// is a hash of it, never the token.

interface VerifiedToken {
  readonly caller: Caller;
  readonly keySet: KeySet;
  /** A bearer has none. */
  readonly proof: undefined;
}

interface VerifiedTokens {
  /**
   * Undefined for a token that is not held, or has ended. Whether its keys are still in use is for the caller to see.
   */
  get(token: string): VerifiedToken | undefined;
  /** Only for bearers: a proof is good once, so a bound token must be looked at each time. */
  set(token: string, verified: VerifiedToken): void;
}

interface VerifiedTokensOptions {
  /** The least recently used beyond it are verified again. */
  readonly maxTokens: number;
}

export function createVerifiedTokens(
  { clock }: { readonly clock: Clock },
  { maxTokens }: VerifiedTokensOptions,
): VerifiedTokens {
  const held = createBoundedMap<VerifiedToken>(maxTokens);

  return {
    get(token) {
      const name = hashToken(token);
      const verified = held.get(name);
      if (verified === undefined) return undefined;
      if (clock.now() < verified.caller.expiresAt * 1000) return verified;
      // What leeway there is for clocks, its verification decides.
      held.delete(name);
      return undefined;
    },
    set(token, verified) {
      held.set(hashToken(token), verified);
    },
  };
}

/** 256 bits: no two tokens share a hash, and no token can be made from one. */
function hashToken(token: string): string {
  return hash('sha256', token, 'base64url');
}

export interface Authenticated {
  readonly caller: Caller;
  /** The proof that came with a bound token: verified, and still to be used up. Undefined for a bearer. */
  readonly proof: ProofId | undefined;
}

/**
 * Uses nothing up: whether a proof came before is asked once its caller is counted.
 * @throws AppError `token_missing`, `token_invalid`, `dpop_proof_invalid`, `request_malformed`,
 * `keys_unavailable`, `caller_not_a_user` or `client_not_allowed`.
 */
export type Authenticate = (req: Request, res: Response) => Promise<Authenticated>;

interface AuthenticateOptions extends CallerOptions {
  /** The identifier of this API, which must stand in `aud`. */
  readonly audience: string;
  /** Whether bearers are refused. */
  readonly dpopRequired: boolean;
  /** How old a proof may be. */
  readonly proofAgeSeconds: number;
  /** How far it may lie in the future. */
  readonly proofLeadSeconds: number;
}

interface Dependencies {
  readonly issuers: TrustedIssuers;
  readonly verified: VerifiedTokens;
  /** The address that the caller sees; undefined where the request names no usable host. */
  readonly getAddress: (req: Request) => RequestAddress | undefined;
}

/** Compared with nothing: a bearer needs no address, and a proof without one is refused before. */
const NO_ADDRESS: RequestAddress = { protocol: 'http', host: 'localhost', path: '/' };

export function createAuthenticate(
  { issuers, verified, getAddress }: Dependencies,
  options: AuthenticateOptions,
): Authenticate {
  const { audience, dpopRequired, proofAgeSeconds, proofLeadSeconds } = options;
  const verifiers = new WeakMap<JSONWebKeySet, ReturnType<typeof auth>>();

  function getVerifier(issuer: string, publicKey: JSONWebKeySet): ReturnType<typeof auth> {
    const known = verifiers.get(publicKey);
    if (known) return known;
    const verifier = auth({
      issuer,
      audience,
      publicKey,
      // Each of these would otherwise be read from the environment (ISSUER_BASE_URL, JWKS_URI, SECRET,
      // TOKEN_SIGNING_ALG).
      issuerBaseURL: '',
      jwksUri: '',
      secret: '',
      tokenSigningAlg: '',
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      strict: false,
      authRequired: true,
      // Off, the library would take a DPoP-bound token as a bearer token.
      dpop: {
        enabled: true,
        required: dpopRequired,
        iatOffset: proofAgeSeconds,
        iatLeeway: proofLeadSeconds,
      },
      mtls: { enabled: false, required: false },
    });
    verifiers.set(publicKey, verifier);
    return verifier;
  }

  /** By each key that has the token's key id: mostly one. */
  async function verify(
    original: Request,
    res: Response,
    keySet: KeySet,
    keyId: string | undefined,
  ): Promise<JWTPayload> {
    const req = withAddress(original, getAddress(original) ?? NO_ADDRESS);
    let refusal: unknown = createTokenError();
    for (const list of getKeyLists(keySet, keyId)) {
      try {
        return await runVerifier(getVerifier(keySet.issuer, list), req, res);
      } catch (error) {
        if (!isSignatureRefusal(error)) throw error;
        refusal = error;
      }
    }
    throw refusal;
  }

  return async function authenticate(req, res) {
    const { token, proof } = getAccessToken(req, options);
    if (proof !== undefined && getAddress(req) === undefined) {
      throw createProofError('The request names no host that a DPoP proof could be made for.');
    }
    // A proof is valid once, and an error beside a bearer token. A request with a proof is verified each time.
    const known = req.headers['dpop'] === undefined ? verified.get(token) : undefined;
    // The very keys that verified it, so that a token ends with its key.
    if (known && issuers.isCurrent(known.keySet)) return known;
    const { keyId, issuer } = precheckToken(token, Date.now());
    const keySet = await issuers.getKeys(issuer, keyId);
    const claims = await verify(req, res, keySet, keyId);
    const jkt = readBoundKey(claims);
    const caller = toCaller(claims, keyId, options);
    if (proof === undefined) {
      const result = { caller, keySet, proof };
      verified.set(token, result);
      return result;
    }
    return { caller, proof: { jti: readIdentifier(proof), jkt: jkt ?? '' } };
  };
}

/** @throws AppError in our words for what the library refuses. */
async function runVerifier(
  verifier: ReturnType<typeof auth>,
  req: Request,
  res: Response,
): Promise<JWTPayload> {
  await new Promise<void>((resolve, reject) => {
    const next = (error?: unknown) => (error === undefined ? resolve() : reject(error));
    Promise.resolve(verifier(req, res, next)).catch(reject);
  }).catch((error: unknown) => {
    throw toAuthError(error, req);
  });
  if (!req.auth) throw createTokenError();
  return req.auth.payload;
}

/** Only of a proof that was verified. */
function readIdentifier(proof: string): string {
  const { jti } = decodeJwt(proof);
  if (typeof jti === 'string') return jti;
  throw createProofError('The DPoP proof has no identifier that is a text.');
}

/**
 * The thumbprint of the key that the token is bound to. A token bound to anything else (a client certificate, RFC
 * 8705) is no bearer token.
 */
function readBoundKey({ cnf }: JWTPayload): string | undefined {
  if (cnf === undefined) return undefined;
  if (typeof cnf === 'object' && cnf !== null && Object.keys(cnf).join() === 'jkt') {
    const jkt: unknown = Reflect.get(cnf, 'jkt');
    if (typeof jkt === 'string') return jkt;
  }
  throw createTokenError('The access token is bound in a way that is not supported here.');
}

interface AccessToken {
  readonly token: string;
  /** The proof that came along; undefined for a bearer. */
  readonly proof: string | undefined;
}

/**
 * The token of the Authorization header; no other place is read, although the library would.
 * @throws AppError `token_missing`, `token_invalid`, `dpop_proof_invalid` or `request_malformed`.
 */
function getAccessToken(req: Request, { dpopRequired }: { readonly dpopRequired: boolean }): AccessToken {
  const { authorization = '', dpop } = req.headers;
  const space = authorization.indexOf(' ');
  const scheme = authorization.slice(0, space).toLowerCase();
  let begin = space + 1;
  // Any number of spaces may follow the scheme (RFC 9110 section 11.4: 1*SP), and nothing else.
  while (authorization.startsWith(' ', begin)) begin += 1;
  const token = authorization.slice(begin);
  if (space < 0 || (scheme !== 'bearer' && scheme !== 'dpop') || token === '') {
    throw new AppError('token_missing', 'Send an access token in the Authorization header.');
  }
  if (token.includes(' ')) throw createTokenError();
  // The library, which reads the header again, takes exactly one.
  if (begin > space + 1) req.headers.authorization = `${authorization.slice(0, space)} ${token}`;
  // The query is taken apart only where there is one.
  if (req.url.includes('?') && req.query['access_token'] !== undefined) {
    throw new AppError('request_malformed', 'A request must carry its access token once, in the header.');
  }
  if (scheme === 'bearer') {
    // The token is what is not accepted as it was presented; there is no proof that could be (RFC 9449 section 7.1).
    if (dpopRequired)
      throw createTokenError('Bearer tokens are not accepted here: bind the token to a key (DPoP).');
    return { token, proof: undefined };
  }
  if (typeof dpop !== 'string' || dpop === '') {
    throw createProofError('The DPoP scheme needs a proof in the DPoP header.');
  }
  return { token, proof: dpop };
}
