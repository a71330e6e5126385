/**
 * Cross-origin access for web pages on this machine, as Auth0 gives it to an application's allowed origins. Origins
 * elsewhere get no permission.
 */
import type { RequestHandler } from 'express';
import { isLocalOrigin } from './addresses.ts';

const EXPOSED = 'DPoP-Nonce, WWW-Authenticate, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset';
const ALLOWED = 'auth0-client, authorization, content-type, dpop, x-correlation-id';

/** Middleware that answers preflights and marks responses. */
export const allowLocalOrigins: RequestHandler = (request, response, next) => {
  response.vary('origin');
  const { origin } = request.headers;
  const allowed = origin !== undefined && isLocalOrigin(origin);
  if (allowed) {
    response.set({ 'access-control-allow-origin': origin, 'access-control-expose-headers': EXPOSED });
  }
  if (request.method !== 'OPTIONS') {
    next();
    return;
  }
  if (allowed) {
    response.set({
      'access-control-allow-methods': 'GET, POST, PATCH, OPTIONS',
      'access-control-allow-headers': ALLOWED,
      'access-control-max-age': '600',
    });
  }
  response.status(204).end();
};
