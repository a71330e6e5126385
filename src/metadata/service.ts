/**
 * What each verb means for a caller's own metadata. The user is always the caller; no argument names
 * another one.
 */
import { AppError } from '../lib/app-error.ts';
import type { JsonObject, JsonValue } from '../lib/json.ts';
import { createCommit, resourceValue, type Write } from './commit.ts';
import type { DocumentLimits } from './document.ts';
import { mergeEdit, removeEdit, removeKeyEdit, replaceEdit, replaceKeyEdit } from './edit.ts';
import type { CachedProfile, MetadataCache, UserDirectory } from './ports.ts';
import type { Precondition } from './precondition.ts';
import { createWriteQueue } from './write-queue.ts';

export interface MetadataService {
  readonly limits: DocumentLimits;
  /** The user's profile; `revalidate` asks the tenant instead of the cache. */
  read(userId: string, options?: { readonly revalidate?: boolean }): Promise<CachedProfile>;
  /** Merges `patch` at every depth (RFC 7396) and answers the document that results. */
  patch(userId: string, patch: JsonValue, preconditions?: readonly Precondition[]): Promise<JsonObject>;
  /** Makes `document` the whole metadata. */
  replace(userId: string, document: JsonValue, preconditions?: readonly Precondition[]): Promise<JsonObject>;
  /** Removes all keys. Removing what is not there succeeds. */
  remove(userId: string, preconditions?: readonly Precondition[]): Promise<void>;
  /** Makes `value` the whole value of one top-level key. */
  replaceKey(
    userId: string,
    key: string,
    value: JsonValue,
    preconditions?: readonly Precondition[],
  ): Promise<JsonObject>;
  /** Removes one top-level key. Removing what is not there succeeds. */
  removeKey(userId: string, key: string, preconditions?: readonly Precondition[]): Promise<void>;
}

interface Dependencies {
  readonly directory: UserDirectory;
  readonly cache: MetadataCache;
}

/**
 * Writes of one user are applied one after another, and no write overwrites a change it did not see.
 * What this cannot promise: a dashboard edit of the *same* top-level key that lands between our read and
 * our write is overwritten, because the Management API knows no conditional requests.
 */
export function createMetadataService(
  { directory, cache }: Dependencies,
  { limits }: { readonly limits: DocumentLimits },
): MetadataService {
  const queue = createWriteQueue(createCommit({ directory, cache }, limits));

  function submit(
    userId: string,
    edit: Write['edit'],
    key: string | undefined,
    preconditions: readonly Precondition[] = [],
  ): Promise<JsonObject> {
    return queue.submit(userId, { edit, key, preconditions });
  }

  return {
    limits,
    read: (userId, options) => cache.read(userId, options),
    patch: async (userId, patch, preconditions) =>
      submit(userId, mergeEdit(patch, limits), undefined, preconditions),
    replace: async (userId, document, preconditions) =>
      submit(userId, replaceEdit(document, limits), undefined, preconditions),
    remove: async (userId, preconditions) => {
      await submit(userId, removeEdit(), undefined, preconditions);
    },
    replaceKey: async (userId, key, value, preconditions) =>
      submit(userId, replaceKeyEdit(key, value, limits), key, preconditions),
    removeKey: async (userId, key, preconditions) => {
      await submit(userId, removeKeyEdit(key, limits), key, preconditions);
    },
  };
}

/**
 * The value of one top-level key.
 * @throws AppError `key_not_found`.
 */
export function keyValue(document: JsonObject, key: string): JsonValue {
  const value = resourceValue(document, key);
  if (value === undefined) throw new AppError('key_not_found', 'The metadata holds no such key.');
  return value;
}
