/**
 * Turns answers and failures of the tenant into error codes of this service. No text of the tenant is passed on: the
 * caller gets the code, and the log the status.
 */
import { AppError, type ErrorCode, SafeError } from '../lib/app-error.ts';
import { HttpFailure, type HttpResponse } from '../lib/http-client.ts';

/** The part of an answer that may be logged: no body, no header, no URL. */
export class UpstreamAnswer extends SafeError {
  constructor(operation: string, response: HttpResponse) {
    super(`${operation} answered ${response.status}`);
    this.name = 'UpstreamAnswer';
  }
}

export interface Operation {
  /** For the log, for example `users.read`. */
  readonly name: string;
  /** Whether the request changes something, so that the outcome of a failure may be unknown. */
  readonly isWrite: boolean;
}

const MESSAGES = {
  upstream_refused: 'The identity provider refused the request of this service.',
  upstream_malformed: 'The identity provider sent an answer that cannot be used.',
  upstream_rate_limited: 'The request budget at the identity provider is used up for the moment.',
  upstream_unavailable: 'The identity provider cannot be reached at the moment.',
  upstream_timeout: 'The identity provider did not answer in time.',
} as const satisfies Partial<Record<ErrorCode, string>>;

/** Makes the error for a request without a usable answer. */
export function toTransportError(failure: HttpFailure, operation: Operation): AppError {
  const unknown = operation.isWrite && failure.kind !== 'unreachable';
  const code = {
    unreachable: 'upstream_unavailable',
    reset: 'upstream_unavailable',
    timeout: 'upstream_timeout',
    malformed: 'upstream_malformed',
  } as const satisfies Record<HttpFailure['kind'], keyof typeof MESSAGES>;
  return toUpstreamError(code[failure.kind], failure, unknown);
}

/**
 * Statuses with which Auth0 rejects the document of a PATCH: a name or value that it cannot store, or a profile beyond
 * its limit. They are about one user. 401 and 403 are about this service.
 */
const REFUSED_DOCUMENTS: ReadonlyMap<number, 'metadata_invalid' | 'metadata_too_large'> = new Map([
  [400, 'metadata_invalid'],
  [409, 'metadata_invalid'],
  [413, 'metadata_too_large'],
]);
const REFUSED_DOCUMENT = 'The identity provider does not accept this document.';

/** Makes the error for an answer that is no success. */
export function toStatusError(response: HttpResponse, operation: Operation, nowMs: number): AppError {
  const cause = new UpstreamAnswer(operation.name, response);
  const { status } = response;
  if (status === 429) {
    return toUpstreamError('upstream_rate_limited', cause, false, readRetryAfterSeconds(response, nowMs));
  }
  // A gateway may fail after the service behind it has done the work.
  if (status >= 500) return toUpstreamError('upstream_unavailable', cause, operation.isWrite);
  const refused = operation.isWrite ? REFUSED_DOCUMENTS.get(status) : undefined;
  if (refused !== undefined) {
    return new AppError(refused, REFUSED_DOCUMENT, {
      cause,
      errors: [{ pointer: '', code: 'refused_by_tenant', detail: REFUSED_DOCUMENT }],
    });
  }
  return toUpstreamError('upstream_refused', cause, false);
}

/** Makes the error for a success whose body is not what the Management API promises. */
export function toMalformedError(response: HttpResponse, operation: Operation): AppError {
  const cause = new UpstreamAnswer(operation.name, response);
  return toUpstreamError('upstream_malformed', cause, operation.isWrite);
}

function toUpstreamError(
  code: keyof typeof MESSAGES,
  cause: Error,
  unknown: boolean,
  retryAfter: number | undefined = code === 'upstream_unavailable' ? 1 : undefined,
): AppError {
  const message = unknown ? `${MESSAGES[code]} The change may have been applied.` : MESSAGES[code];
  return new AppError(code, message, {
    cause,
    ...(unknown ? { outcome: 'unknown' } : {}),
    ...(retryAfter === undefined ? {} : { retryAfterSeconds: retryAfter }),
  });
}

const MAX_RETRY_AFTER_SECONDS = 300;

/** Reads the seconds until the bucket refills: 1 to 300. */
export function readRetryAfterSeconds(response: HttpResponse, nowMs: number): number {
  const ms = readResetMs(response, nowMs) ?? 1000;
  return Math.min(MAX_RETRY_AFTER_SECONDS, Math.max(1, Math.ceil(ms / 1000)));
}

/**
 * Reads the milliseconds until the bucket refills: `Retry-After` in either form (RFC 9110 section 10.2.3), else
 * `x-ratelimit-reset`, which is a UNIX time in seconds (Auth0 rate limit policy). A time is compared with the `Date` of
 * the answer, and only without one with our own clock, which may be wrong.
 */
export function readResetMs({ headers }: HttpResponse, nowMs: number): number | undefined {
  const answeredAt = Date.parse(headers.get('date') ?? '');
  const now = Number.isNaN(answeredAt) ? nowMs : answeredAt;
  const retryAfter = headers.get('retry-after')?.trim() ?? '';
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter) * 1000;
  const date = retryAfter.endsWith('GMT') ? Date.parse(retryAfter) : Number.NaN;
  if (!Number.isNaN(date)) return Math.max(0, date - now);
  const reset = headers.get('x-ratelimit-reset') ?? '';
  return /^\d{1,12}$/.test(reset) ? Math.max(0, Number(reset) * 1000 - now) : undefined;
}

/** Runs `send`. @throws AppError instead of HttpFailure. */
export async function withTransportErrors(
  send: () => Promise<HttpResponse>,
  operation: Operation,
): Promise<HttpResponse> {
  try {
    return await send();
  } catch (error) {
    if (error instanceof HttpFailure) throw toTransportError(error, operation);
    throw error;
  }
}
