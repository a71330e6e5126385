/** Turns responses into errors: problem documents (RFC 9457) of the service, and responses of other servers. */
import {
  type FieldError,
  type ErrorFields,
  MetadataError,
  OutcomeUnknownError,
  type ProblemCode,
} from './errors.ts';
import { isObject, getMember } from './json.ts';

/** A response whose body has been read, unless it is a stream. */
export interface ClientResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed text; undefined if it is not JSON. */
  readonly body: unknown;
  /** The body of an event stream. */
  readonly stream: ReadableStream<Uint8Array> | undefined;
}

/** The error for a response that is not a success. */
export function toMetadataError(
  { status, headers, body }: ClientResponse,
  isWrite: boolean,
  nowMs: number,
): MetadataError {
  const code = getMember(body, 'code');
  const known = isProblemCode(code);
  const facts: ErrorFields = {
    code: known ? code : 'invalid_response',
    status,
    title: asText(getMember(body, 'title')) ?? 'The service could not be reached',
    detail: asText(getMember(body, 'detail')) ?? `Another server responded, with status ${status}.`,
    requestId: headers.get('x-request-id') ?? asText(getMember(body, 'request_id')),
    errors: [getMember(body, 'errors')].flat().filter(isFieldError),
    retryAfterSeconds: parseRetryAfter(headers.get('retry-after'), nowMs),
  };
  // After a response of another server, only a 4xx proves that the service did not store the write.
  const unknown = getMember(body, 'outcome') === 'unknown' || (!known && (status < 400 || status >= 500));
  return isWrite && unknown ? new OutcomeUnknownError(facts) : new MetadataError(facts);
}

/** The error for a missing response, or for a redirect. Only Node tells the two apart. */
export function createNetworkError(cause: unknown, isWrite: boolean): MetadataError {
  const facts: ErrorFields = {
    code: /redirect/.test(String(getMember(cause, 'cause'))) ? 'redirect_refused' : 'network_failed',
    status: 0,
    title: 'The service could not be reached',
    detail: isWrite ? 'The change may have been stored.' : 'There was no response.',
    errors: [],
  };
  return new (isWrite ? OutcomeUnknownError : MetadataError)(facts, { cause });
}

// A newer service may have more codes than ProblemCode lists.
function isProblemCode(value: unknown): value is ProblemCode {
  return typeof value === 'string';
}

function isFieldError(value: unknown): value is FieldError {
  return (
    isObject(value) &&
    asText(value['pointer']) !== undefined &&
    asText(value['detail']) !== undefined &&
    isObject(value['params'] ?? {})
  );
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** `Retry-After` as seconds or as a date (RFC 9110 section 10.2.3); undefined for anything else. */
function parseRetryAfter(field: string | null, nowMs: number): number | undefined {
  const text = field ?? '';
  const seconds = /^\d+$/.test(text) ? Number(text) : (parseHttpDate(text) - nowMs) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}

/** The moment of an HTTP date in any of the three forms of RFC 9110 section 5.6.7; NaN for anything else. */
function parseHttpDate(text: string): number {
  const moment = Date.parse(text.replaceAll('-', ' ').replace(/( GMT)?$/, ' GMT'));
  const utc = new Date(moment).toUTCString();
  // `Date.parse` accepts nearly any text. All words must be those of the moment: a year of two digits is part of one of
  // four, and a day's name begins with its short form.
  return (text.match(/\w+/g) ?? []).every((word) => utc.includes(word.slice(0, 3))) ? moment : NaN;
}
