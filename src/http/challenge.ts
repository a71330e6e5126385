/** `WWW-Authenticate` for 401 and for a missing scope: RFC 6750 section 3, RFC 9449 section 7.1, RFC 9728 section 5.1. */
import type { Request } from 'express';
import type { AppError } from '../lib/app-error.ts';

const OAUTH_ERRORS: Partial<Record<AppError['code'], string>> = {
  token_invalid: 'invalid_token',
  dpop_proof_invalid: 'invalid_dpop_proof',
  scope_missing: 'insufficient_scope',
};

/** Where the description of this protected resource stands (RFC 9728 section 3). */
export const RESOURCE_METADATA_PATH = '/.well-known/oauth-protected-resource';

/** What a host name with port may look like; anything else could break out of the quoted string. */
const HOST = /^[\w.-]+(?::\d+)?$|^\[[\da-f:.]+\](?::\d+)?$/i;

export interface ChallengeOptions {
  /** Algorithms of DPoP proofs. */
  readonly algorithms: readonly string[];
  /** Whether a bearer token would be refused, so that none is asked for. */
  readonly dpopRequired: boolean;
}

/**
 * The challenge for an error, or undefined where the answer needs none. A request that sent no token gets
 * no error code (RFC 6750 section 3.1).
 */
export function challengeFor(
  error: AppError,
  req: Request,
  { algorithms, dpopRequired }: ChallengeOptions,
): string | undefined {
  const isChallenge = error.code === 'token_missing' || error.code in OAUTH_ERRORS;
  if (!isChallenge) return undefined;
  const oauthError = OAUTH_ERRORS[error.code];
  const parameters = [
    ...(oauthError === undefined ? [] : [`error="${oauthError}"`, `error_description="${error.message}"`]),
    ...(error.extras.scope === undefined ? [] : [`scope="${error.extras.scope}"`]),
    ...resourceMetadata(req),
  ].join(', ');
  const algs = `algs="${algorithms.join(' ')}"`;
  if (dpopRequired) return `DPoP ${parameters === '' ? '' : `${parameters}, `}${algs}`;
  const usedDpop = /^dpop /i.test(req.headers.authorization ?? '');
  return usedDpop
    ? `DPoP ${parameters}, ${algs}, Bearer realm="metadata-bff"`
    : `Bearer realm="metadata-bff", ${parameters}, DPoP ${algs}`;
}

function resourceMetadata(req: Request): string[] {
  const { host } = req;
  if (host === undefined || !HOST.test(host)) return [];
  return [`resource_metadata="${req.protocol}://${host}${RESOURCE_METADATA_PATH}"`];
}
