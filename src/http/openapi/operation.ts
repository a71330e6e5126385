/** The kinds of operation there are: a row says what is particular to it, the kind adds the rest. */
import type { z } from 'zod';
import type { ZodOpenApiContentObject } from 'zod-openapi';
import type { ErrorCode } from '../../lib/app-error.ts';
import type { Dialect } from './errors.ts';
import { COUNTED, type RequestHeader, type ResponseHeader } from './headers.ts';

export interface Endpoint {
  readonly path: string;
  readonly tag: string;
  /** The variables in the path. */
  readonly params?: z.ZodObject;
  /** How its errors are written; problem documents unless told otherwise. */
  readonly dialect?: Dialect;
  readonly get?: Operation;
  readonly put?: Operation;
  readonly patch?: Operation;
  readonly delete?: Operation;
}

export interface Operation {
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  /** Any one of them opens the door; undefined where there is none. */
  readonly scopes: readonly string[] | undefined;
  readonly query?: z.ZodObject;
  readonly requestHeaders: readonly RequestHeader[];
  readonly body?: ZodOpenApiContentObject;
  readonly answers: readonly Answer[];
  readonly errors: readonly ErrorCode[];
}

export interface Answer {
  readonly status: 200 | 204 | 304 | 503;
  readonly description: string;
  readonly headers: readonly ResponseHeader[];
  readonly content?: ZodOpenApiContentObject;
}

/** What every row says. */
interface Row {
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  /** Header fields of success beside those of its kind. */
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
  'Done. The token lacks the scope to read, so the answer has neither the state nor its tag.';
const NOT_MODIFIED = 'What the caller already holds.';

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
      { status: 200, description: 'The current state.', headers: fields, content: answer },
      { status: 304, description: NOT_MODIFIED, headers: fields },
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
        description: 'The state that results.',
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
        description: `As \`Prefer: return=minimal\` asked. Also: ${UNREADABLE}`,
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
        description: 'It is gone.',
        headers: [...UNTAGGED, ...COUNTED, ...headers],
      },
    ],
    errors: [...CHANGING, ...errors],
  };
}

/** A document that is the same for everybody. */
export function publicRead({
  answer,
  headers = [],
  errors = [],
  ...row
}: Row & { readonly answer: ZodOpenApiContentObject }): Operation {
  const fields = [...TAGGED, ...headers];
  return {
    ...row,
    scopes: undefined,
    requestHeaders: ['If-Match', 'If-None-Match', 'X-Request-Id'],
    answers: [
      { status: 200, description: 'The document.', headers: fields, content: answer },
      { status: 304, description: NOT_MODIFIED, headers: fields },
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
      { status: 200, description: 'It is well enough.', headers, content: answer },
      ...(failure === undefined
        ? []
        : [{ status: 503 as const, description: 'It is not.', headers, content: failure }]),
    ],
    errors: ['internal'],
  };
}
