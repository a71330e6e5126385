/**
 * Puts the `x-ratelimit-*` headers on every Management API response, and refuses what the plan's budget does not
 * cover. Ordinary refusals carry no Retry-After: Auth0 documents none.
 */
import type { RequestHandler } from 'express';
import { Auth0Error } from './auth0-errors.ts';
import { requestGroup } from './plans.ts';
import type { RateLimitBuckets } from './rate-limit-buckets.ts';

/** Middleware over the tenant's buckets, for use below `/api/v2`. */
export function limitRates(buckets: RateLimitBuckets): RequestHandler {
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
