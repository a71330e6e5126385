/** Successful answers with a JSON body: the caching fields, the tag, and 304 where nothing changed. */
import type { Request, Response } from 'express';
import { AppError } from '../lib/app-error.ts';
import type { JsonValue } from '../lib/json.ts';
import type { Cached } from '../metadata/ports.ts';
import { represent, type Representation, type SharedRepresentation } from '../metadata/representation.ts';
import { accepts } from './accept.ts';
import { cacheStatus } from './cache-status.ts';
import { assertIfMatch, notModified } from './conditional.ts';
import { unreadAnswers } from './unread-answers.ts';

/** What may be kept by the caller's own browser, and must be asked about each time. */
function setPrivate(res: Response): void {
  res.setHeader('Cache-Control', 'private, no-cache');
  res.setHeader('Vary', 'Authorization, Origin');
}

/** @throws AppError `not_acceptable` when the caller takes no JSON. */
export function assertAcceptsJson(req: Request): void {
  if (accepts(req.headers.accept, 'application/json')) return;
  throw new AppError('not_acceptable', 'Only application/json can be answered here.');
}

/**
 * Answers a read: 200 with the value, or 304 when the caller already holds it.
 * @throws AppError `precondition_failed` when `If-Match` names another state.
 */
export function sendRead(req: Request, res: Response, value: JsonValue, source: Cached<unknown>): void {
  const representation = represent(value);
  assertIfMatch(req, representation.etag, value);
  setPrivate(res);
  res.setHeader('ETag', representation.etag);
  res.setHeader('Age', source.ageSeconds);
  res.setHeader('Cache-Status', cacheStatus(source.freshness));
  if (notModified(req, representation.etag)) res.writeHead(304).end();
  else sendJson(res, representation);
}

/**
 * Answers a document that is the same for everybody and may be kept for a while. Its body is one buffer for as long as
 * the service runs, so that clients who do not read it cost nothing but their connections.
 * @throws AppError `precondition_failed` when `If-Match` names another state.
 */
export function sendPublic(
  req: Request,
  res: Response,
  { body, bytes, etag }: SharedRepresentation,
  contentType: string,
): void {
  assertIfMatch(req, etag);
  res.set({ 'Cache-Control': 'public, max-age=300', ETag: etag });
  if (notModified(req, etag)) {
    res.status(304).end();
    return;
  }
  setContent(res, contentType, bytes);
  res.writeHead(200).end(body);
}

/** Answers a write: 200 with what is now stored and its tag, or 204 where the caller wants no more. */
export function sendWritten(res: Response, value: JsonValue, minimal: boolean): void {
  const representation = represent(value);
  setPrivate(res);
  res.setHeader('ETag', representation.etag);
  if (minimal) res.status(204).set('Preference-Applied', 'return=minimal').end();
  else sendJson(res, representation);
}

/** Answers a write of which there is nothing to show: a removal, or one by a caller who may not read. */
export function sendNothing(res: Response): void {
  setPrivate(res);
  res.status(204).end();
}

function sendJson(res: Response, { body, bytes, etag }: Representation): void {
  setContent(res, 'application/json; charset=utf-8', bytes);
  res.writeHead(200).end(typeof body === 'string' ? body : unreadAnswers.share(res, etag, body));
}

function setContent(res: Response, contentType: string, bytes: number): void {
  res.setHeader('Content-Type', contentType);
  res.setHeader('Content-Length', bytes);
}
