/**
 * The order of the tenant's middleware and routes.
 */
import express, { type ErrorRequestHandler, type Express, type RequestHandler, Router } from 'express';
import { allowLocalOrigins, requireLocalOrigin, requireLoopbackHost } from './addresses.ts';
import { Auth0Error, sendError } from './auth0-errors.ts';
import type { CallLog } from './call-log.ts';
import { delayResponse, type Delays } from './delayed-response.ts';
import type { EventFeed } from './event-feed.ts';
import type { Faults } from './faults.ts';
import { requestGroup } from './plans.ts';
import type { RateLimitBuckets } from './rate-limit-buckets.ts';

// Adds the `x-ratelimit-*` headers to each Management API response, and refuses requests beyond the plan's budget. As
// documented by Auth0, a refusal has no Retry-After.

/** Middleware over the tenant's buckets, for use below `/api/v2`. */
function enforceRateLimits(buckets: RateLimitBuckets): RequestHandler {
  return (request, response, next) => {
    const decision = buckets.take(requestGroup(request.method, request.path));
    response.set({
      'x-ratelimit-limit': String(decision.limit),
      'x-ratelimit-remaining': String(decision.remaining),
      'x-ratelimit-reset': String(decision.reset),
    });
    next(decision.allowed ? undefined : new Auth0Error(429, decision.refusal, 'too_many_requests'));
  };
}

interface Parts {
  readonly control: Router;
  readonly discovery: Router;
  readonly management: Router;
  readonly authentication: Router;
  readonly events: EventFeed;
  readonly calls: CallLog;
  readonly faults: Faults;
  readonly buckets: RateLimitBuckets;
  readonly delays: Delays;
  readonly latencyMs: number;
}

/** The Express application of a tenant. */
export function createApp(parts: Parts): Express {
  const app = express();
  app.disable('x-powered-by');
  // No Management API response has ever been seen with an ETag.
  app.disable('etag');
  app.use(requireLoopbackHost, (_request, response, next) => {
    response.set('x-content-type-options', 'nosniff');
    next();
  });
  app.use('/_local', requireLocalOrigin, parts.control);
  app.use('/.well-known', parts.discovery);
  app.use('/api/v2', createManagementRoutes(parts));
  app.use(parts.authentication);
  app.use(rejectUnknownRoute);
  app.use(handleError);
  return app;
}

function createManagementRoutes(parts: Parts): Router {
  const { calls, faults, buckets, delays, latencyMs, management, events } = parts;
  const router = Router();
  router.use(allowLocalOrigins, calls.record, addLatency(delays, latencyMs), enforceRateLimits(buckets));
  router.use((_request, response, next) => {
    response.vary('accept-encoding');
    next();
  });
  router.use(management);
  router.get('/events', faults.intercept('events'), events.subscribe);
  return router;
}

function addLatency(delays: Delays, latencyMs: number): RequestHandler {
  return (_request, response, next) => {
    if (latencyMs > 0) delayResponse(response, () => delays.wait(latencyMs, 'latency'));
    next();
  };
}

const rejectUnknownRoute: RequestHandler = (_request, _response, next) => {
  next(new Auth0Error(404, 'Not Found'));
};

const handleError: ErrorRequestHandler = (thrown, _request, response, _next) => {
  sendError(response, thrown);
};
