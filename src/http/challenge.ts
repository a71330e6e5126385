/** `WWW-Authenticate` for 401 and for a missing scope: RFC 6750 section 3, RFC 9449 section 7.1, RFC 9728 section 5.1. */
import type { Request } from 'express';
import type { AppError } from '../lib/app-error.ts';
import { getBaseAddress, RESOURCE_METADATA_PATH } from './public-address.ts';

const OAUTH_ERRORS: Partial<Record<AppError['code'], string>> = {
  token_invalid: 'invalid_token',
  dpop_proof_invalid: 'invalid_dpop_proof',
  scope_missing: 'insufficient_scope',
};

export interface ChallengeOptions {
  /** Algorithms of DPoP proofs. */
  readonly algorithms: readonly string[];
  /** Whether a bearer token would be refused, so that none is asked for. */
  readonly dpopRequired: boolean;
}

/**
 * The challenge for an error, or undefined where the answer needs none. The scheme that the request used comes first,
 * with an error code of that scheme. A request that sent no token gets no error code (RFC 6750 section 3.1).
 */
export function challengeFor(
  error: AppError,
  req: Request,
  { algorithms, dpopRequired }: ChallengeOptions,
): string | undefined {
  const usesDpop = dpopRequired || /^dpop(?: |$)/i.test(req.headers.authorization ?? '');
  const oauthError = getOAuthError(error, usesDpop);
  if (oauthError === undefined && error.code !== 'token_missing') return undefined;
  const parameters = [
    ...(oauthError === undefined ? [] : [`error="${oauthError}"`, `error_description="${error.message}"`]),
    ...(error.extras.scope === undefined ? [] : [`scope="${error.extras.scope}"`]),
    ...resourceMetadata(req),
  ];
  const algs = `algs="${algorithms.join(' ')}"`;
  if (!usesDpop) return `Bearer ${[REALM, ...parameters].join(', ')}, DPoP ${algs}`;
  const dpop = `DPoP ${[...parameters, algs].join(', ')}`;
  return dpopRequired ? dpop : `${dpop}, Bearer ${REALM}`;
}

const REALM = 'realm="metadata-bff"';

function getOAuthError({ code, extras }: AppError, usesDpop: boolean): string | undefined {
  // Only where tokens are looked at is a scope known: no other malformed request is about one.
  if (code === 'request_malformed') return extras.scope === undefined ? undefined : 'invalid_request';
  // RFC 9449 section 7.1 defines the error of a proof for its own scheme.
  if (code === 'dpop_proof_invalid' && !usesDpop) return OAUTH_ERRORS.token_invalid;
  return OAUTH_ERRORS[code];
}

function resourceMetadata(req: Request): string[] {
  const base = getBaseAddress(req);
  return base ? [`resource_metadata="${base.url}${RESOURCE_METADATA_PATH}"`] : [];
}
