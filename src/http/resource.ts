/** One resource: the methods it knows, and a fitting answer to every other. */
import { type RequestHandler, Router } from 'express';
import { AppError } from '../lib/app-error.ts';
import { contextOf } from './request-context.ts';

export type Method = 'GET' | 'PUT' | 'PATCH' | 'DELETE';
export type Handlers = Partial<Record<Method, RequestHandler>>;

/**
 * Routes `path` to `handlers`. HEAD comes with GET; OPTIONS lists the methods; any other is a 405.
 * `patchTypes` are announced where the resource can be patched (RFC 5789 section 3.1).
 */
export function resource(path: string, handlers: Handlers, patchTypes: readonly string[] = []): Router {
  const router = Router({ strict: true, caseSensitive: true });
  const allow = [
    ...Object.keys(handlers).flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])),
    'OPTIONS',
  ].join(', ');
  const headers = {
    Allow: allow,
    ...(patchTypes.length > 0 ? { 'Accept-Patch': patchTypes.join(', ') } : {}),
  };

  router.all(path, (req, res, next) => {
    contextOf(req).route = path;
    const { method } = req;
    if (method === 'OPTIONS') {
      res.status(204).set(headers).end();
      return;
    }
    const handler = Object.entries(handlers).find(([name]) => name === (method === 'HEAD' ? 'GET' : method));
    if (!handler) {
      throw new AppError('method_not_allowed', `This resource knows ${allow}.`, {
        headers: { Allow: allow },
      });
    }
    return handler[1](req, res, next);
  });
  return router;
}
