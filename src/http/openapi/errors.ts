/**
 * The error answers of an operation, made by the functions that write the real ones: one component for
 * each status and set of codes.
 */
import { z } from 'zod';
import type { ZodOpenApiResponseObject } from 'zod-openapi';
import { AppError, type ErrorCode } from '../../lib/app-error.ts';
import type { JsonObject } from '../../lib/json.ts';
import { renderAuth0Error } from '../auth0-error.ts';
import { PROBLEMS, renderProblem, type RenderError } from '../problem.ts';
import { COUNTED, type ResponseHeader, responseHeaders } from './headers.ts';
import { auth0Error, problem } from './schemas.ts';

/** How errors are written: as problem documents, or as the Management API does. */
export type Dialect = 'problem' | 'auth0';

export type ErrorAnswers = (
  codes: readonly ErrorCode[],
  dialect: Dialect,
) => Record<`${4 | 5}${string}`, ZodOpenApiResponseObject>;

const EVERY_ERROR: readonly ResponseHeader[] = ['Cache-Control', 'Vary', 'X-Request-Id'];

/** Errors of somebody who is not known, so that nothing was counted; any other may be one of a counted request. */
const UNCOUNTED: ReadonlySet<ErrorCode> = new Set([
  'token_missing',
  'token_invalid',
  'caller_not_a_user',
  'keys_unavailable',
  'route_not_found',
  'misdirected_request',
]);

const HEADERS_OF: Partial<Record<ErrorCode, readonly ResponseHeader[]>> = {
  request_malformed: ['WWW-Authenticate'],
  token_missing: ['WWW-Authenticate'],
  scope_missing: ['WWW-Authenticate'],
  precondition_failed: ['ETag'],
  media_type_unsupported: ['Accept', 'Accept-Encoding', 'Accept-Patch'],
  rate_limited: ['Retry-After'],
  upstream_rate_limited: ['Retry-After'],
  upstream_unavailable: ['Retry-After'],
  keys_unavailable: ['Retry-After'],
  lock_unavailable: ['Retry-After'],
};

interface DialectWords {
  readonly render: RenderError;
  readonly mediaType: string;
  readonly schema: z.ZodType;
  /** The name of the error in a body. */
  readonly nameIn: (body: JsonObject) => string;
  /** A body with one of these names. */
  readonly named: (names: readonly string[]) => z.ZodType;
}

const DIALECTS: Readonly<Record<Dialect, DialectWords>> = {
  problem: {
    render: renderProblem,
    mediaType: 'application/problem+json',
    schema: problem,
    nameIn: (body) => problem.parse(body).code,
    named: (names) => z.looseObject({ code: z.enum(names) }),
  },
  auth0: {
    render: renderAuth0Error,
    mediaType: 'application/json',
    schema: auth0Error,
    nameIn: (body) => auth0Error.parse(body).errorCode,
    named: (names) => z.looseObject({ errorCode: z.enum(names) }),
  },
};

interface Rendered {
  readonly code: ErrorCode;
  readonly status: number;
  readonly body: JsonObject;
}

/** Keeps what it made, so that equal answers of one document are one component. */
export function createErrorAnswers(): ErrorAnswers {
  const known = new Map<string, ZodOpenApiResponseObject>();

  return (codes, dialect) => {
    const errors = codes.map((code) => rendered(code, dialect));
    const statuses = [...new Set(errors.map(({ status }) => status))].toSorted((a, b) => a - b);
    return Object.fromEntries(
      statuses.map((status) => {
        const alike = errors.filter((error) => error.status === status);
        const names = alike.map(({ code }) => code);
        const id = (dialect === 'problem' ? names : [dialect, ...names]).join('.');
        const answer = known.get(id) ?? errorAnswer(id, alike, dialect);
        known.set(id, answer);
        return [status, answer];
      }),
    );
  };
}

function errorAnswer(id: string, errors: readonly Rendered[], dialect: Dialect): ZodOpenApiResponseObject {
  const { mediaType, schema, nameIn, named } = DIALECTS[dialect];
  const names = [...new Set(errors.map(({ body }) => nameIn(body)))];
  const headers = [
    ...EVERY_ERROR,
    ...(errors.every(({ code }) => UNCOUNTED.has(code)) ? [] : COUNTED),
    ...errors.flatMap(({ code }) => HEADERS_OF[code] ?? []),
  ];
  return {
    id,
    description: errors.map(({ code, body }) => `\`${nameIn(body)}\`: ${PROBLEMS[code].title}.`).join(' '),
    headers: responseHeaders(headers),
    content: {
      [mediaType]: {
        schema: z.intersection(schema, named(names)),
        examples: Object.fromEntries(errors.map(({ code, body }) => [code, { value: body }])),
      },
    },
  };
}

function rendered(code: ErrorCode, dialect: Dialect): Rendered {
  const { status, body: text } = DIALECTS[dialect].render(exampleError(code), 'checkout-1f0c9a4e');
  const body: JsonObject = JSON.parse(text);
  return { code, status, body };
}

/** An error as it is thrown, with the words of the table in place of those of the occasion. */
function exampleError(code: ErrorCode): AppError {
  return new AppError(
    code,
    `${PROBLEMS[code].title}.`,
    code === 'scope_missing' ? { scope: 'read:metadata' } : {},
  );
}
