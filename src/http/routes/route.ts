/** One route: the methods that it has, and the answer to every other. */
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { AppError } from '../../lib/app-error.ts';
import { getContext } from '../middleware/request-context.ts';
import { sendResponse } from '../response.ts';

export type Method = 'GET' | 'PUT' | 'PATCH' | 'DELETE';
export type Handlers = Partial<Record<Method, RequestHandler>>;

/** Scopes that open some keys of the metadata, beside the general ones (the policy's `scopedKeys`). */
export interface PartialScopes {
  readonly read: readonly string[];
  readonly update: readonly string[];
}

export interface Route {
  readonly path: string;
  readonly answer: RequestHandler;
  /** Whether requests for paths below it pass here, too. */
  readonly below?: boolean;
}

/**
 * The route at `path`. HEAD comes with GET; OPTIONS lists the methods; any other is a 405.
 * `patchTypes` are announced where the resource can be patched (RFC 5789 section 3.1).
 */
export function createRoute(path: string, handlers: Handlers, patchTypes: readonly string[] = []): Route {
  const allow = [
    ...Object.keys(handlers).flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])),
    'OPTIONS',
  ].join(', ');
  const byMethod = new Map<string, RequestHandler>(Object.entries(handlers));
  if (handlers.GET) byMethod.set('HEAD', handlers.GET);
  const headers = {
    Allow: allow,
    ...(patchTypes.length > 0 ? { 'Accept-Patch': patchTypes.join(', ') } : {}),
  };

  return {
    path,
    answer(req, res, next) {
      getContext(req).route = path;
      const handler = byMethod.get(req.method);
      if (handler) return handler(req, res, next);
      if (req.method === 'OPTIONS') {
        sendResponse(res, 204, [headers]);
        return;
      }
      throw new AppError('method_not_allowed', `This resource knows ${allow}.`, {
        headers: { Allow: allow },
      });
    },
  };
}

/**
 * Answers `OPTIONS *`, which asks about the server as a whole (RFC 9110 section 9.3.7), and `OPTIONS /`, which is how
 * load balancers ask the same. It stands behind all routes.
 */
export function answerServerOptions(methods: readonly string[]): RequestHandler {
  const allow = [...methods, 'OPTIONS'].join(', ');
  return (req, res, next) => {
    if (req.method !== 'OPTIONS' || (req.url !== '*' && req.url !== '/')) {
      next();
      return;
    }
    getContext(req).route = '*';
    sendResponse(res, 204, [{ Allow: allow }]);
  };
}

/** An application whose routes have one address each. */
export function createApplication(): Express {
  const app = express();
  app.set('etag', false);
  app.set('x-powered-by', false);
  // Express takes these up with the first thing that is added.
  app.enable('strict routing');
  app.enable('case sensitive routing');
  return app;
}

/**
 * Adds all at one level: a nested router would cost each request a detour. Errors are handled at each route, because
 * Express would otherwise try every route that follows.
 */
export function addRoutes(app: Express, routes: readonly Route[], onError: ErrorRequestHandler): void {
  for (const { path, answer, below = false } of routes) {
    if (below) app.use(path, answer, onError);
    else app.all(path, answer, onError);
  }
}
