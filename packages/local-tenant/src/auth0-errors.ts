/**
 * The error bodies of the Management API and of the token endpoint, as recorded from Auth0.
 * Handlers throw an `Auth0Error` or an `OAuthError`; only this file turns one into a response.
 */
import { STATUS_CODES } from 'node:http';
import type { Response } from 'express';

/** A refusal of the Management API: `{ statusCode, error, message, errorCode? }`. */
export class Auth0Error extends Error {
  readonly statusCode: number;
  readonly errorCode: string | undefined;
  readonly extra: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    statusCode: number,
    message: string,
    errorCode?: string,
    more: { extra?: Readonly<Record<string, unknown>>; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message);
    this.name = 'Auth0Error';
    this.statusCode = statusCode;
    this.errorCode = errorCode;
    this.extra = more.extra ?? {};
    this.headers = more.headers ?? {};
  }
}

/** A refusal of the token endpoint: `{ error, error_description, error_uri? }`. */
export class OAuthError extends Error {
  readonly statusCode: number;
  readonly error: string;
  readonly errorUri: string | undefined;

  constructor(statusCode: number, error: string, description: string, errorUri?: string) {
    super(description);
    this.name = 'OAuthError';
    this.statusCode = statusCode;
    this.error = error;
    this.errorUri = errorUri;
  }
}

/** The JSON body of a Management API refusal. */
export function toManagementErrorBody(error: Auth0Error): Record<string, unknown> {
  return {
    statusCode: error.statusCode,
    error: getReasonPhrase(error.statusCode),
    message: error.message,
    ...error.extra,
    ...(error.errorCode === undefined ? {} : { errorCode: error.errorCode }),
  };
}

/** The JSON body of a token endpoint refusal. */
export function toOAuthErrorBody(error: OAuthError): Record<string, unknown> {
  return {
    error: error.error,
    error_description: error.message,
    ...(error.errorUri === undefined ? {} : { error_uri: error.errorUri }),
  };
}

/** Answers with a thrown refusal; anything else is the tenant's own failure and becomes a bare 500. */
export function sendError(response: Response, thrown: unknown): void {
  if (thrown instanceof OAuthError) {
    response.status(thrown.statusCode).json(toOAuthErrorBody(thrown));
    return;
  }
  const error = thrown instanceof Auth0Error ? thrown : toAuth0Error(thrown);
  response.status(error.statusCode).set(error.headers).json(toManagementErrorBody(error));
}

/** Auth0's usual Management API body for a status, for faults that name nothing but a status. */
export function createManagementError(status: number): Auth0Error {
  switch (status) {
    case 400:
      return new Auth0Error(400, "Payload validation error: 'Invalid request'.", 'invalid_body');
    case 401:
      return new Auth0Error(401, 'Invalid token', undefined, {
        extra: { attributes: { error: 'Invalid token' } },
      });
    case 403:
      return new Auth0Error(403, 'Insufficient scope, expected any of: read:users', 'insufficient_scope');
    case 404:
      return createUserNotFoundError();
    case 429:
      return new Auth0Error(429, 'Global limit has been reached', 'too_many_requests');
    case 500:
      return new Auth0Error(500, 'An internal server error occurred');
    default:
      return new Auth0Error(status, getReasonPhrase(status));
  }
}

/** Auth0's usual token endpoint body for a status. */
export function createTokenError(status: number): OAuthError {
  switch (status) {
    case 401:
      return new OAuthError(401, 'access_denied', 'Unauthorized');
    case 403:
      return new OAuthError(403, 'access_denied', 'Forbidden');
    case 429:
      return new OAuthError(429, 'too_many_requests', 'Global limit has been reached');
    default:
      return new OAuthError(
        status,
        status < 500 ? 'invalid_request' : 'server_error',
        getReasonPhrase(status),
      );
  }
}

/** 404 of the users endpoints. */
export function createUserNotFoundError(): Auth0Error {
  return new Auth0Error(404, 'The user does not exist.', 'inexistent_user');
}

// body-parser and the router put the status on what they throw; their texts quote the request and stay here.
function toAuth0Error(thrown: unknown): Auth0Error {
  const status = readStatus(thrown);
  if (status === 413) {
    return new Auth0Error(413, 'Payload content length greater than maximum allowed: 1048576');
  }
  if (status === 400) {
    return isBodyError(thrown)
      ? new Auth0Error(400, 'Invalid request payload JSON format', 'invalid_body')
      : new Auth0Error(400, 'Bad Request', 'invalid_uri');
  }
  return createManagementError(status);
}

function isBodyError(thrown: unknown): boolean {
  return typeof thrown === 'object' && thrown !== null && 'type' in thrown;
}

function readStatus(thrown: unknown): number {
  if (typeof thrown !== 'object' || thrown === null || !('status' in thrown)) return 500;
  return typeof thrown.status === 'number' && thrown.status >= 400 && thrown.status < 600
    ? thrown.status
    : 500;
}

function getReasonPhrase(status: number): string {
  return status === 413 ? 'Request Entity Too Large' : (STATUS_CODES[status] ?? 'Unknown');
}
