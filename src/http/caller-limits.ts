/**
 * How often a user may read and write. A request counts once its caller is known, before anything else of it is
 * judged; one too many reaches nothing behind this door.
 */
import type { Request, Response } from 'express';
import { wantsRevalidation } from './conditional.ts';
import { type NamedLimit, setRateLimit, tooMany } from './rate-limit-fields.ts';

/** Counts a request of this user. @throws AppError `rate_limited`. */
export type CountCaller = (req: Request, res: Response, userId: string) => Promise<void>;

export interface CallerLimits {
  /** Undefined: as many as they like. */
  readonly reads: NamedLimit | undefined;
  readonly writes: NamedLimit | undefined;
}

interface Dependencies extends CallerLimits {
  readonly onRefused: (limit: NamedLimit['name']) => void;
}

export function createCallerLimits({ reads, writes, onRefused }: Dependencies): CountCaller {
  return async function countCaller(req, res, userId) {
    const limit = isRead(req) ? reads : writes;
    if (limit === undefined) return;
    const count = await limit.count(userId);
    setRateLimit(res, limit, count);
    if (count.within) return;
    onRefused(limit.name);
    throw tooMany(`More ${limit.name} than ${limit.quota.points} a minute.`, count);
  };
}

/** A read past the cache costs the tenant what a write does. */
function isRead(req: Request): boolean {
  return (req.method === 'GET' || req.method === 'HEAD') && !wantsRevalidation(req);
}
