/** Refusals as errors: the service's problem documents (RFC 9457), and whatever somebody on the way answered instead. */
import {
  type DocumentFault,
  type ErrorFacts,
  MetadataError,
  OutcomeUnknownError,
  type ProblemCode,
} from './errors.ts';
import { isObject, own } from './json.ts';

/** An answer whose body has been read, unless it never ends. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The value of the text, or undefined if it is no JSON. */
  readonly body: unknown;
  /** What is still to come, for events. */
  readonly stream: ReadableStream<Uint8Array> | undefined;
}

/** The error for an answer that is no success. */
export function problemOf({ status, headers, body }: Answer, isWrite: boolean, nowMs: number): MetadataError {
  const code = own(body, 'code');
  const known = isCode(code);
  const facts: ErrorFacts = {
    code: known ? code : 'invalid_response',
    status,
    title: textOf(own(body, 'title')) ?? 'The service could not be reached',
    detail: textOf(own(body, 'detail')) ?? `Something else answered, with status ${status}.`,
    requestId: headers.get('x-request-id') ?? textOf(own(body, 'request_id')),
    errors: [own(body, 'errors')].flat().filter(isFault),
    retryAfterSeconds: secondsIn(headers.get('retry-after'), nowMs),
  };
  // What came before an answer of somebody on the way, nobody can say; but that a request was refused.
  const unknown = own(body, 'outcome') === 'unknown' || (!known && (status < 400 || status >= 500));
  return isWrite && unknown ? new OutcomeUnknownError(facts) : new MetadataError(facts);
}

/** The error for no answer at all, or for a redirect, which Node tells apart and browsers do not. */
export function networkProblem(cause: unknown, isWrite: boolean): MetadataError {
  const facts: ErrorFacts = {
    code: /redirect/.test(String(own(cause, 'cause'))) ? 'redirect_refused' : 'network_failed',
    status: 0,
    title: 'The request failed',
    detail: isWrite ? 'Whether the change was stored is not known.' : 'The service could not be reached.',
    requestId: undefined,
    errors: [],
    retryAfterSeconds: undefined,
  };
  return new (isWrite ? OutcomeUnknownError : MetadataError)(facts, { cause });
}

// Which codes there are is the service's word; those of a newer one are handed on as they are.
function isCode(value: unknown): value is ProblemCode {
  return typeof value === 'string';
}

function isFault(value: unknown): value is DocumentFault {
  return (
    isObject(value) &&
    textOf(value['pointer']) !== undefined &&
    textOf(value['detail']) !== undefined &&
    isObject(value['params'] ?? {})
  );
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** `Retry-After` as seconds or as a date (RFC 9110 section 10.2.3). Anything else says nothing. */
function secondsIn(field: string | null, nowMs: number): number | undefined {
  const text = field ?? '';
  const seconds = /^\d+$/.test(text) ? Number(text) : (parseHttpDate(text) - nowMs) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}

/** The moment of an HTTP date in any of the three forms of RFC 9110 section 5.6.7; NaN for anything else. */
function parseHttpDate(text: string): number {
  const fixdate = text
    // A year of the past century would need another name of the day, and is refused below.
    .replace(/^(\w{3})\w*day, (\d\d)-(\w{3})-(\d\d .{8} GMT)$/, '$1, $2 $3 20$4')
    .replace(/^(\w{3}) (\w{3}) (..) (.{8}) (\d{4})$/, '$1, $3 $2 $5 $4 GMT')
    .replace(',  ', ', 0');
  const moment = Date.parse(fixdate);
  // `Date.parse` takes nearly any text for a date.
  return new Date(moment).toUTCString() === fixdate ? moment : NaN;
}
