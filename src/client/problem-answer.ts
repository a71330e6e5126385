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
  const faults = own(body, 'errors');
  const facts: ErrorFacts = {
    code: known ? code : 'answer_unusable',
    status,
    title: textOf(own(body, 'title')) ?? 'The service cannot be reached',
    detail: textOf(own(body, 'detail')) ?? `Something else answered, with status ${status}.`,
    requestId: headers.get('x-request-id') ?? textOf(own(body, 'request_id')),
    errors: Array.isArray(faults) ? faults.filter(isFault) : [],
    retryAfterSeconds: secondsIn(headers.get('retry-after'), nowMs),
  };
  // What came before an answer of somebody on the way, nobody can say; but that a request was refused.
  const unknown = own(body, 'outcome') === 'unknown' || (!known && (status < 400 || status >= 500));
  return isWrite && unknown ? new OutcomeUnknownError(facts) : new MetadataError(facts);
}

/** The error for no answer at all. */
export function networkProblem(cause: unknown, isWrite: boolean): MetadataError {
  const facts: ErrorFacts = {
    code: 'network_failed',
    status: 0,
    title: 'There was no answer',
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
  if (!isObject(value)) return false;
  const { pointer, detail, params = {} } = value;
  return typeof pointer === 'string' && typeof detail === 'string' && isObject(params);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** `Retry-After` in either form (RFC 9110 section 10.2.3). */
function secondsIn(field: string | null, nowMs: number): number | undefined {
  if (field === null) return undefined;
  const seconds = /^\d+$/.test(field) ? Number(field) : (Date.parse(field) - nowMs) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}
