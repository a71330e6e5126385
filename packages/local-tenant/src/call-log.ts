/**
 * The calls that reached the Management API and the token endpoint, in order of arrival. An entry's status is what the
 * caller was sent: 0 until a head has gone out, and for ever if the connection was dropped before.
 */
import type { RequestHandler, Response } from 'express';

interface Call {
  readonly method: string;
  /** As received, query string included. */
  readonly path: string;
  readonly status: number;
  /** ISO 8601, UTC. */
  readonly at: string;
}

export interface CallLog {
  /** Express middleware that enters the request. */
  readonly record: RequestHandler;
  list(): readonly Call[];
  clear(): void;
}

interface Entry {
  readonly call: Omit<Call, 'status'>;
  // Let go when the response closes: a long benchmark must not hold on to every response it ever got.
  response: Response | undefined;
  status: number;
}

/** An empty log that keeps the newest `keep` calls. `now` is in milliseconds since 1970. */
export function createCallLog(now: () => number, options: { keep?: number } = {}): CallLog {
  const keep = options.keep ?? 10_000;
  let entries: Entry[] = [];
  return {
    record(request, response, next) {
      const at = new Date(now()).toISOString();
      const entry: Entry = {
        call: { method: request.method, path: request.originalUrl, at },
        response,
        status: 0,
      };
      entries.push(entry);
      if (entries.length >= keep * 2) entries = entries.slice(-keep);
      response.once('close', () => {
        entry.status = getStatus(response);
        entry.response = undefined;
      });
      next();
    },
    list: () =>
      entries.slice(-keep).map(({ call: { method, path, at }, response, status }) => ({
        method,
        path,
        status: response ? getStatus(response) : status,
        at,
      })),
    clear() {
      entries = [];
    },
  };
}

function getStatus(response: Response): number {
  return response.headersSent ? response.statusCode : 0;
}
