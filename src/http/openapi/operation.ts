/** The kinds of operation there are: a row says what is particular to it, the kind adds the rest. */
import type { z } from 'zod';
import type { oas31, ZodOpenApiContentObject, ZodOpenApiResponseObject } from 'zod-openapi';
import { AppError, type ErrorCode } from '../../lib/app-error.ts';
import type { JsonObject, JsonValue } from '../../lib/json.ts';
import { PROBLEMS, renderAuth0Error, type RenderError, renderProblem } from '../errors.ts';
import { auth0Error, problem } from './schemas.ts';

// Headers of requests and answers, each described once and referred to by name.

interface HeaderDescription {
  readonly description: string;
  readonly example: string;
}

// Without examples of their own: pages that try a request out would send them.
const REQUEST_HEADERS = {
  'If-Match':
    'Proceed only if the resource has one of these quoted tags, or exists (`*`). Otherwise the answer is 412, with the current state if the caller may read it. A write compares with what Auth0 holds, not with a cached copy.',
  'If-None-Match':
    'On a read: answer 304 if the resource has one of these quoted tags. On a write: `*` proceeds only if the resource does not exist yet.',
  Prefer:
    '`return=minimal` asks for 204 instead of the resulting document. The first preference of a name counts.',
  'Cache-Control': '`no-cache` asks for a read from the identity provider. It counts as a write.',
  'Accept-Language': 'The languages that the user reads, such as `de-CH, de;q=0.9, en;q=0.5`.',
  'Last-Event-ID': 'The `id` of the last event that the caller has received. A later change is sent at once.',
  DPoP: 'The proof (RFC 9449) that goes with a token sent as `Authorization: DPoP ...`.',
  'X-Request-Id':
    'The caller’s id for this request: 8 to 64 letters, digits, `-` and `_`. The service replaces any other.',
} as const satisfies Record<string, string>;

const RESPONSE_HEADERS = {
  'Accept-Patch': {
    description: 'The media types of a PATCH body.',
    example: 'application/merge-patch+json, application/json',
  },
  Accept: { description: 'The media types of a PUT body.', example: 'application/json' },
  'Accept-Encoding': {
    description: 'The content codings of a body, where another one was sent.',
    example: 'gzip, deflate, br',
  },
  Age: { description: 'Seconds since the identity provider was asked.', example: '19' },
  'Cache-Control': {
    description:
      '`private, no-cache` for the caller’s own data, `public` for documents that are the same for every caller, `no-store` for errors.',
    example: 'private, no-cache',
  },
  'Cache-Status': {
    description:
      'Where the answer came from (RFC 9211). A negative `ttl` says for how many seconds the copy has been stale.',
    example: 'metadata-bff; hit; ttl=41',
  },
  'Claims-Stale': {
    description:
      'Claims of the access token that differ from what is stored, as a list of strings (RFC 9651). A new token has the new values.',
    example: '"https://app.example.com/language"',
  },
  'Content-Disposition': {
    description: 'With `download=1`: offers the answer as a file.',
    example: 'attachment; filename="my-profile.json"',
  },
  'Content-Language': { description: 'The language of the texts in the answer.', example: 'de' },
  'Content-Security-Policy': {
    description: 'What the page may load and connect to: this service only.',
    example: "default-src 'none'; script-src 'self'",
  },
  ETag: {
    description: 'The strong tag of exactly this representation.',
    example: '"3q2-7wAAAAAAAAAAAAAAAAAA"',
  },
  'Metadata-Quota': {
    description: 'The largest size of the metadata and its current size, in bytes.',
    example: 'limit=8192, used=311',
  },
  'Preference-Applied': {
    description: 'The preference that the service has followed.',
    example: 'return=minimal',
  },
  RateLimit: {
    description:
      'What remains (`r`) of the limit that counts this request, and the seconds until the whole is available again (`t`). Absent if the operator has turned the limit off.',
    example: '"writes";r=29;t=60',
  },
  'RateLimit-Policy': {
    description:
      'The limit that counts this request: how many (`q`) in how many seconds (`w`). It is `reads` or `writes` of the user; a 429 may also name `auth-failures` of the address.',
    example: '"writes";q=30;w=60',
  },
  'Retry-After': { description: 'How many seconds to wait before the next attempt.', example: '2' },
  Vary: { description: 'The request headers that the answer depends on.', example: 'Authorization, Origin' },
  'WWW-Authenticate': {
    description:
      'The challenge: the error, the scope that is required, and the address of the resource metadata (RFC 6750, 9449, 9728).',
    example:
      'Bearer realm="metadata-bff", error="insufficient_scope", error_description="The access token lacks the scope read:metadata.", scope="read:metadata"',
  },
  'X-Accel-Buffering': {
    description: '`no`: a proxy must pass on each event at once.',
    example: 'no',
  },
  'X-Request-Id': {
    description: 'The id of this request, to quote in a report.',
    example: 'checkout-1f0c9a4e',
  },
} as const satisfies Record<string, HeaderDescription>;

/** On every answer to a known caller. */
export const COUNTED: readonly ResponseHeader[] = ['RateLimit', 'RateLimit-Policy'];

type RequestHeader = keyof typeof REQUEST_HEADERS;
type ResponseHeader = keyof typeof RESPONSE_HEADERS;

const TEXT = { type: 'string' } as const;

/** `components.headers`: every response header by its own name. */
export function createHeaderComponents(): Record<string, oas31.HeaderObject> {
  return mapValues(RESPONSE_HEADERS, (field) => ({ ...field, schema: TEXT }));
}

/** `components.parameters`: every request header by its own name. */
export function createParameterComponents(): Record<string, oas31.ParameterObject> {
  return mapValues(REQUEST_HEADERS, (description, name) => ({
    name,
    in: 'header',
    description,
    schema: TEXT,
  }));
}

/** References to the components of the named response headers. */
export function referToResponseHeaders(
  names: readonly ResponseHeader[],
): Record<string, oas31.ReferenceObject> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** References to the components of the named request headers. */
export function referToRequestHeaders(names: readonly RequestHeader[]): oas31.ReferenceObject[] {
  return names.map((name) => ({ $ref: `#/components/parameters/${name}` }));
}

function mapValues<T, U>(record: Record<string, T>, map: (value: T, key: string) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]));
}

// The error answers, made by the functions that write the real ones: one component for each status, which every
// operation refers to. Which codes of it an operation may answer, the operation says itself.

/** Problem documents, or errors as the Management API writes them. */
export type ErrorFormat = 'problem' | 'auth0';

export interface ErrorAnswers {
  /** The shared answers to these codes, by status. */
  refer(
    codes: readonly ErrorCode[],
    format: ErrorFormat,
  ): Record<`${4 | 5}${string}`, ZodOpenApiResponseObject>;
  /** The codes as they stand in the bodies, each with its status. */
  list(codes: readonly ErrorCode[], format: ErrorFormat): readonly ListedError[];
}

interface ListedError {
  readonly code: string;
  readonly status: number;
}

/** The names of the components. */
const RESPONSE_NAMES: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  406: 'NotAcceptable',
  409: 'Conflict',
  412: 'PreconditionFailed',
  413: 'ContentTooLarge',
  415: 'UnsupportedMediaType',
  421: 'MisdirectedRequest',
  422: 'UnprocessableContent',
  428: 'PreconditionRequired',
  429: 'TooManyRequests',
  500: 'InternalServerError',
  502: 'BadGateway',
  503: 'ServiceUnavailable',
  504: 'GatewayTimeout',
};

/** Beside those of every answer, which the introduction describes once. */
const HEADERS_BY_CODE: Partial<Record<ErrorCode, readonly ResponseHeader[]>> = {
  request_malformed: ['WWW-Authenticate'],
  token_missing: ['WWW-Authenticate'],
  scope_missing: ['WWW-Authenticate'],
  step_up_required: ['WWW-Authenticate'],
  precondition_failed: ['ETag', 'Claims-Stale'],
  patch_test_failed: ['Claims-Stale'],
  patch_not_applicable: ['Claims-Stale'],
  metadata_invalid: ['Claims-Stale'],
  metadata_too_large: ['Claims-Stale'],
  media_type_unsupported: ['Accept', 'Accept-Encoding', 'Accept-Patch'],
  rate_limited: ['Retry-After'],
  upstream_rate_limited: ['Retry-After'],
  upstream_unavailable: ['Retry-After'],
  keys_unavailable: ['Retry-After'],
  lock_unavailable: ['Retry-After'],
};

interface ErrorFormatOptions {
  readonly render: RenderError;
  readonly mediaType: string;
  readonly schema: z.ZodType;
  /** What the names of its components begin with. */
  readonly prefix: string;
  /** The code of the error in a body. */
  readonly getCode: (body: JsonObject) => string;
}

const ERROR_FORMATS: Readonly<Record<ErrorFormat, ErrorFormatOptions>> = {
  problem: {
    render: renderProblem,
    mediaType: 'application/problem+json',
    schema: problem,
    prefix: '',
    getCode: (body) => problem.parse(body).code,
  },
  auth0: {
    render: renderAuth0Error,
    mediaType: 'application/json',
    schema: auth0Error,
    prefix: 'Auth0',
    getCode: (body) => auth0Error.parse(body).errorCode,
  },
};

interface Rendered extends ListedError {
  readonly key: ErrorCode;
  readonly body: JsonObject;
}

/** @param used by at least one operation of the document, in each format. */
export function createErrorAnswers(
  used: Readonly<Record<ErrorFormat, ReadonlySet<ErrorCode>>>,
): ErrorAnswers {
  const shared = new Map<string, ZodOpenApiResponseObject>();
  const list = (codes: Iterable<ErrorCode>, format: ErrorFormat) =>
    [...codes].map((code) => renderExample(code, format)).toSorted((a, b) => a.status - b.status);

  function getShared(status: number, format: ErrorFormat): ZodOpenApiResponseObject {
    const id = `${ERROR_FORMATS[format].prefix}${RESPONSE_NAMES[status] ?? `Status${status}`}`;
    const known = shared.get(id);
    if (known) return known;
    const errors = list(used[format], format).filter((error) => error.status === status);
    const answer = createErrorAnswer(id, errors, format);
    shared.set(id, answer);
    return answer;
  }

  return {
    list,
    refer: (codes, format) =>
      Object.fromEntries(list(codes, format).map(({ status }) => [status, getShared(status, format)])),
  };
}

function createErrorAnswer(
  id: string,
  errors: readonly Rendered[],
  format: ErrorFormat,
): ZodOpenApiResponseObject {
  const { mediaType, schema } = ERROR_FORMATS[format];
  const headers = errors.flatMap(({ key }) => HEADERS_BY_CODE[key] ?? []);
  return {
    id,
    description: errors.map(({ key, code }) => `\`${code}\`: ${PROBLEMS[key].title}.`).join(' '),
    ...(headers.length === 0 ? {} : { headers: referToResponseHeaders(headers) }),
    content: {
      [mediaType]: {
        schema,
        examples: Object.fromEntries(errors.map(({ key, body }) => [key, { value: body }])),
      },
    },
  };
}

function renderExample(key: ErrorCode, format: ErrorFormat): Rendered {
  const { render, getCode } = ERROR_FORMATS[format];
  const { status, body: text } = render(createExampleError(key), 'checkout-1f0c9a4e');
  const body: JsonObject = JSON.parse(text);
  return { key, code: getCode(body), status, body };
}

/** An error as it is thrown, with the title of its code as the message. */
function createExampleError(code: ErrorCode): AppError {
  return new AppError(
    code,
    `${PROBLEMS[code].title}.`,
    code === 'scope_missing' ? { scope: 'read:metadata' } : {},
  );
}

export interface Endpoint {
  readonly path: string;
  readonly tag: string;
  /** The variables in the path. */
  readonly params?: z.ZodObject;
  /** How its errors are written; by default as problem documents. */
  readonly errorFormat?: ErrorFormat;
  readonly get?: Operation;
  readonly put?: Operation;
  readonly patch?: Operation;
  readonly delete?: Operation;
}

export interface Operation {
  readonly id: string;
  readonly summary: string;
  /** What it promises. What it refuses is added from its errors. */
  readonly description: string;
  /** Each of them is enough. Undefined where no token is needed. */
  readonly scopes: readonly string[] | undefined;
  readonly query?: z.ZodObject;
  readonly requestHeaders: readonly RequestHeader[];
  readonly body?: ZodOpenApiContentObject;
  readonly answers: readonly Answer[];
  readonly errors: readonly ErrorCode[];
}

/** An answer that is no error; one of status 304 is the same for every operation. */
export type Answer = OwnAnswer | { readonly status: 304 };

export interface OwnAnswer {
  readonly status: 200 | 204 | 503;
  readonly description: string;
  readonly headers: readonly ResponseHeader[];
  readonly content?: ZodOpenApiContentObject;
}

/** What every row says. */
interface Row {
  readonly id: string;
  readonly summary: string;
  /** What it promises. What it refuses is added from its errors. */
  readonly description: string;
  /** Headers of a success beside those of its kind. */
  readonly headers?: readonly ResponseHeader[];
  /** Errors beside those of its kind. */
  readonly errors?: readonly ErrorCode[];
}

interface GuardedRow extends Row {
  readonly scopes: readonly string[];
}

interface ReadRow extends GuardedRow {
  readonly query?: z.ZodObject;
  readonly answer: ZodOpenApiContentObject;
}

interface WriteRow extends GuardedRow {
  readonly body: ZodOpenApiContentObject;
  readonly answer: ZodOpenApiContentObject;
}

export const CALLER: readonly RequestHeader[] = ['DPoP', 'X-Request-Id'];
const UNTAGGED: readonly ResponseHeader[] = ['Cache-Control', 'Vary', 'X-Request-Id'];
const TAGGED: readonly ResponseHeader[] = ['ETag', ...UNTAGGED];
const UNREADABLE =
  'The write is done. The token lacks the scope to read, so the answer has neither the value nor its tag.';

export const GUARDED: readonly ErrorCode[] = [
  'request_malformed',
  'token_missing',
  'token_invalid',
  'dpop_proof_invalid',
  'scope_missing',
  'caller_not_a_user',
  'client_not_allowed',
  'actor_not_allowed',
  'rate_limited',
  'internal',
  'upstream_refused',
  'upstream_malformed',
  'upstream_rate_limited',
  'upstream_unavailable',
  'keys_unavailable',
  'upstream_timeout',
];
const CHANGING: readonly ErrorCode[] = [
  ...GUARDED,
  'lock_unavailable',
  'step_up_required',
  'key_read_only',
  'user_not_found',
  'precondition_failed',
  'metadata_too_large',
  'metadata_invalid',
];
const WITH_BODY: readonly ErrorCode[] = [
  'body_required',
  'json_invalid',
  'body_too_large',
  'media_type_unsupported',
];

/** A read of what is the caller's own, through the cache. */
export function read({ answer, headers = [], errors = [], ...row }: ReadRow): Operation {
  const fields: readonly ResponseHeader[] = [...TAGGED, ...COUNTED, 'Age', 'Cache-Status', ...headers];
  return {
    ...row,
    requestHeaders: ['If-Match', 'If-None-Match', 'Cache-Control', ...CALLER],
    answers: [
      { status: 200, description: 'The current value.', headers: fields, content: answer },
      { status: 304 },
    ],
    errors: [...GUARDED, 'precondition_failed', ...errors],
  };
}

/** A write that answers what is stored afterwards. */
export function write({ answer, headers = [], errors = [], ...row }: WriteRow): Operation {
  return {
    ...row,
    requestHeaders: ['If-Match', 'If-None-Match', ...CALLER],
    answers: [
      {
        status: 200,
        description: 'The resulting value.',
        headers: [...TAGGED, ...COUNTED, ...headers],
        content: answer,
      },
      {
        status: 204,
        description: UNREADABLE,
        headers: [...UNTAGGED, ...COUNTED, ...headers],
      },
    ],
    errors: [...CHANGING, ...WITH_BODY, ...errors],
  };
}

/** The same where the caller may do without the answer (`Prefer: return=minimal`). */
export function writeOrMinimal(row: WriteRow): Operation {
  const { answers, requestHeaders, ...operation } = write(row);
  const resulting = answers.filter(({ status }) => status !== 204);
  return {
    ...operation,
    requestHeaders: ['Prefer', ...requestHeaders],
    answers: [
      ...resulting,
      {
        status: 204,
        description: `The write is done, and the caller sent \`Prefer: return=minimal\` or may not read: then there is no tag.`,
        headers: [...TAGGED, ...COUNTED, 'Preference-Applied', ...(row.headers ?? [])],
      },
    ],
  };
}

/** A removal, which succeeds as well where nothing is there. */
export function remove({ headers = [], errors = [], ...row }: GuardedRow): Operation {
  return {
    ...row,
    requestHeaders: ['If-Match', 'If-None-Match', ...CALLER],
    answers: [
      {
        status: 204,
        description: 'Removed.',
        headers: [...UNTAGGED, ...COUNTED, ...headers],
      },
    ],
    errors: [...CHANGING, ...errors],
  };
}

/** A document that is the same for every caller. */
export function publicRead({
  answer,
  headers = [],
  errors = [],
  requestHeaders = [],
  ...row
}: Row & {
  readonly answer: ZodOpenApiContentObject;
  /** Beside those of its kind. */
  readonly requestHeaders?: readonly RequestHeader[];
}): Operation {
  const fields = [...TAGGED, ...headers];
  return {
    ...row,
    scopes: undefined,
    requestHeaders: ['If-Match', 'If-None-Match', 'X-Request-Id', ...requestHeaders],
    answers: [
      { status: 200, description: 'The document.', headers: fields, content: answer },
      { status: 304 },
    ],
    errors: ['request_malformed', 'precondition_failed', 'internal', ...errors],
  };
}

/** A probe, for machines that decide by its status. */
export function probe({
  answer,
  failure,
  ...row
}: Row & {
  readonly answer: ZodOpenApiContentObject;
  /** What 503 brings, where there is one. */
  readonly failure?: ZodOpenApiContentObject;
}): Operation {
  const headers: readonly ResponseHeader[] = ['Cache-Control', 'Vary', 'X-Request-Id'];
  return {
    ...row,
    scopes: undefined,
    requestHeaders: ['X-Request-Id'],
    answers: [
      { status: 200, description: 'It can.', headers, content: answer },
      ...(failure === undefined
        ? []
        : [{ status: 503 as const, description: 'It cannot.', headers, content: failure }]),
    ],
    errors: ['internal'],
  };
}

// Bodies by media type, with the examples of the formats that a reader may not know.

export const MERGE_PATCH_EXAMPLE = { theme: 'dark', notifications: { email: false }, nickname: null };

export const JSON_PATCH_EXAMPLE = [
  { op: 'test', path: '/theme', value: 'light' },
  { op: 'replace', path: '/theme', value: 'dark' },
  { op: 'add', path: '/interests/-', value: 'chess' },
];

type Described = readonly [schema: z.ZodType, example?: JsonValue];

export function content(types: Readonly<Record<string, Described>>): ZodOpenApiContentObject {
  return Object.fromEntries(
    Object.entries(types).map(([mediaType, [schema, example]]) => [
      mediaType,
      { schema, ...(example === undefined ? {} : { example }) },
    ]),
  );
}

export function json(schema: z.ZodType, example?: JsonValue): ZodOpenApiContentObject {
  return content({ 'application/json': example === undefined ? [schema] : [schema, example] });
}
