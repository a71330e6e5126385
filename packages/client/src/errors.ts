/** The errors of the client. Decide by `code`, show `detail`, and name `requestId` in a report. */
import type { JsonObject, MergePatch } from './json.ts';

/** The codes of the service. A newer service may have more of them: keep a default branch. */
export type ProblemCode =
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

/**
 * `network_failed`: there was no response. `invalid_response`: another server responded. `redirect_refused`: the
 * response was a redirect, which the client never follows. A browser reports a redirect as `network_failed`.
 */
export type MetadataErrorCode = ProblemCode | 'network_failed' | 'invalid_response' | 'redirect_refused';

/** One error in a document: the place (JSON Pointer, RFC 6901), the rule, and a sentence for the user. */
export interface FieldError {
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
  /** The parameters of the rule (`limit`, `allowedValues` ...), for sentences of the app's own. */
  readonly params?: Readonly<Record<string, unknown>>;
}

export interface ErrorFields {
  readonly code: MetadataErrorCode;
  /** The status of the response; 0 without one. */
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly requestId?: string | undefined;
  readonly errors: readonly FieldError[];
  /** `Retry-After` of the response. */
  readonly retryAfterSeconds?: number | undefined;
}

export class MetadataError extends Error implements ErrorFields {
  override readonly name: string = 'MetadataError';
  declare readonly code: MetadataErrorCode;
  declare readonly status: number;
  declare readonly title: string;
  declare readonly detail: string;
  declare readonly requestId: string | undefined;
  declare readonly errors: readonly FieldError[];
  declare readonly retryAfterSeconds: number | undefined;

  constructor(facts: ErrorFields, options?: ErrorOptions) {
    super(`${facts.title} (${facts.code})`, options);
    Object.assign(this, facts);
  }
}

/** The write may or may not be stored: read before you decide. The client never repeats it. */
export class OutcomeUnknownError extends MetadataError {
  override readonly name = 'OutcomeUnknownError';
}

/** What the service asks of the next login (RFC 9470). */
export interface StepUp {
  /** How long ago the login may be, in seconds. Undefined if any time will do. */
  readonly maxAge: number | undefined;
  /** The classes of login (`acr`) of which one is needed. Empty if any class will do. */
  readonly acrValues: readonly string[];
}

/**
 * The write needs a more recent or a stronger login (`step_up_required`). Nothing was written, and a renewed token of
 * the same login does not help: the client asks for none. Log the user in again, and send the write again.
 */
export class StepUpRequiredError extends MetadataError implements StepUp {
  override readonly name = 'StepUpRequiredError';
  declare readonly maxAge: number | undefined;
  declare readonly acrValues: readonly string[];

  constructor(facts: ErrorFields, stepUp: StepUp) {
    super(facts);
    Object.assign(this, stepUp);
  }
}

/** The three documents of a conflict. For an operation on one key they hold only that key. */
export interface Conflict<T extends object> {
  /** The stored document. */
  readonly current: Partial<T>;
  /** Its entity tag, for `ifMatch` of the write that follows the user's choice. Undefined for a key that is gone. */
  readonly etag?: string;
  /** The document that the change was based on; undefined if this client has not seen it. */
  readonly base?: Partial<T>;
  /** The refused change, as a merge patch. */
  readonly changes: MergePatch<T>;
}

/** The document has changed in a place that the write would change. Nothing was written. */
export class ConflictError<T extends object = JsonObject> extends MetadataError {
  override readonly name = 'ConflictError';
  declare readonly current: Partial<T>;
  declare readonly etag: string | undefined;
  declare readonly base: Partial<T> | undefined;
  declare readonly changes: MergePatch<T>;

  constructor(facts: ErrorFields, conflict: Conflict<T>) {
    super(facts);
    Object.assign(this, conflict);
  }
}

export function isMetadataError(value: unknown): value is MetadataError {
  return value instanceof MetadataError;
}
