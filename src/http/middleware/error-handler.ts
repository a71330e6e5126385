/**
 * The only place that turns an error into a response. Any error that is not an `AppError` is answered as `internal`,
 * and nothing of it is shown.
 */
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { AppError } from '../../lib/app-error.ts';
import { MIN_SHARED_BYTES } from '../../metadata/representation.ts';
import { type ChallengeOptions, getChallenge } from './authorize.ts';
import { getContext } from './request-context.ts';
import { sendResponse, unreadAnswers } from '../response.ts';

/** Errors of body-parser, by their `type`; its messages quote the caller's bytes. */
const BODY_ERRORS: Readonly<Record<string, AppError>> = {
  'entity.too.large': new AppError('body_too_large', 'The body is larger than any document may be.'),
  'request.aborted': new AppError('request_malformed', 'The body ended before it was complete.'),
  'request.size.invalid': new AppError('request_malformed', 'The body is not as long as announced.'),
};

export function createErrorHandler(options: ChallengeOptions) {
  // Express knows an error handler by its four parameters.
  return function errorHandler(thrown: unknown, req: Request, res: Response, _next: NextFunction): void {
    const error = toAppError(thrown);
    const context = getContext(req);
    context.failure = { code: error.code, error: error.code === 'internal' ? thrown : error };
    if (res.headersSent) {
      res.destroy();
      return;
    }
    const { status, headers, body } = context.renderError(error, context.id);
    const challenge = getChallenge(error, req, options);
    const bytes = Buffer.byteLength(body);
    // Some carry the current document.
    const isLarge = bytes >= MIN_SHARED_BYTES;
    sendResponse(
      res,
      status,
      [headers, { 'WWW-Authenticate': challenge, 'Content-Length': bytes }],
      isLarge ? unreadAnswers.share(res, undefined, Buffer.from(body)) : body,
    );
  };
}

function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const type = getProperty(thrown, 'type');
  const body = typeof type === 'string' ? BODY_ERRORS[type] : undefined;
  if (body) return body;
  // The router (a path that cannot be decoded) and body-parser (a broken content coding) mark what the
  // caller did wrong by a status of theirs.
  const status = getProperty(thrown, 'status');
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new AppError('request_malformed', 'The request cannot be read.');
  }
  return new AppError('internal', 'This service failed. Quote the request id when you report it.');
}

function getProperty(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

export const routeNotFound: RequestHandler = () => {
  throw new AppError('route_not_found', 'There is no resource at this address.');
};
