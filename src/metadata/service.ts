/**
 * What each verb means for a caller's own metadata. The user is always the subject; no argument names
 * another one, and every document is what the subject may see of it.
 */
import { AppError } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { JsonObject, JsonValue } from '../lib/json.ts';
import { type CommitRules, createCommit, createWriteQueue } from './commit.ts';
import type { DocumentLimits } from './document.ts';
import {
  type Edit,
  createJsonPatchEdit,
  createMergeEdit,
  createNotAnObjectError,
  createRemoveEdit,
  createRemoveKeyEdit,
  createReplaceEdit,
  createReplaceKeyEdit,
  getResourceValue,
  createRootEdit,
} from './edit.ts';
import { type Access, createFindStaleClaims, pick } from './policy.ts';
import { createPolicyDocument } from './policy-document.ts';
import type {
  Cached,
  MetadataCache,
  OnSent,
  Profile,
  RootChanges,
  Subject,
  UserDirectory,
  WriteLock,
} from './ports.ts';
import type { Precondition } from './precondition.ts';

export interface WriteOptions {
  readonly preconditions?: readonly Precondition[];
  readonly onSent?: OnSent;
  /** Called before a refusal that was judged by what is stored, with the stale claims of the caller's token. */
  readonly onRefused?: (known: Pick<VisibleProfile, 'staleClaims'>) => void;
}

export interface ReadOptions {
  /** Asks the tenant instead of the cache. */
  readonly revalidate?: boolean;
  /** For readers that are after something else than the metadata's content. */
  readonly allowUnreadable?: boolean;
}

/** A user as the subject may see it. */
export interface VisibleProfile extends Profile {
  /** What counts against the limits: what the subject may read or change. */
  readonly counted: JsonObject;
  /** Claims of the subject's token that differ from what is stored. Undefined where it carries none that could. */
  readonly staleClaims: readonly string[] | undefined;
}

export interface MetadataService {
  readonly limits: DocumentLimits;
  /** What the subject may read and change. */
  readonly getAccess: (subject: Subject) => Access;
  /**
   * The subject's profile.
   * @throws AppError `metadata_not_an_object` where the tenant holds something else in place of the metadata, unless
   * `allowUnreadable` takes that for empty.
   */
  read(subject: Subject, options?: ReadOptions): Promise<Cached<VisibleProfile>>;
  /**
   * Which places the subject may change, and why not the others, as the metadata is stored. `withAppMetadata` adds
   * what of `app_metadata` may be read.
   */
  readPolicy(
    subject: Subject,
    options: ReadOptions & { readonly withAppMetadata: boolean },
  ): Promise<Cached<JsonObject> & Pick<VisibleProfile, 'staleClaims'>>;
  /** Merges at every depth (RFC 7396). Answers, like each write, the profile that results. */
  patch(subject: Subject, patch: JsonValue, options?: WriteOptions): Promise<VisibleProfile>;
  /** Applies a JSON Patch (RFC 6902), whole or not at all. */
  applyPatch(subject: Subject, operations: JsonValue, options?: WriteOptions): Promise<VisibleProfile>;
  /** Merges at the first level only, as the Management API does. `changes` must not be empty. */
  mergeRoot(subject: Subject, changes: RootChanges, options?: WriteOptions): Promise<VisibleProfile>;
  /** Makes `document` the whole metadata, but for keys the subject may not change. */
  replace(subject: Subject, document: JsonValue, options?: WriteOptions): Promise<VisibleProfile>;
  /** Removes all keys that the subject may change. Removing what is not there succeeds. */
  remove(subject: Subject, options?: WriteOptions): Promise<VisibleProfile>;
  /** Makes `value` the whole value of one top-level key. */
  replaceKey(
    subject: Subject,
    key: string,
    value: JsonValue,
    options?: WriteOptions,
  ): Promise<VisibleProfile>;
  /** Removes one top-level key. Removing what is not there succeeds. */
  removeKey(subject: Subject, key: string, options?: WriteOptions): Promise<VisibleProfile>;
}

interface Dependencies {
  readonly directory: UserDirectory;
  readonly cache: MetadataCache;
  readonly lock: WriteLock;
  readonly clock: Clock;
  /** Lets everything else that is ready run: between two writes of one user, so that no user keeps others waiting. */
  readonly pause: () => Promise<void>;
  /** Called when the answer to a change shows another change of the user that came between. */
  readonly onConcurrentChange?: ((correlationId: string) => void) | undefined;
}

export interface MetadataRules extends CommitRules {
  readonly getAccess: (subject: Subject) => Access;
  /** Keys of `app_metadata` that may be read; no other leaves this service. */
  readonly appMetadataReadable: ReadonlySet<string>;
  /** By name: claims of the access token that mirror what is stored at these pointers into `/me`. */
  readonly claims: Readonly<Record<string, string>>;
}

/**
 * Writes of one user are applied one after another, and no write overwrites a change it did not see.
 * What this cannot promise: a dashboard edit of the *same* top-level key that lands between our read and
 * our write is overwritten, because the Management API knows no conditional requests.
 */
export function createMetadataService(dependencies: Dependencies, rules: MetadataRules): MetadataService {
  const { limits, getAccess, appMetadataReadable } = rules;
  const readsAppMetadata = appMetadataReadable.size > 0;
  const findStaleClaims = createFindStaleClaims(rules.claims);
  const describePolicy = createPolicyDocument(rules);
  const queue = createWriteQueue(createCommit(dependencies, rules), dependencies);

  /** The listed keys are filtered again: a copy may have been kept under an earlier policy that listed more. */
  function toVisibleProfile(subject: Subject, profile: Profile): VisibleProfile {
    const access = getAccess(subject);
    const userMetadata = access.getReadable(profile.userMetadata);
    return {
      ...profile,
      userMetadata,
      counted: access.writesUnseen ? access.getVisible(profile.userMetadata) : userMetadata,
      appMetadata: readsAppMetadata ? pick(profile.appMetadata, (key) => appMetadataReadable.has(key)) : {},
      staleClaims: findStaleClaims(subject, profile, access),
    };
  }

  async function write(
    subject: Subject,
    edit: Edit,
    key: string | undefined,
    { preconditions = [], onSent, onRefused }: WriteOptions = {},
  ): Promise<VisibleProfile> {
    const submitted = { edit, key, preconditions, access: getAccess(subject), subject, onSent };
    const profile = await queue.submit(subject.userId, submitted, (stored) =>
      onRefused?.(toVisibleProfile(subject, stored)),
    );
    if (profile.isUnreadable) throw createNotAnObjectError();
    return toVisibleProfile(subject, profile);
  }

  return {
    limits,
    getAccess,
    async read(subject, options) {
      const read = await dependencies.cache.read(subject.userId, options);
      if (read.value.isUnreadable && !options?.allowUnreadable) throw createNotAnObjectError();
      return { ...read, value: toVisibleProfile(subject, read.value) };
    },
    async readPolicy(subject, options) {
      const read = await dependencies.cache.read(subject.userId, options);
      const { staleClaims } = toVisibleProfile(subject, read.value);
      const value = describePolicy(getAccess(subject), read.value.userMetadata, options);
      return { ...read, value, staleClaims };
    },
    patch: async (subject, patch, options) =>
      write(subject, createMergeEdit(patch, limits), undefined, options),
    applyPatch: async (subject, operations, options) =>
      write(subject, createJsonPatchEdit(operations, limits), undefined, options),
    mergeRoot: async (subject, changes, options) =>
      write(subject, createRootEdit(changes, limits), undefined, options),
    replace: async (subject, document, options) =>
      write(subject, createReplaceEdit(document, limits), undefined, options),
    remove: async (subject, options) => write(subject, createRemoveEdit(), undefined, options),
    replaceKey: async (subject, key, value, options) =>
      write(subject, createReplaceKeyEdit(key, value, limits), key, options),
    removeKey: async (subject, key, options) => write(subject, createRemoveKeyEdit(key), key, options),
  };
}

/**
 * The value of one top-level key.
 * @throws AppError `key_not_found`.
 */
export function getKeyValue(document: JsonObject, key: string): JsonValue {
  const value = getResourceValue(document, key);
  if (value === undefined) throw new AppError('key_not_found', 'The metadata holds no such key.');
  return value;
}
