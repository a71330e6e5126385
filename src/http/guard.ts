/**
 * Every protected resource is behind this: who calls, whether too often, whether an actor may act for them, and
 * whether they hold the scope it takes.
 */
import type { Request, RequestHandler, Response } from 'express';
import type { Authenticate, Authenticated } from '../identity/authenticate.ts';
import type { Caller } from '../identity/caller.ts';
import type { AssertMayAct } from '../identity/delegation.ts';
import type { DpopReplay } from '../identity/dpop-replay.ts';
import { AppError } from '../lib/app-error.ts';
import type { AddressLimit } from './address-limit.ts';
import type { CountCaller } from './caller-limits.ts';
import { contextOf } from './request-context.ts';

export type CallerHandler = (req: Request, res: Response, caller: Caller) => Promise<void>;

/** Makes a handler that runs `handle` only for a caller who holds one of the scopes. */
export type Guard = (scopes: string | readonly string[], handle: CallerHandler) => RequestHandler;

interface Dependencies {
  readonly authenticate: Authenticate;
  readonly addresses: AddressLimit;
  readonly countCaller: CountCaller;
  readonly replay: DpopReplay;
  readonly assertMayAct: AssertMayAct;
}

/**
 * The order is that of cost and trust. Token and proof are verified first, before anything of the request is judged,
 * its body above all. Then the user is counted, so that a request beyond their limit uses up nothing. Then the proof
 * is used up, and then comes what the caller may do.
 */
export function createGuard(dependencies: Dependencies): Guard {
  const { authenticate, addresses, countCaller, replay, assertMayAct } = dependencies;

  /** What goes wrong with a token or proof is counted for the address, and answered with what to ask for. */
  async function credentials<T>(req: Request, scope: string, task: () => Promise<T>): Promise<T> {
    try {
      return await task();
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      await addresses.refused(req, error);
      throw withScope(error, scope);
    }
  }

  async function identify(req: Request, res: Response, scope: string): Promise<Authenticated> {
    addresses.admit(req, res);
    return credentials(req, scope, () => authenticate(req, res));
  }

  return (scopes, handle) => {
    const accepted = [scopes].flat();
    const scope = accepted.join(' ');
    return async function guarded(req, res) {
      const { caller, proof } = await identify(req, res, scope);
      const context = contextOf(req);
      context.clientId = caller.clientId;
      context.userId = caller.userId;
      context.actor = caller.actor;
      await countCaller(req, res, caller.userId);
      if (proof) await credentials(req, scope, () => replay.consume(proof, caller.userId));
      assertMayAct(caller.actor, isRead(req) ? 'read' : 'write');
      if (!accepted.some((name) => caller.scopes.has(name))) {
        const wanted = accepted.length === 1 ? `the scope ${scope}` : `any of the scopes ${scope}`;
        throw new AppError('scope_missing', `The access token lacks ${wanted}.`, { scope });
      }
      await handle(req, res, caller);
    };
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
