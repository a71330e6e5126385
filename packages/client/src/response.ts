/** Turns responses into errors: problem documents (RFC 9457) of the service, and responses of other servers. */
import {
  type FieldError,
  type ErrorFields,
  MetadataError,
  OutcomeUnknownError,
  type ProblemCode,
  StepUpRequiredError,
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
  const get = (name: string) => getMember(body, name);
  const getText = (name: string) => [get(name)].find(isText);
  const code = get('code');
  const known = isProblemCode(code);
  const facts: ErrorFields = {
    code: known ? code : 'invalid_response',
    status,
    title: getText('title') ?? 'The service could not be reached',
    detail: getText('detail') ?? `Another server responded, with status ${status}.`,
    requestId: headers.get('x-request-id') ?? getText('request_id'),
    errors: [get('errors')].flat().filter(isFieldError),
    retryAfterSeconds: parseRetryAfter(headers.get('retry-after'), nowMs),
  };
  if (code === 'step_up_required') {
    return new StepUpRequiredError(facts, {
      maxAge: [get('max_age')].find((value) => typeof value === 'number'),
      acrValues: [get('acr_values')].flat().filter(isText),
    });
  }
  // After a response of another server, only a 4xx proves that the service did not store the write.
  const unknown = get('outcome') === 'unknown' || (!known && (status < 400 || status >= 500));
  return new (isWrite && unknown ? OutcomeUnknownError : MetadataError)(facts);
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
    isObject(value) && isText(value['pointer']) && isText(value['detail']) && isObject(value['params'] ?? {})
  );
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
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
  return text.split(/\W+/).every((word) => utc.includes(word.slice(0, 3))) ? moment : NaN;
}
