/**
 * From what the tenant answered, or did not, to our own error codes. Texts of the tenant go nowhere: a
 * caller learns the code, the log the status and the tenant's own short error code.
 */
import { AppError, type ErrorCode, SafeError } from '../lib/app-error.ts';
import { HttpFailure, type HttpResponse } from '../lib/http-client.ts';

/** What the log may know of a refused request: no body, no header, no address. */
export class UpstreamAnswer extends SafeError {
  constructor(operation: string, response: HttpResponse) {
    super(`${operation} answered ${response.status}`);
    this.name = 'UpstreamAnswer';
  }
}

interface Operation {
  /** For the log, for example `users.read`. */
  readonly name: string;
  /** Whether the request asks for a change, so that its outcome may be unknown. */
  readonly changes: boolean;
}

const MESSAGES = {
  upstream_refused: 'The identity provider refused the request of this service.',
  upstream_malformed: 'The identity provider sent an answer that cannot be used.',
  upstream_rate_limited: 'The request budget at the identity provider is used up for the moment.',
  upstream_unavailable: 'The identity provider cannot be reached at the moment.',
  upstream_timeout: 'The identity provider did not answer in time.',
} as const satisfies Partial<Record<ErrorCode, string>>;

/** The error for a request that got no usable answer. */
export function transportError(failure: HttpFailure, operation: Operation): AppError {
  const unknown = operation.changes && failure.kind !== 'unreachable';
  const code = {
    unreachable: 'upstream_unavailable',
    reset: 'upstream_unavailable',
    timeout: 'upstream_timeout',
    malformed: 'upstream_malformed',
  } as const satisfies Record<HttpFailure['kind'], keyof typeof MESSAGES>;
  return upstreamError(code[failure.kind], failure, unknown);
}

/**
 * The statuses with which Auth0 refuses the document of a change: a name or value that it cannot store, a profile beyond
 * its limit. They are about this one user, where 401 and 403 are about this service.
 */
const REFUSED_DOCUMENTS: ReadonlyMap<number, 'metadata_invalid' | 'metadata_too_large'> = new Map([
  [400, 'metadata_invalid'],
  [409, 'metadata_invalid'],
  [413, 'metadata_too_large'],
]);
const REFUSED_DOCUMENT = 'The identity provider does not accept this document.';

/** The error for an answer whose status is not a success. */
export function statusError(response: HttpResponse, operation: Operation, nowMs: number): AppError {
  const cause = new UpstreamAnswer(operation.name, response);
  const { status } = response;
  if (status === 429) {
    return upstreamError('upstream_rate_limited', cause, false, retryAfterSeconds(response, nowMs));
  }
  // A gateway may fail after the service behind it has done the work.
  if (status >= 500) return upstreamError('upstream_unavailable', cause, operation.changes);
  const refused = operation.changes ? REFUSED_DOCUMENTS.get(status) : undefined;
  if (refused !== undefined) {
    return new AppError(refused, REFUSED_DOCUMENT, {
      cause,
      errors: [{ pointer: '', code: 'refused_by_tenant', detail: REFUSED_DOCUMENT }],
    });
  }
  return upstreamError('upstream_refused', cause, false);
}

/** The error for a success whose body is not what the Management API promises. */
export function malformedError(response: HttpResponse, operation: Operation): AppError {
  const cause = new UpstreamAnswer(operation.name, response);
  return upstreamError('upstream_malformed', cause, operation.changes);
}

function upstreamError(
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

const RETRY_AFTER_MAX_SECONDS = 300;

/** Seconds until the bucket refills, at least one. */
export function retryAfterSeconds(response: HttpResponse, nowMs: number): number {
  const ms = readResetMs(response, nowMs) ?? 1000;
  return Math.min(RETRY_AFTER_MAX_SECONDS, Math.max(1, Math.ceil(ms / 1000)));
}

/**
 * Milliseconds until the bucket refills: `Retry-After` in either form (RFC 9110 section 10.2.3), else
 * `x-ratelimit-reset`, which is a UNIX time in seconds (Auth0 rate limit policy). A time is compared with the `Date` of the
 * answer, and only without one with our own clock, which may be wrong.
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

/** Runs `send` and turns a transport failure into ours. */
export async function sending(
  send: () => Promise<HttpResponse>,
  operation: Operation,
): Promise<HttpResponse> {
  try {
    return await send();
  } catch (error) {
    if (error instanceof HttpFailure) throw transportError(error, operation);
    throw error;
  }
}
