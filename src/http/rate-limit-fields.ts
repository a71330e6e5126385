/**
 * What a counted request is told of its limit: `RateLimit` and `RateLimit-Policy` as the IETF draft
 * (draft-ietf-httpapi-ratelimit-headers) writes them, and the refusal of one too many.
 */
import type { Response } from 'express';
import { AppError } from '../lib/app-error.ts';
import type { Count, Quota, RateLimit } from '../lib/rate-limit.ts';

/** A closed set: the names stand in answers and in metrics. */
export type LimitName = 'reads' | 'writes' | 'auth-failures';

export interface NamedLimit extends RateLimit {
  readonly name: LimitName;
  /** The value of `RateLimit-Policy`. */
  readonly policy: string;
}

export function nameLimit(name: LimitName, limit: RateLimit): NamedLimit {
  const { points, windowSeconds }: Quota = limit.quota;
  return { ...limit, name, policy: `"${name}";q=${points};w=${windowSeconds}` };
}

/** They stay on the answer, whatever becomes of the request. */
export function setRateLimit(
  res: Response,
  { name, policy }: NamedLimit,
  { remaining, resetMs }: Count,
): void {
  res.setHeader('RateLimit-Policy', policy);
  res.setHeader('RateLimit', `"${name}";r=${remaining};t=${secondsOf(resetMs)}`);
}

export function tooMany(message: string, { resetMs }: Count): AppError {
  return new AppError('rate_limited', message, { retryAfterSeconds: Math.max(1, secondsOf(resetMs)) });
}

/** Rounded up: whoever comes back then is not too early. */
function secondsOf(ms: number): number {
  return Math.ceil(ms / 1000);
}
