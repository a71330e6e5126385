/** What an operation of the client rejects with. Decide by `code`, show `detail`, quote `requestId` in a report. */
import type { JsonObject, MergePatch } from './json.ts';

/** What the service answers. A newer one may know more codes than these: keep a branch for the rest. */
export type ProblemCode =
  | 'request_malformed'
  | 'body_required'
  | 'json_invalid'
  | 'query_invalid'
  | 'token_missing'
  | 'token_invalid'
  | 'dpop_proof_invalid'
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
 * `network_failed`: there was no answer. `invalid_response`: it was not the service that answered. `redirect_refused`:
 * the answer was a redirect, which the client never follows. A browser reports a redirect as `network_failed`.
 */
export type MetadataErrorCode = ProblemCode | 'network_failed' | 'invalid_response' | 'redirect_refused';

/** One fault of a document: where (RFC 6901 JSON Pointer), which rule, and a sentence for a person. */
export interface DocumentFault {
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
  /** What the rule asks for (`limit`, `allowedValues` ...), so that an app can make its own sentence from `code`. */
  readonly params?: Readonly<Record<string, unknown>>;
}

export interface ErrorFacts {
  readonly code: MetadataErrorCode;
  /** Of the answer; 0 where there was none. */
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly requestId: string | undefined;
  readonly errors: readonly DocumentFault[];
  /** After which a repetition is worth trying, as far as the answer says so. */
  readonly retryAfterSeconds: number | undefined;
}

export class MetadataError extends Error implements ErrorFacts {
  override readonly name: string = 'MetadataError';
  declare readonly code: MetadataErrorCode;
  declare readonly status: number;
  declare readonly title: string;
  declare readonly detail: string;
  declare readonly requestId: string | undefined;
  declare readonly errors: readonly DocumentFault[];
  declare readonly retryAfterSeconds: number | undefined;

  constructor(facts: ErrorFacts, options?: ErrorOptions) {
    super(`${facts.title} (${facts.code})`, options);
    Object.assign(this, facts);
  }
}

/** Whether a write was applied is not known: read before you decide anything. It is never repeated by the client. */
export class OutcomeUnknownError extends MetadataError {
  override readonly name = 'OutcomeUnknownError';
}

/** The three documents of a conflict. For an operation on one key they hold that key alone. */
export interface Conflict<T extends object> {
  /** What is stored now. */
  readonly current: Partial<T>;
  /** Its tag: the write that follows the person's choice sends it as `ifMatch`. Undefined for a key that is gone. */
  readonly etag?: string;
  /** What the change was made on; undefined if this client has not seen the state that `ifMatch` names. */
  readonly base?: Partial<T>;
  /** What the write would have changed, as a merge patch. */
  readonly changes: MergePatch<T>;
}

/** Somebody else changed meanwhile what the write would change. Nothing was written. */
export class ConflictError<T extends object = JsonObject> extends MetadataError {
  override readonly name = 'ConflictError';
  declare readonly current: Partial<T>;
  declare readonly etag: string | undefined;
  declare readonly base: Partial<T> | undefined;
  declare readonly changes: MergePatch<T>;

  constructor(facts: ErrorFacts, conflict: Conflict<T>) {
    super(facts);
    Object.assign(this, conflict);
  }
}

export function isMetadataError(value: unknown): value is MetadataError {
  return value instanceof MetadataError;
}
