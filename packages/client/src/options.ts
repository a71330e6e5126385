/** The interface of the client. */
import type { ClaimsOptions } from './claims.ts';
import type { JsonObject, MergePatch } from './json.ts';
import type { Snapshot } from './snapshot-store.ts';
import type { Fetch } from './runtime.ts';
import type { GetAccessToken, RetryOptions } from './transport.ts';
import type { Watch } from './watch.ts';

export interface MetadataClientOptions extends ClaimsOptions {
  /** The URL of the service; it may have a path. */
  readonly baseUrl: string;
  readonly getAccessToken?: GetAccessToken;
  /** In place of the global `fetch`, for example one that adds token and DPoP proof itself. */
  readonly fetch?: Fetch;
  readonly retry?: RetryOptions;
}

export interface ReadOptions {
  readonly signal?: AbortSignal;
  /** Bypasses the cache of the service. It costs a request to Auth0. */
  readonly revalidate?: boolean;
}

export interface WriteOptions {
  readonly signal?: AbortSignal;
  /**
   * The state on which the change is based: its entity tag, or `'latest'` for the latest one that this client has seen
   * of the resource. `false` sends no condition.
   */
  readonly ifMatch?: string | false;
}

export type Key<T> = keyof T & string;
export type Value<T, K extends keyof T> = Exclude<T[K], undefined>;

/**
 * All operations reject with a MetadataError, with the error of the token function, or with the signal's reason;
 * those on a key with a RangeError for a key that no URL path can hold.
 */
export interface MetadataClient<T extends object = JsonObject> {
  read(options?: ReadOptions): Promise<Snapshot<T>>;
  /**
   * Merges `changes` into the document (RFC 7396). Without `ifMatch` the last writer of a key wins, and nothing else
   * is changed. With it, the client applies the patch on top of the changes of others, if they changed other places.
   * @throws ConflictError when they changed the same place.
   */
  patch(changes: MergePatch<T>, options?: WriteOptions): Promise<Snapshot<T>>;
  /**
   * Stores `value` as the whole document, by default only if the latest state that this client has seen is stored.
   * @throws ConflictError when another state is stored.
   */
  replace(value: T, options?: WriteOptions): Promise<Snapshot<T>>;
  /** Removes all keys that may be removed. @throws ConflictError with `ifMatch`, when another state is stored. */
  remove(options?: WriteOptions): Promise<void>;
  /** @throws MetadataError `key_not_found`. */
  readKey<K extends Key<T>>(key: K, options?: ReadOptions): Promise<Snapshot<Value<T, K>>>;
  /** @throws ConflictError with `ifMatch`, when another value is stored. */
  replaceKey<K extends Key<T>>(
    key: K,
    value: Value<T, K>,
    options?: WriteOptions,
  ): Promise<Snapshot<Value<T, K>>>;
  /** @throws ConflictError with `ifMatch`, when another value is stored. */
  removeKey(key: Key<T>, options?: WriteOptions): Promise<void>;
  /** The operator's JSON Schema of the document. */
  schema(options?: Pick<ReadOptions, 'signal'>): Promise<JsonObject>;
  /**
   * Calls `listener` for each change of the metadata, from any source, beginning with the changes since the latest state
   * that this client has seen. Reconnects after failures, except after a permanent one. Returns the function that stops
   * it.
   */
  watch: Watch;
}
