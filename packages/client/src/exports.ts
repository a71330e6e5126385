/** Everything that an app can import as `metadata-bff/client`. */
export { ConflictError, isMetadataError, MetadataError, OutcomeUnknownError } from './errors.ts';
export type { Conflict, DocumentFault, MetadataErrorCode, ProblemCode } from './errors.ts';
export type { JsonObject, JsonValue, MergePatch } from './json.ts';
export type { Snapshot } from './kept-states.ts';
export { createMetadataClient } from './client.ts';
export type { MetadataClient, MetadataClientOptions, ReadOptions, WriteOptions } from './metadata-client.ts';
export type { GetAccessToken, RetryOptions } from './transport.ts';
export type { MetadataChange, WatchOptions } from './watch.ts';
