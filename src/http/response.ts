/**
 * The one place where answers leave (`startResponse`), and the successful answers: the caching headers, the tag, and 304
 * where nothing changed.
 */
import type { Request, Response } from 'express';
import type { ServerResponse } from 'node:http';
import { AppError } from '../lib/app-error.ts';
import type { JsonValue } from '../lib/json.ts';
import type { Cached, Freshness } from '../metadata/ports.ts';
import { represent, type Representation, type SharedRepresentation } from '../metadata/representation.ts';
import { accepts, assertIfMatch, isNotModified } from './request-options.ts';
import { getContext, type HeaderList, setHeader } from './middleware/request-context.ts';

/** By name. Undefined: none of that name. */
export type ResponseHeaders = Readonly<Record<string, string | number | undefined>>;

/**
 * Sends status and headers. Every answer of the applications, success or error, passes here once. The headers are those
 * that middleware added to the request's context, then those given here. A later one replaces one of the same name. They
 * are written as one list, because Node takes longer to set each of some twenty (docs/performance.md). They come as
 * several objects, because to merge those into one would make a cached read a fifth slower.
 */
export function startResponse(
  res: ServerResponse,
  status: number,
  headers: readonly ResponseHeaders[],
): void {
  const list: HeaderList = [...getContext(res.req).headers];
  for (const some of headers) {
    for (const name in some) {
      const value = some[name];
      if (value !== undefined) setHeader(list, name, value);
    }
  }
  res.writeHead(status, list);
}

/** Sends a whole answer. `Content-Length` must be among the headers where there is a body. */
export function sendResponse(
  res: ServerResponse,
  status: number,
  headers: readonly ResponseHeaders[],
  body?: string | Buffer,
): void {
  startResponse(res, status, headers);
  res.end(body);
}

// `Cache-Status` (RFC 9211): where an answer came from.

function toCacheStatus(freshness: Freshness): string {
  return `metadata-bff; ${toParameters(freshness)}`;
}

function toParameters(freshness: Freshness): string {
  switch (freshness.kind) {
    case 'hit':
      return `hit; ttl=${freshness.ttlSeconds}`;
    case 'miss':
      return freshness.stored ? 'fwd=miss; stored' : 'fwd=miss';
    case 'collapsed':
      return 'fwd=miss; collapsed';
    case 'request':
      return freshness.stored ? 'fwd=request; stored' : 'fwd=request';
    case 'stale-while-revalidate':
      return `hit; ttl=${freshness.ttlSeconds}; detail=revalidating`;
    case 'stale-if-error':
      return `hit; ttl=${freshness.ttlSeconds}; detail=stale-if-error`;
  }
}

// Large answers that their clients have not taken yet. Answers with the same content share one buffer, and what all
// buffers hold together is bounded: beyond that, the connections that have waited longest are destroyed.

interface UnreadAnswers {
  /**
   * Counts the body of an answer that is about to be sent, until the connection has taken it. Returns the buffer to
   * send: the one that others wait for already, if they wait for the same content.
   * @param content a tag of exactly these bytes; undefined where there is none.
   */
  share(res: ServerResponse, content: string | undefined, body: Buffer): Buffer;
  /** Bytes that wait, each buffer counted once. */
  bytes(): number;
}

interface Waiting {
  readonly body: Buffer;
  readonly responses: Set<ServerResponse>;
}

export function createUnreadAnswers({ maxBytes }: { readonly maxBytes: number }): UnreadAnswers {
  /** The one that has waited longest first. */
  const waiting = new Map<string | symbol, Waiting>();
  let bytes = 0;

  function add(key: string | symbol, body: Buffer): Waiting {
    const added: Waiting = { body, responses: new Set() };
    waiting.set(key, added);
    bytes += body.length;
    return added;
  }

  function remove(key: string | symbol, { body }: Waiting): void {
    if (!waiting.delete(key)) return;
    bytes -= body.length;
  }

  /** Destroys the responses that have waited longest until the rest is within the bound, but none that wait for `spared`. */
  function cutBeyondBound(spared: Waiting): void {
    for (const [key, oldest] of waiting) {
      if (bytes <= maxBytes || oldest === spared) return;
      remove(key, oldest);
      for (const response of oldest.responses) response.destroy();
    }
  }

  return {
    share(res, content, body) {
      const key = content ?? Symbol('one answer');
      const held = waiting.get(key) ?? add(key, body);
      held.responses.add(res);
      res.once('close', () => {
        held.responses.delete(res);
        if (held.responses.size === 0 && waiting.get(key) === held) remove(key, held);
      });
      cutBeyondBound(held);
      return held.body;
    },
    bytes: () => bytes,
  };
}

/** What a burst of users with the largest documents needs for a moment, and little of a small container. */
const MAX_UNREAD_BYTES = 67_108_864;

/** One for all listeners, because the memory of a process is one. */
export const unreadAnswers = createUnreadAnswers({ maxBytes: MAX_UNREAD_BYTES });

/** The caller's own browser may keep it, and must ask about it each time. */
const PRIVATE = { 'Cache-Control': 'private, no-cache', Vary: 'Authorization, Origin' };

/**
 * Adds `Claims-Stale` to the answer, whatever becomes of it: the claims of the caller's token that differ from what is
 * stored, as a list of strings (RFC 9651; the names are in the characters of one). A browser that revalidates keeps the
 * headers that a 304 does not name (RFC 9111 section 3.2), so the answer to a conditional request names it also where
 * nothing is stale any more.
 */
export function addStaleClaims(
  req: Request,
  { staleClaims }: { readonly staleClaims: readonly string[] | undefined },
): void {
  if (staleClaims === undefined) return;
  if (staleClaims.length === 0 && req.headers['if-none-match'] === undefined) return;
  setHeader(getContext(req).headers, 'Claims-Stale', staleClaims.map((name) => `"${name}"`).join(', '));
}

/** @throws AppError `not_acceptable` when the caller takes no JSON. */
export function assertAcceptsJson(req: Request): void {
  if (accepts(req.headers.accept, 'application/json')) return;
  throw new AppError('not_acceptable', 'This resource can only be answered as application/json.');
}

/**
 * Answers a read: 200 with the value, or 304 when the caller already holds it.
 * @throws AppError `precondition_failed` when `If-Match` names another state.
 */
export function sendRead(
  req: Request,
  res: Response,
  value: JsonValue,
  source: Cached<unknown>,
  headers: ResponseHeaders = {},
): void {
  const representation = represent(value);
  const { etag } = representation;
  assertIfMatch(req, etag, value);
  const caching = { ETag: etag, Age: source.ageSeconds, 'Cache-Status': toCacheStatus(source.freshness) };
  const all = [headers, PRIVATE, caching];
  if (isNotModified(req, etag)) sendResponse(res, 304, all);
  else sendJson(res, representation, all);
}

/**
 * Answers a document that is the same for every caller and may be kept for a while. Its body is one buffer for as long
 * as the service runs, so that clients who do not read it cost nothing but their connections.
 * @throws AppError `precondition_failed` when `If-Match` names another state.
 */
export function sendPublic(
  req: Request,
  res: Response,
  { body, bytes, etag }: SharedRepresentation,
  contentType: string,
  headers: ResponseHeaders = {},
): void {
  assertIfMatch(req, etag);
  const all = [headers, { 'Cache-Control': 'public, max-age=300', ETag: etag }];
  if (isNotModified(req, etag)) sendResponse(res, 304, all);
  else sendResponse(res, 200, [...all, { 'Content-Type': contentType, 'Content-Length': bytes }], body);
}

/** Answers a write: 200 with what is now stored and its tag, or 204 where the caller wants no more. */
export function sendWritten(
  res: Response,
  value: JsonValue,
  minimal: boolean,
  headers: ResponseHeaders = {},
): void {
  const representation = represent(value);
  const all = [headers, PRIVATE, { ETag: representation.etag }];
  if (minimal) sendResponse(res, 204, [...all, { 'Preference-Applied': 'return=minimal' }]);
  else sendJson(res, representation, all);
}

/** Answers a write of which there is nothing to show: a removal, or one by a caller who may not read. */
export function sendNothing(res: Response, headers: ResponseHeaders = {}): void {
  sendResponse(res, 204, [headers, PRIVATE]);
}

function sendJson(
  res: Response,
  { body, bytes, etag }: Representation,
  headers: readonly ResponseHeaders[],
): void {
  sendResponse(
    res,
    200,
    [...headers, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': bytes }],
    typeof body === 'string' ? body : unreadAnswers.share(res, etag, body),
  );
}
