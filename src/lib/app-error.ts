/**
 * The one error that modules throw on purpose. `message` is safe to show to the caller. What must stay
 * inside travels as `cause` and reaches the log only.
 */
import type { JsonObject } from './json.ts';

export type ErrorCode =
  | 'request_malformed'
  | 'body_required'
  | 'json_invalid'
  | 'query_invalid'
  | 'token_missing'
  | 'token_invalid'
  | 'dpop_proof_invalid'
  | 'step_up_required'
  | 'scope_missing'
  | 'caller_not_a_user'
  | 'client_not_allowed'
  | 'actor_not_allowed'
  | 'key_read_only'
  | 'user_mismatch'
  | 'route_not_found'
  | 'key_not_found'
  | 'user_not_found'
  | 'method_not_allowed'
  | 'not_acceptable'
  | 'patch_test_failed'
  | 'metadata_not_an_object'
  | 'precondition_failed'
  | 'precondition_required'
  | 'body_too_large'
  | 'metadata_too_large'
  | 'media_type_unsupported'
  | 'metadata_invalid'
  | 'patch_not_applicable'
  | 'misdirected_request'
  | 'rate_limited'
  | 'headers_too_large'
  | 'internal'
  | 'upstream_refused'
  | 'upstream_malformed'
  | 'upstream_rate_limited'
  | 'upstream_unavailable'
  | 'keys_unavailable'
  | 'lock_unavailable'
  | 'draining'
  | 'upstream_timeout';

/** One fault inside a document: where (RFC 6901 JSON Pointer), which rule, and a sentence for a person. */
export interface FieldError {
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
  /** What the rule asks for, so that an app can make a sentence of its own from the code. */
  readonly params?: JsonObject;
}

/** What an error may carry to the caller beside its code and message. */
export interface ErrorExtras {
  readonly errors?: readonly FieldError[];
  /** The state that contradicted a precondition, so that the caller can rebase without another read. */
  readonly current?: unknown;
  readonly etag?: string;
  readonly retryAfterSeconds?: number;
  /** Set when a write may have been applied although it failed. */
  readonly outcome?: 'unknown';
  /** The scope (RFC 6750 section 3) that the request would have needed. */
  readonly scope?: string;
  /** The login (RFC 9470) that the request would have needed. */
  readonly stepUp?: { readonly maxAgeSeconds?: number; readonly acrValues?: readonly string[] };
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** An expected failure. Modules below `http` know its code, never its status. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly extras: ErrorExtras;

  constructor(code: ErrorCode, message: string, extras: ErrorExtras = {}) {
    // Where it was thrown says nothing that its code does not, and to find that out takes as long as to answer.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message, extras.cause === undefined ? {} : { cause: extras.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'AppError';
    this.code = code;
    this.extras = extras;
  }
}

/** Whether this is the expected failure of that code. */
export function hasCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof AppError && error.code === code;
}

// What a log may say of an error.

/** An error whose message is made of our own words and codes only, so that a log may print it. */
export class SafeError extends Error {
  override name = 'SafeError';
}

/** Everything that is wrong with a policy, so that its author mends it in one go. Each error says where it is. */
export class PolicyError extends SafeError {
  override name = 'PolicyError';
  readonly errors: readonly string[];

  constructor(errors: readonly string[]) {
    super(errors.join('; '));
    this.errors = errors;
  }
}

/** Adds to `errors` what is wrong, so that the search goes on. @returns undefined then. */
export function collectErrors<T>(errors: string[], run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    errors.push(...error.errors);
    return undefined;
  }
}

const MAX_DEPTH = 5;

/**
 * What a log may say of an error and its causes: the message where it is known to be safe, the code of an expected
 * failure, else only the name and where it was thrown. Messages of other errors may quote a body, an address or a
 * token, and that of an expected one may name what its caller sent.
 */
export function describeError(error: unknown, depth = 0): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error };
  const cause =
    error.cause === undefined || depth === MAX_DEPTH ? {} : { cause: describeError(error.cause, depth + 1) };
  if (error instanceof SafeError) return { name: error.name, message: error.message, ...cause };
  if (error instanceof AppError) return { name: error.name, code: error.code, ...cause };
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '));
  return { name: error.name, at: frames.slice(0, 8).map((line) => line.trim()), ...cause };
}
