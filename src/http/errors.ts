/**
 * The public error table: what each code means on the wire (RFC 9457). A code without a row does not
 * compile, and `docs/errors.md` is generated from it.
 */
import { STATUS_CODES } from 'node:http';
import type { AppError, ErrorCode } from '../lib/app-error.ts';
import { parsePointer } from '../metadata/json-pointer.ts';

interface ProblemType {
  readonly status: number;
  readonly title: string;
}

export const PROBLEMS = {
  request_malformed: { status: 400, title: 'The request is malformed' },
  body_required: { status: 400, title: 'A body is required' },
  json_invalid: { status: 400, title: 'The body is not valid JSON' },
  query_invalid: { status: 400, title: 'The query is invalid' },
  token_missing: { status: 401, title: 'An access token is required' },
  token_invalid: { status: 401, title: 'The access token is not valid' },
  dpop_proof_invalid: { status: 401, title: 'The DPoP proof is not valid' },
  step_up_required: { status: 401, title: 'A more recent or a stronger login is required' },
  scope_missing: { status: 403, title: 'The access token lacks a scope' },
  caller_not_a_user: { status: 403, title: 'The caller is not a user' },
  client_not_allowed: { status: 403, title: 'The application is not allowed' },
  actor_not_allowed: { status: 403, title: 'The actor is not allowed' },
  key_read_only: { status: 403, title: 'A key is read-only' },
  user_mismatch: { status: 403, title: 'The user is not the caller' },
  route_not_found: { status: 404, title: 'There is no such resource' },
  key_not_found: { status: 404, title: 'There is no such key' },
  user_not_found: { status: 404, title: 'The user does not exist' },
  method_not_allowed: { status: 405, title: 'The method is not allowed' },
  not_acceptable: { status: 406, title: 'No acceptable representation' },
  patch_test_failed: { status: 409, title: 'A test of the patch failed' },
  metadata_not_an_object: { status: 409, title: 'The stored metadata is not an object' },
  precondition_failed: { status: 412, title: 'A precondition failed' },
  body_too_large: { status: 413, title: 'The body is too large' },
  metadata_too_large: { status: 413, title: 'The metadata would be too large' },
  media_type_unsupported: { status: 415, title: 'The media type is not supported' },
  misdirected_request: { status: 421, title: 'The request is for another host' },
  metadata_invalid: { status: 422, title: 'The metadata is not acceptable' },
  patch_not_applicable: { status: 422, title: 'The patch cannot be applied' },
  precondition_required: { status: 428, title: 'A precondition is required' },
  rate_limited: { status: 429, title: 'Too many requests' },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  internal: { status: 500, title: 'Something went wrong' },
  upstream_refused: { status: 502, title: 'The identity provider refused the request' },
  upstream_malformed: { status: 502, title: 'The identity provider sent an invalid response' },
  upstream_rate_limited: { status: 503, title: 'The identity provider is out of budget' },
  upstream_unavailable: { status: 503, title: 'The identity provider is unavailable' },
  keys_unavailable: { status: 503, title: 'Tokens cannot be verified at the moment' },
  lock_unavailable: { status: 503, title: 'The write lock is unavailable' },
  draining: { status: 503, title: 'The service is shutting down' },
  upstream_timeout: { status: 504, title: 'The identity provider did not answer in time' },
} as const satisfies Record<ErrorCode, ProblemType>;

interface RenderedProblem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type RenderError = (error: AppError, requestId: string) => RenderedProblem;

/** The whole answer for an error, but for authentication challenges, which need the request. */
export function renderProblem(error: AppError, requestId: string): RenderedProblem {
  const { status, title } = PROBLEMS[error.code];
  const { errors, current, outcome, stepUp } = error.extras;
  return {
    status,
    headers: { 'Content-Type': 'application/problem+json', ...getErrorHeaders(error) },
    body: JSON.stringify({
      type: `urn:metadata-bff:problem:${error.code}`,
      title,
      status,
      detail: error.message,
      code: error.code,
      request_id: requestId,
      ...(outcome === undefined ? {} : { outcome }),
      ...(stepUp?.maxAgeSeconds === undefined ? {} : { max_age: stepUp.maxAgeSeconds }),
      ...(stepUp?.acrValues === undefined ? {} : { acr_values: stepUp.acrValues }),
      ...(errors === undefined ? {} : { errors }),
      ...(current === undefined ? {} : { current }),
    }),
  };
}

/** The headers of an error in any format. */
function getErrorHeaders({ extras }: AppError): Readonly<Record<string, string>> {
  const { etag, retryAfterSeconds, headers } = extras;
  return {
    'Cache-Control': 'no-store',
    ...(retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) }),
    ...(etag === undefined ? {} : { ETag: etag }),
    ...headers,
  };
}

// Errors in the shape of the Management API (`statusCode`, `error`, `message`, `errorCode`), for the
// drop-in routes: code written against that API finds there what it looks for.

interface Auth0Error {
  readonly status?: number;
  readonly message?: string;
  readonly errorCode?: string;
}

/** Where the Management API has texts of its own. Other errors keep ours. */
const AUTH0_ERRORS: Partial<Record<ErrorCode, Auth0Error>> = {
  body_required: { errorCode: 'invalid_body' },
  json_invalid: { errorCode: 'invalid_body' },
  metadata_invalid: { status: 400, errorCode: 'invalid_body' },
  metadata_too_large: { errorCode: 'invalid_body' },
  query_invalid: { errorCode: 'invalid_query_string' },
  token_missing: { message: 'Missing authentication' },
  token_invalid: { message: 'Invalid token', errorCode: 'invalid_token' },
  user_mismatch: { message: 'User to be acted on does not match subject in bearer token.' },
  key_read_only: { errorCode: 'operation_not_supported' },
  user_not_found: { message: 'The user does not exist.', errorCode: 'inexistent_user' },
  rate_limited: { message: 'Global limit has been reached', errorCode: 'too_many_requests' },
};

/** No more errors than these are named in a message. */
const MAX_NAMED_ERRORS = 3;
/** Names come from the caller and can be as long as a document. */
const MAX_NAME_LENGTH = 100;

const STEP_UP = 'You need a more recent or a stronger login to update the following fields:';

/** What is wrong and where, in the words of the Management API and without values of the user's. */
function describeErrors({ code, message, extras: { errors = [] } }: AppError): string {
  const described = errors
    .slice(0, MAX_NAMED_ERRORS)
    .map(({ pointer, detail }) => ({ name: toName(pointer), detail }));
  const others = errors.length - described.length;
  const more = others > 0 ? ` (and ${others} more)` : '';
  if (described.length === 0) return message;
  const names = `${described.map(({ name }) => name).join(', ')}${more}`;
  if (code === 'key_read_only') return `You cannot update the following fields: ${names}`;
  // Nothing is wrong with what was sent.
  if (code === 'step_up_required') return `${STEP_UP} ${names}`;
  const details = described.map(({ name, detail }) => `'${detail.replace(/\.$/, '')}' on property ${name}`);
  return `Payload validation error: ${details.join(', ')}${more}.`;
}

/** A JSON Pointer within the metadata as a name with dots. */
function toName(pointer: string): string {
  if (pointer === '') return 'user_metadata';
  const name = parsePointer(pointer).join('.');
  return name.length > MAX_NAME_LENGTH ? `${name.slice(0, MAX_NAME_LENGTH).toWellFormed()}...` : name;
}

export function renderAuth0Error(error: AppError): RenderedProblem {
  const known = AUTH0_ERRORS[error.code] ?? {};
  const status = known.status ?? PROBLEMS[error.code].status;
  const missingScope = error.code === 'scope_missing' && error.extras.scope !== undefined;
  const body = {
    statusCode: status,
    error: STATUS_CODES[status] ?? 'Error',
    message: missingScope
      ? `Insufficient scope, expected any of: ${error.extras.scope?.replaceAll(' ', ',')}`
      : (known.message ?? describeErrors(error)),
    errorCode: missingScope ? 'insufficient_scope' : (known.errorCode ?? error.code),
  };
  return {
    status,
    headers: { 'Content-Type': 'application/json; charset=utf-8', ...getErrorHeaders(error) },
    body: JSON.stringify(body),
  };
}
