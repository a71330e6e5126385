/**
 * From a request to its caller: express-oauth2-jwt-bearer verifies the token of the Authorization header, and the
 * proof that a bound one needs, over the signing keys that we hold.
 */
import type { Request, Response } from 'express';
import { auth } from 'express-oauth2-jwt-bearer';
import { decodeJwt, type JWTPayload } from 'jose';
import { atAddress, type RequestAddress } from './addressed-request.ts';
import { type Caller, callerOf, type CallerOptions } from './caller.ts';
import type { DpopReplay } from './dpop-replay.ts';
import { acceptableKeyId, CLOCK_TOLERANCE_SECONDS, presentedToken } from './presented-token.ts';
import { proofRefused, refusalOf, tokenRefused } from './refusal.ts';
import type { KeySet, SigningKeys } from './signing-keys.ts';
import type { VerifiedTokens } from './verified-tokens.ts';

/**
 * @throws AppError `token_missing`, `token_invalid`, `dpop_proof_invalid`, `request_malformed`,
 * `keys_unavailable`, `caller_not_a_user` or `client_not_allowed`.
 */
export type Authenticate = (req: Request, res: Response) => Promise<Caller>;

export interface AuthenticateOptions extends CallerOptions {
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
  readonly keys: SigningKeys;
  readonly replay: DpopReplay;
  readonly verified: VerifiedTokens;
  /** The address that the caller sees; undefined where the request names no usable host. */
  readonly getAddress: (req: Request) => RequestAddress | undefined;
}

/** Compared with nothing: a bearer needs no address, and a proof without one is refused before. */
const NO_ADDRESS: RequestAddress = { protocol: 'http', host: 'localhost', path: '/' };

export function createAuthenticate(
  { keys, replay, verified, getAddress }: Dependencies,
  options: AuthenticateOptions,
): Authenticate {
  const { audience, dpopRequired, proofAgeSeconds, proofLeadSeconds } = options;
  const verifiers = new WeakMap<KeySet, ReturnType<typeof auth>>();

  function verifierFor(keySet: KeySet): ReturnType<typeof auth> {
    const known = verifiers.get(keySet);
    if (known) return known;
    const verifier = auth({
      issuer: keySet.issuer,
      audience,
      publicKey: keySet.jwks,
      // Each of these would otherwise be read from the environment (ISSUER_BASE_URL, JWKS_URI, SECRET,
      // TOKEN_SIGNING_ALG), whoever set it and for whatever purpose.
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
    verifiers.set(keySet, verifier);
    return verifier;
  }

  async function verify(original: Request, res: Response, keySet: KeySet): Promise<JWTPayload> {
    const req = atAddress(original, getAddress(original) ?? NO_ADDRESS);
    await new Promise<void>((resolve, reject) => {
      const next = (error?: unknown) => (error === undefined ? resolve() : reject(error));
      Promise.resolve(verifierFor(keySet)(req, res, next)).catch(reject);
    }).catch((error: unknown) => {
      throw refusalOf(error, req);
    });
    if (!req.auth) throw tokenRefused();
    return req.auth.payload;
  }

  /** Only after token and proof were verified: nobody else's proof is used up by a forged one. */
  async function useUp(proof: string, jkt: string): Promise<void> {
    const { jti } = decodeJwt(proof);
    if (typeof jti !== 'string') throw proofRefused('The DPoP proof has no identifier that is a text.');
    if (await replay.firstUse(jti, jkt)) return;
    throw proofRefused('The DPoP proof was used before: each request needs a new one.');
  }

  return async function authenticate(req, res) {
    const { token, proof } = presentedToken(req, options);
    if (proof !== undefined && getAddress(req) === undefined) {
      throw proofRefused('The request names no host that a DPoP proof could be made for.');
    }
    // A proof is good once, and beside a bearer a fault: whatever comes with one is looked at each time.
    const known = req.headers['dpop'] === undefined ? verified.find(token) : undefined;
    // The very keys that verified it, so that a token ends with its key.
    if (known && known.keySet === keys.held()) return known.caller;
    const kid = acceptableKeyId(token, Date.now());
    const keySet = await keys.forKeyId(kid);
    const claims = await verify(req, res, keySet);
    const jkt = boundKey(claims);
    const caller = callerOf(claims, options);
    if (proof === undefined) verified.keep(token, { caller, keySet });
    else await useUp(proof, jkt ?? '');
    return caller;
  };
}

/**
 * The thumbprint of the key that the token is bound to. A token bound to anything else (a client certificate, RFC
 * 8705) is no bearer token.
 */
function boundKey({ cnf }: JWTPayload): string | undefined {
  if (cnf === undefined) return undefined;
  if (typeof cnf === 'object' && cnf !== null && Object.keys(cnf).join() === 'jkt') {
    const jkt: unknown = Reflect.get(cnf, 'jkt');
    if (typeof jkt === 'string') return jkt;
  }
  throw tokenRefused('The access token is bound in a way that is not supported here.');
}
