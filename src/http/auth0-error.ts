/**
 * Errors in the shape of the Management API (`statusCode`, `error`, `message`, `errorCode`), for the
 * drop-in routes: code written against that API finds there what it looks for.
 */
import { STATUS_CODES } from 'node:http';
import type { AppError, ErrorCode } from '../lib/app-error.ts';
import { namesOf } from '../metadata/json-pointer.ts';
import { errorHeaders, PROBLEMS, type RenderedProblem } from './problem.ts';

interface Auth0Error {
  readonly status?: number;
  readonly message?: string;
  readonly errorCode?: string;
}

/** Where the Management API has words of its own; anything else keeps ours. */
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

/** No more faults than these are named in a message. */
const NAMED_MAX = 3;
/** Names come from the caller and can be as long as a document. */
const NAME_MAX = 100;

/** What is wrong and where, in the words of the Management API and without values of the user's. */
function describeFaults({ code, message, extras: { errors = [] } }: AppError): string {
  const faults = errors.slice(0, NAMED_MAX).map(({ pointer, detail }) => ({ name: toName(pointer), detail }));
  const others = errors.length - faults.length;
  const more = others > 0 ? ` (and ${others} more)` : '';
  if (faults.length === 0) return message;
  if (code === 'key_read_only') {
    return `You cannot update the following fields: ${faults.map(({ name }) => name).join(', ')}${more}`;
  }
  const told = faults.map(({ name, detail }) => `'${detail.replace(/\.$/, '')}' on property ${name}`);
  return `Payload validation error: ${told.join(', ')}${more}.`;
}

/** A JSON Pointer within the metadata as a name with dots. */
function toName(pointer: string): string {
  if (pointer === '') return 'user_metadata';
  const name = namesOf(pointer).join('.');
  return name.length > NAME_MAX ? `${name.slice(0, NAME_MAX).toWellFormed()}...` : name;
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
      : (known.message ?? describeFaults(error)),
    errorCode: missingScope ? 'insufficient_scope' : (known.errorCode ?? error.code),
  };
  return {
    status,
    headers: { 'Content-Type': 'application/json; charset=utf-8', ...errorHeaders(error) },
    body: JSON.stringify(body),
  };
}
