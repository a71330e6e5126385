/** The door of every protected resource: who calls, and whether they hold the scope it takes. */
import type { Request, RequestHandler, Response } from 'express';
import type { Authenticate } from '../identity/authenticate.ts';
import type { Caller } from '../identity/caller.ts';
import { AppError } from '../lib/app-error.ts';
import { contextOf } from './request-context.ts';

export type CallerHandler = (req: Request, res: Response, caller: Caller) => Promise<void>;

/** Makes a handler that runs `handle` only for a caller who holds one of the scopes. */
export type Guard = (scopes: string | readonly string[], handle: CallerHandler) => RequestHandler;

/** Authentication comes before anything of the request is judged, its body above all. */
export function createGuard({ authenticate }: { readonly authenticate: Authenticate }): Guard {
  return (scopes, handle) => {
    const accepted = [scopes].flat();
    const scope = accepted.join(' ');
    return async function guarded(req, res) {
      const caller = await authenticate(req, res).catch((error: unknown) => {
        throw withScope(error, scope);
      });
      contextOf(req).clientId = caller.clientId;
      if (!accepted.some((name) => caller.scopes.has(name))) {
        const wanted = accepted.length === 1 ? `the scope ${scope}` : `any of the scopes ${scope}`;
        throw new AppError('scope_missing', `The access token lacks ${wanted}.`, { scope });
      }
      await handle(req, res, caller);
    };
  };
}

/** A challenge names the scope to ask for, also when no token came at all. */
function withScope(error: unknown, scope: string): unknown {
  if (!(error instanceof AppError)) return error;
  return new AppError(error.code, error.message, { ...error.extras, scope });
}
