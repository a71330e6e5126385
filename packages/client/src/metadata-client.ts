/** What an app can do with the metadata of the person who is logged in. */
import type { JsonObject, MergePatch } from './json.ts';
import type { Snapshot } from './kept-states.ts';
import type { Fetch } from './runtime.ts';
import type { GetAccessToken, RetryOptions } from './transport.ts';
import type { Watch } from './watch.ts';

export interface MetadataClientOptions {
  /** Where the service is; a path in front of its resources belongs to it. */
  readonly baseUrl: string;
  readonly getAccessToken?: GetAccessToken;
  /** In place of the global one, for example one that adds token and DPoP proof itself. */
  readonly fetch?: Fetch;
  readonly retry?: RetryOptions;
}

export interface ReadOptions {
  readonly signal?: AbortSignal;
  /** Asks for the tenant's own state, past the cache. It costs a request to the tenant. */
  readonly revalidate?: boolean;
}

export interface WriteOptions {
  readonly signal?: AbortSignal;
  /**
   * The state on which the change is based: its tag, or `'latest'` for the latest that this client has seen of the
   * resource. `false` asks for no comparison.
   */
  readonly ifMatch?: string | false;
}

export type Key<T> = keyof T & string;
export type Value<T, K extends keyof T> = Exclude<T[K], undefined>;

/**
 * All operations reject with a MetadataError, with what the token function rejects with, or with the signal's reason;
 * those on a key with a RangeError for a name that no address can hold.
 */
export interface MetadataClient<T extends object = JsonObject> {
  read(options?: ReadOptions): Promise<Snapshot<T>>;
  /**
   * Merges `changes` into the document (RFC 7396). Without `ifMatch` the last writer of a key wins, and nothing else
   * is touched. With it, changes of others that leave alone what this patch changes are kept, and it is sent again.
   * @throws ConflictError when one does not.
   */
  patch(changes: MergePatch<T>, options?: WriteOptions): Promise<Snapshot<T>>;
  /**
   * Stores `value` as the whole document, by default on the latest state seen; with none seen, on whatever is stored.
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
   * Tells `listener` that the metadata changed, whoever changed it; also what changed since the latest state that
   * this client has seen. Goes on over failures until it is stopped, or until one that will not pass. Returns the
   * function that stops it.
   */
  watch: Watch;
}
