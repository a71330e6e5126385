/**
 * The tenant's request handling in order, on one screen: what every request passes, then each family of routes.
 */
import express, { type ErrorRequestHandler, type Express, type RequestHandler, Router } from 'express';
import { Auth0Error, sendRefusal } from './auth0-errors.ts';
import type { CallLog } from './call-log.ts';
import { allowLocalOrigins } from './cors.ts';
import type { EventFeed } from './event-feed.ts';
import type { Faults } from './faults.ts';
import { holdAnswer } from './held-answers.ts';
import { requireLocalOrigin, requireLoopbackHost } from './loopback-only.ts';
import type { Pauses } from './pauses.ts';
import type { RateLimitBuckets } from './rate-limit-buckets.ts';
import { limitRates } from './rate-limits.ts';

interface Parts {
  readonly control: Router;
  readonly discovery: Router;
  readonly management: Router;
  readonly authentication: Router;
  readonly events: EventFeed;
  readonly calls: CallLog;
  readonly faults: Faults;
  readonly buckets: RateLimitBuckets;
  readonly pauses: Pauses;
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
  app.use(refuseUnknown);
  app.use(answerRefusal);
  return app;
}

function createManagementRoutes(parts: Parts): Router {
  const { calls, faults, buckets, pauses, latencyMs, management, events } = parts;
  const router = Router();
  router.use(allowLocalOrigins, calls.record, addLatency(pauses, latencyMs), limitRates(buckets));
  router.use((_request, response, next) => {
    response.vary('accept-encoding');
    next();
  });
  router.use(management);
  router.get('/events', faults.on('events'), events.subscribe);
  return router;
}

function addLatency(pauses: Pauses, latencyMs: number): RequestHandler {
  return (_request, response, next) => {
    if (latencyMs > 0) holdAnswer(response, () => pauses.wait(latencyMs, 'latency'));
    next();
  };
}

const refuseUnknown: RequestHandler = (_request, _response, next) => {
  next(new Auth0Error(404, 'Not Found'));
};

const answerRefusal: ErrorRequestHandler = (thrown, _request, response, _next) => {
  sendRefusal(response, thrown);
};
