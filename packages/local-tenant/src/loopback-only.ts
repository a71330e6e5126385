/**
 * Keeps web pages elsewhere from reaching the tenant through the user's browser: a foreign `Host` (DNS rebinding) or,
 * for what changes state without a token, a foreign `Origin` is refused.
 */
import type { RequestHandler } from 'express';
import { isLocalOrigin } from './addresses.ts';

/** Refuses requests whose `Host` is not a loopback name. */
export const requireLoopbackHost: RequestHandler = (request, response, next) => {
  if (/^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i.test(request.headers.host ?? '')) {
    next();
    return;
  }
  response
    .status(421)
    .json({ error: 'misdirected_request', message: 'The local tenant answers to loopback names' });
};

/** Refuses requests that a browser sent for a page of another machine. */
export const requireLocalOrigin: RequestHandler = (request, response, next) => {
  const { origin } = request.headers;
  if (origin === undefined || isLocalOrigin(origin)) {
    next();
    return;
  }
  response
    .status(403)
    .json({ error: 'origin_not_allowed', message: 'Control endpoints are for this machine' });
};
