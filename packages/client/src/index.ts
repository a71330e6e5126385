/** The exports of `@metadata-bff/client`. */
export type { ClaimsOptions } from './claims.ts';
export {
  ConflictError,
  isMetadataError,
  MetadataError,
  OutcomeUnknownError,
  StepUpRequiredError,
} from './errors.ts';
export type { Conflict, FieldError, MetadataErrorCode, ProblemCode } from './errors.ts';
export type { JsonObject, JsonValue, MergePatch } from './json.ts';
export type { Snapshot } from './snapshot-store.ts';
export { createMetadataClient } from './client.ts';
export type { MetadataClient, MetadataClientOptions, ReadOptions, WriteOptions } from './options.ts';
export type { GetAccessToken, RetryOptions } from './transport.ts';
export type { MetadataChange, WatchOptions } from './watch.ts';
