/** Successful answers with a JSON body: the caching fields, the tag, and 304 where nothing changed. */
import type { Request, Response } from 'express';
import { AppError } from '../lib/app-error.ts';
import type { JsonValue } from '../lib/json.ts';
import type { Cached } from '../metadata/ports.ts';
import { represent, type Representation } from '../metadata/representation.ts';
import { cacheStatus } from './cache-status.ts';
import { notModified } from './conditional.ts';

/** What may be kept by the caller's own browser, and must be asked about each time. */
const PRIVATE = { 'Cache-Control': 'private, no-cache', Vary: 'Authorization, Origin' } as const;

/** @throws AppError `not_acceptable` when the caller takes no JSON. */
export function assertAcceptsJson(req: Request): void {
  if (req.accepts('application/json')) return;
  throw new AppError('not_acceptable', 'Only application/json can be answered here.');
}

/** Answers a read: 200 with the value, or 304 when the caller already holds it. */
export function sendRead(req: Request, res: Response, value: JsonValue, source: Cached<unknown>): void {
  const { body, etag } = represent(value);
  res.set({
    ...PRIVATE,
    ETag: etag,
    Age: String(source.ageSeconds),
    'Cache-Status': cacheStatus(source.freshness),
  });
  if (notModified(req, etag)) res.status(304).end();
  else sendJson(res, body);
}

/** Answers a document that is the same for everybody and may be kept for a while. */
export function sendPublic(req: Request, res: Response, value: JsonValue, contentType: string): void {
  sendPublicText(req, res, represent(value), contentType);
}

/** The same for a text that is no JSON, or whose order counts. */
export function sendPublicText(
  req: Request,
  res: Response,
  { body, etag }: Representation,
  contentType: string,
): void {
  res.set({ 'Cache-Control': 'public, max-age=300', ETag: etag });
  if (notModified(req, etag)) res.status(304).end();
  else sendBody(res, body, contentType);
}

/** Answers a write: 200 with what is now stored and its tag, or 204 where the caller wants no more. */
export function sendWritten(res: Response, value: JsonValue, minimal: boolean): void {
  const { body, etag } = represent(value);
  res.set({ ...PRIVATE, ETag: etag });
  if (minimal) res.status(204).set('Preference-Applied', 'return=minimal').end();
  else sendJson(res, body);
}

/** Answers a removal. */
export function sendRemoved(res: Response): void {
  res.set(PRIVATE).status(204).end();
}

function sendJson(res: Response, body: string): void {
  sendBody(res, body, 'application/json; charset=utf-8');
}

function sendBody(res: Response, body: string, contentType: string): void {
  const headers = { 'Content-Type': contentType, 'Content-Length': String(Buffer.byteLength(body)) };
  res.status(200).set(headers).end(body);
}
