/**
 * Guards every protected route: who calls, whether too often, whether an actor may act for the user, and whether the
 * token has the scope.
 */
import type { Request, RequestHandler, Response } from 'express';
import type { Authenticate, Authenticated } from '../../identity/authenticate.ts';
import type { Actor, Caller } from '../../identity/caller.ts';
import type { DpopReplay } from '../../identity/dpop-replay.ts';
import { AppError } from '../../lib/app-error.ts';
import { type DelegationPolicy, getDelegatedAccess } from '../../metadata/policy.ts';
import { type Audit, withAudit } from './audit.ts';
import { getBaseAddress, RESOURCE_METADATA_PATH } from './public-address.ts';
import type { AddressLimit, CountCaller } from './rate-limit.ts';
import { getContext } from './request-context.ts';

export type CallerHandler = (req: Request, res: Response, caller: Caller) => Promise<void>;

/**
 * Makes a handler that runs `handle` only for a caller with one of the scopes. `partial` are scopes that open a part of
 * the resource: one of them is enough as well, and no challenge names them, because which part is wanted is not known.
 */
export type Guard = (
  scopes: string | readonly string[],
  handle: CallerHandler,
  partial?: readonly string[],
) => RequestHandler;

interface Dependencies {
  readonly authenticate: Authenticate;
  readonly addresses: AddressLimit;
  readonly countCaller: CountCaller;
  readonly replay: DpopReplay;
  readonly assertMayAct: AssertMayAct;
  /** Records writes. Undefined where there is no audit. */
  readonly audit?: Audit | undefined;
}

/**
 * The order is that of cost and trust. Token and proof are verified before anything else of the request is read. Then
 * the request counts for its user, so that one beyond the limit consumes nothing. Then the proof is consumed. Then
 * comes what the caller may do.
 */
export function createGuard(dependencies: Dependencies): Guard {
  const { authenticate, addresses, countCaller, replay, assertMayAct, audit } = dependencies;

  /** Counts a refused token or proof for the address, and adds the scope to the error. */
  async function countRefusals<T>(req: Request, scope: string, task: () => Promise<T>): Promise<T> {
    try {
      return await task();
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      await addresses.countRefusal(req, error);
      throw withScope(error, scope);
    }
  }

  async function identify(req: Request, res: Response, scope: string): Promise<Authenticated> {
    addresses.assertWithinLimit(req);
    return countRefusals(req, scope, () => authenticate(req, res));
  }

  return (scopes, handle, partial = []) => {
    const general = [scopes].flat();
    const accepted = [...general, ...partial];
    const scope = general.join(' ');
    async function guarded(req: Request, res: Response): Promise<void> {
      const { caller, proof } = await identify(req, res, scope);
      const context = getContext(req);
      context.clientId = caller.clientId;
      context.userId = caller.userId;
      context.actor = caller.actor;
      await countCaller(req, caller.userId);
      if (proof) await countRefusals(req, scope, () => replay.consumeProof(proof, caller.userId));
      assertMayAct(caller.actor, isRead(req) ? 'read' : 'write');
      const held = accepted.filter((name) => caller.scopes.has(name));
      if (held.length === 0) {
        const wanted = general.length === 1 ? `the scope ${scope}` : `any of the scopes ${scope}`;
        throw new AppError('scope_missing', `The access token lacks ${wanted}.`, { scope });
      }
      try {
        await handle(req, res, caller);
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'step_up_required') throw error;
        // The token of the next login needs the scopes that this one is accepted for.
        throw withScope(error, held.join(' '));
      }
    }

    if (audit === undefined) return guarded;
    return (req, res) => (isRead(req) ? guarded(req, res) : withAudit(audit, req, () => guarded(req, res)));
  };
}

/** By the method, so that no route can forget to say it. */
function isRead({ method }: Request): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** A challenge names the scope to ask for, also when no token came at all. */
function withScope(error: AppError, scope: string): AppError {
  return new AppError(error.code, error.message, { ...error.extras, scope });
}

// What actors may do for a user: the policy's member `delegation`.

/**
 * Accepts a caller who acts in person, and an actor to whom the policy allows this kind of request.
 * @throws AppError `actor_not_allowed`.
 */
export type AssertMayAct = (actor: Actor | undefined, kind: 'read' | 'write') => void;

export function createDelegation(policy: DelegationPolicy): AssertMayAct {
  return function assertMayAct(actor, kind) {
    const access = getDelegatedAccess(policy, actor);
    if (access === 'refuse') {
      throw createActorError(
        policy.access === 'refuse'
          ? 'Tokens with an actor are not accepted here.'
          : 'The actor that the access token names may not act for a user here.',
      );
    }
    if (access === 'read' && kind === 'write') {
      throw createActorError('An actor may read for a user here, and change nothing.');
    }
  };
}

function createActorError(message: string): AppError {
  return new AppError('actor_not_allowed', message);
}

// `WWW-Authenticate` for 401 and for a missing scope: RFC 6750 section 3, RFC 9449 section 7.1, RFC 9470 section 3,
// RFC 9728 section 5.1.

const OAUTH_ERRORS: Partial<Record<AppError['code'], string>> = {
  token_invalid: 'invalid_token',
  dpop_proof_invalid: 'invalid_dpop_proof',
  scope_missing: 'insufficient_scope',
  step_up_required: 'insufficient_user_authentication',
};

export interface ChallengeOptions {
  /** Algorithms of DPoP proofs. */
  readonly algorithms: readonly string[];
  /** Whether bearer tokens are refused, so that no challenge names them. */
  readonly dpopRequired: boolean;
}

/**
 * The challenge for an error, or undefined where the answer needs none. The scheme that the request used comes first,
 * with an error code of that scheme. A request that sent no token gets no error code (RFC 6750 section 3.1).
 */
export function getChallenge(
  error: AppError,
  req: Request,
  { algorithms, dpopRequired }: ChallengeOptions,
): string | undefined {
  const usesDpop = dpopRequired || /^dpop(?: |$)/i.test(req.headers.authorization ?? '');
  const oauthError = getOAuthError(error, usesDpop);
  if (oauthError === undefined && error.code !== 'token_missing') return undefined;
  const parameters = [
    ...(oauthError === undefined ? [] : [`error="${oauthError}"`, `error_description="${error.message}"`]),
    ...getStepUpParameters(error),
    ...(error.extras.scope === undefined ? [] : [`scope="${error.extras.scope}"`]),
    ...getResourceMetadata(req),
  ];
  const algs = `algs="${algorithms.join(' ')}"`;
  if (!usesDpop) return `Bearer ${[REALM, ...parameters].join(', ')}, DPoP ${algs}`;
  const dpop = `DPoP ${[...parameters, algs].join(', ')}`;
  return dpopRequired ? dpop : `${dpop}, Bearer ${REALM}`;
}

function getStepUpParameters({ extras: { stepUp } }: AppError): string[] {
  return [
    ...(stepUp?.maxAgeSeconds === undefined ? [] : [`max_age="${stepUp.maxAgeSeconds}"`]),
    ...(stepUp?.acrValues === undefined ? [] : [`acr_values="${stepUp.acrValues.join(' ')}"`]),
  ];
}

const REALM = 'realm="metadata-bff"';

function getOAuthError({ code, extras }: AppError, usesDpop: boolean): string | undefined {
  // The guard adds a scope to errors of a token: without one, the malformed request is not about a token.
  if (code === 'request_malformed') return extras.scope === undefined ? undefined : 'invalid_request';
  // RFC 9449 section 7.1 defines the error of a proof for its own scheme.
  if (code === 'dpop_proof_invalid' && !usesDpop) return OAUTH_ERRORS.token_invalid;
  return OAUTH_ERRORS[code];
}

function getResourceMetadata(req: Request): string[] {
  const base = getBaseAddress(req);
  return base ? [`resource_metadata="${base.url}${RESOURCE_METADATA_PATH}"`] : [];
}
