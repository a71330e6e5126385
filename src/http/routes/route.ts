/** One resource: the methods it knows, and a fitting answer to every other. */
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { AppError } from '../../lib/app-error.ts';
import { contextOf } from '../middleware/request-context.ts';
import { sendResponse } from '../response.ts';

export type Method = 'GET' | 'PUT' | 'PATCH' | 'DELETE';
export type Handlers = Partial<Record<Method, RequestHandler>>;

export interface Resource {
  readonly path: string;
  readonly answer: RequestHandler;
  /** Whether it is passed by whatever stands below the path, too. */
  readonly below?: boolean;
}

/**
 * The resource at `path`. HEAD comes with GET; OPTIONS lists the methods; any other is a 405.
 * `patchTypes` are announced where the resource can be patched (RFC 5789 section 3.1).
 */
export function resource(path: string, handlers: Handlers, patchTypes: readonly string[] = []): Resource {
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
      contextOf(req).route = path;
      const handler = byMethod.get(req.method);
      if (handler) return handler(req, res, next);
      if (req.method === 'OPTIONS') {
        sendResponse(res, 204, headers);
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
 * load balancers ask the same. It stands behind all resources.
 */
export function answerServerOptions(methods: readonly string[]): RequestHandler {
  const allow = [...methods, 'OPTIONS'].join(', ');
  return (req, res, next) => {
    if (req.method !== 'OPTIONS' || (req.url !== '*' && req.url !== '/')) {
      next();
      return;
    }
    contextOf(req).route = '*';
    sendResponse(res, 204, { Allow: allow });
  };
}

/** An application whose resources have one address each. */
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
 * All at one level: every nested router would be a detour of each request. Errors are handled where they arise, too: from
 * there, Express would ask every resource that follows.
 */
export function addResources(
  app: Express,
  resources: readonly Resource[],
  onError: ErrorRequestHandler,
): void {
  for (const { path, answer, below = false } of resources) {
    if (below) app.use(path, answer, onError);
    else app.all(path, answer, onError);
  }
}
