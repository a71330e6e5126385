/**
 * What a write means, as a function over documents. An edit that only removes keys says so: what it removes can be
 * removed from any document, so that it can go to the tenant without a read.
 */
import { AppError } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import {
  isJsonObject,
  jsonBytes,
  type JsonObject,
  type JsonValue,
  omitKey,
  ownValue,
  pointerToken,
  withKey,
} from '../lib/json.ts';
import {
  assertBounded,
  assertStorableChange,
  assertWithinLimits,
  type DocumentLimits,
  isStorableName,
  getRootChanges,
  createTooLargeError,
} from './document.ts';
import { applyJsonPatch, parseJsonPatch } from './json-patch.ts';
import { type Access, pick, createReadOnlyError } from './policy.ts';
import type { OnSent, RootChanges, Subject } from './ports.ts';
import { assertPrecondition, type Precondition } from './precondition.ts';
import type { SchemaRules } from './schema-rules.ts';

// RFC 7396 JSON Merge Patch over plain documents. Pure: neither argument is changed, and nothing is
// checked here (see document.ts for what may be stored).

/**
 * The document that results from merging `patch` into `target` at every depth (RFC 7396 section 2):
 * `null` removes a member, objects merge, anything else replaces.
 */
export function mergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  const result = new Map<string, JsonValue>(Object.entries(target));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) result.delete(key);
    else result.set(key, isJsonObject(value) ? mergeMember(ownValue(target, key), value) : value);
  }
  return Object.fromEntries(result);
}

function mergeMember(target: JsonValue | undefined, patch: JsonObject): JsonObject {
  return mergePatch(isJsonObject(target) ? target : {}, patch);
}

export interface Edit {
  /**
   * The document after the edit. Where it replaces the whole, keys for which `isProtected` holds stay, unless the
   * body names them.
   * @throws AppError when it cannot be applied to this document.
   */
  apply(before: JsonObject, isProtected: (key: string) => boolean): JsonObject;
  /** The same edit as root changes, where all that it does is to remove keys. Never empty. */
  readonly removals: RootChanges | undefined;
  /** Whether what the edit leaves out is meant to go, but for what its caller may not change. */
  readonly replacesAll: boolean;
  /** Whether the person asks for everything to be erased. */
  readonly erases?: true;
}

/** Deeper than any document that the tenant can hand out (see `auth0/management-client.ts`). */
const MAX_STORED_DEPTH = 100;

/** RFC 7396, deep. An empty patch changes nothing. */
export function createMergeEdit(patch: JsonValue, limits: DocumentLimits): Edit {
  const accepted = toRootObject(patch);
  assertBounded(accepted, limits);
  assertFits(mergePatch({}, accepted), limits);
  return {
    apply: (before) => mergePatch(before, accepted),
    removals: toRemovals(accepted),
    replacesAll: false,
  };
}

/** The whole document becomes `document`. */
export function createReplaceEdit(document: JsonValue, limits: DocumentLimits): Edit {
  const accepted = toRootObject(document);
  assertBounded(accepted, limits);
  assertFits(accepted, limits);
  return {
    apply(before, isProtected) {
      assertNoNewRootNull(before, accepted);
      return { ...pick(before, isProtected), ...accepted };
    },
    removals: undefined,
    replacesAll: true,
  };
}

/** Every key is removed. */
export function createRemoveEdit(): Edit {
  return { apply: pick, removals: undefined, replacesAll: true, erases: true };
}

/** RFC 6902, atomic. */
export function createJsonPatchEdit(body: JsonValue, limits: DocumentLimits): Edit {
  const patch = parseJsonPatch(body);
  // How deep a value may be depends on the place it goes to and on what is stored; here it is only kept within reach.
  const bounds = { ...limits, maxDepth: Math.max(limits.maxDepth, MAX_STORED_DEPTH) };
  for (const operation of patch) {
    if (operation.op === 'add' || operation.op === 'replace') assertBounded(operation.value, bounds);
  }
  return {
    apply(before) {
      const after = toRootObject(applyJsonPatch(before, patch, limits));
      assertNoNewRootNull(before, after);
      return after;
    },
    removals: undefined,
    replacesAll: false,
  };
}

/** The Management API's own merge: each root key is replaced whole, `null` removes it. Never empty. */
export function createRootEdit(changes: RootChanges, limits: DocumentLimits): Edit {
  const set = pick(changes, (key) => changes[key] !== null);
  assertBounded(changes, limits);
  assertFits(set, limits);
  const isKept = (key: string) => !Object.hasOwn(changes, key);
  return {
    apply: (before) => ({ ...pick(before, isKept), ...set }),
    removals: toRemovals(changes),
    replacesAll: false,
  };
}

/** One top-level key becomes `value`, whole. */
export function createReplaceKeyEdit(key: string, value: JsonValue, limits: DocumentLimits): Edit {
  const changes = withKey({}, key, value);
  assertBounded(changes, limits);
  assertFits(changes, limits);
  return {
    apply(before) {
      if (value === null && ownValue(before, key) !== null) {
        throw new AppError('metadata_invalid', 'A top-level key cannot hold null; use DELETE to remove it.', {
          errors: [createNullError('')],
        });
      }
      return withKey(before, key, value);
    },
    removals: undefined,
    replacesAll: false,
  };
}

/** One top-level key is removed, if it is there. */
export function createRemoveKeyEdit(key: string): Edit {
  return {
    apply: (before) => omitKey(before, key),
    removals: toRemovals(withKey({}, key, null)),
    replacesAll: false,
  };
}

/**
 * The changes, where they remove keys and do nothing else. A name that only others can have stored is looked for
 * first, because the tenant need not take it even for a removal.
 */
function toRemovals(changes: JsonObject): RootChanges | undefined {
  const keys = Object.keys(changes);
  const removes = keys.length > 0 && keys.every((key) => changes[key] === null && isStorableName(key));
  return removes ? changes : undefined;
}

/** What is larger than any document may be costs no request. */
function assertFits(document: JsonObject, { maxBytes }: DocumentLimits): void {
  if (jsonBytes(document) <= maxBytes) return;
  throw createTooLargeError('', 'too_large', `The document would be larger than ${maxBytes} bytes.`);
}

function assertNoNewRootNull(before: JsonObject, after: JsonObject): void {
  const nulls = Object.keys(after).filter((key) => after[key] === null && ownValue(before, key) !== null);
  if (nulls.length === 0) return;
  throw new AppError('metadata_invalid', 'A top-level key cannot hold null; leave it out to remove it.', {
    errors: nulls.map((key) => createNullError(`/${pointerToken(key)}`)),
  });
}

function toRootObject(value: JsonValue): JsonObject {
  if (isJsonObject(value)) return value;
  throw new AppError('metadata_invalid', 'The root of the body must be a JSON object.', {
    errors: [{ pointer: '', code: 'root_not_object', detail: 'The root must be a JSON object.' }],
  });
}

function createNullError(pointer: string) {
  return { pointer, code: 'null_at_root', detail: 'The tenant cannot store null at the first level.' };
}

// Whether a write may become part of a document: its preconditions, who may change what, the limits and
// the schema, always in terms of what exists for its caller. Pure, and knows nothing of the tenant.

export interface Write {
  readonly edit: Edit;
  /** The top-level key that the write addresses, or undefined for the whole document. */
  readonly key: string | undefined;
  readonly preconditions: readonly Precondition[];
  /** What exists for the caller: the document that the edit and its preconditions are about. */
  readonly access: Access;
  readonly subject: Pick<Subject, 'clientId' | 'actor' | 'login'>;
  readonly onSent?: OnSent | undefined;
}

/** What a document must satisfy after a write. */
export interface DocumentRules {
  readonly limits: DocumentLimits;
  readonly schema: SchemaRules;
  /** Whether a removal of the whole document removes what can be set once. */
  readonly erasesWriteOnce: boolean;
  readonly timeOfDay: Clock;
}

/** A user's metadata as it is applied. */
export interface DocumentState {
  readonly document: JsonObject;
  /** Whether the tenant holds something else than an object, which can only be replaced or removed whole. */
  readonly isUnreadable: boolean;
}

export interface WriteResult {
  /** Why this write is refused, if it is. */
  readonly error: unknown;
  /** The metadata after this write. */
  readonly after: DocumentState;
  /** The top-level keys that this write changes. */
  readonly changedKeys: readonly string[];
  /** Whether the judgement rested on changes of this group that are not yet stored. */
  readonly dependsOnBatch: boolean;
}

/** The resource that a write addresses, within `document`. */
export function getResourceValue(document: JsonObject, key: string | undefined): JsonValue | undefined {
  return key === undefined ? document : ownValue(document, key);
}

/**
 * Judges writes one after another, each on what those before it produced. One write is bounded in what it costs, a group
 * is not: `pause` lets others go on between two.
 */
export async function applyWrites(
  writes: readonly Write[],
  base: DocumentState,
  rules: DocumentRules,
  pause: () => Promise<void>,
): Promise<WriteResult[]> {
  let after = base;
  const results: WriteResult[] = [];
  for (const write of writes) {
    if (results.length > 0) await pause();
    const dependsOnBatch = after !== base;
    try {
      const applied = applyWrite(write, after, rules);
      after =
        applied.changes || after.isUnreadable ? { document: applied.document, isUnreadable: false } : after;
      const changedKeys = Object.keys(applied.changes ?? {});
      results.push({ error: undefined, after, changedKeys, dependsOnBatch });
    } catch (error) {
      results.push({ error, after, changedKeys: [], dependsOnBatch });
    }
  }
  return results;
}

/**
 * The whole document after one write, and the root keys in which it differs.
 * @throws AppError for what the write may not do, in terms of what exists for its caller.
 */
function applyWrite(
  { edit, key, preconditions, access, subject }: Write,
  { document, isUnreadable }: DocumentState,
  rules: DocumentRules,
) {
  const before = access.getVisible(document);
  if (isUnreadable) assertReplaces(edit, preconditions);
  else if (preconditions.length > 0) {
    const isShown = key === undefined ? !access.readsNothing : access.isReadable(key);
    const current = getResourceValue(isShown ? access.getReadable(document) : before, key);
    for (const precondition of preconditions) assertPrecondition(precondition, current, isShown);
  }
  const edited = edit.apply(before, (name) => !access.isWritable(name));
  const erases = edit.erases === true && rules.erasesWriteOnce;
  // What is fixed may depend on keys that do not exist for this caller.
  const after = edit.replacesAll
    ? {
        ...edited,
        ...access.getVisible(rules.schema.keepFixed(document, access.restore(document, edited), erases)),
      }
    : edited;
  const changes = getRootChanges(before, after);
  const refused = Object.keys(changes ?? {}).filter((name) => !access.isWritable(name));
  if (refused.length > 0)
    throw createReadOnlyError(refused.map((name) => ({ pointer: `/${pointerToken(name)}` })));
  assertWithinLimits(before, after, rules.limits);
  assertStorableChange(before, after);
  const whole = access.restore(document, after);
  const now = rules.timeOfDay.now();
  const stored = rules.schema.assertChange(document, whole, {
    getVisible: (state) => (state === whole ? after : state === document ? before : access.getVisible(state)),
    stamps: { now: new Date(now).toISOString(), client_id: subject.clientId, actor: subject.actor?.sub },
    login: subject.login,
    nowSeconds: now / 1000,
    erases,
  });
  if (stored === whole) return { document: whole, changes };
  // The service has set something, which counts against the limits like the rest.
  assertWithinLimits(before, access.getVisible(stored), rules.limits);
  return { document: stored, changes: getRootChanges(document, stored) };
}

/**
 * What is no object has no tag and no members: nothing can be merged into it, and of all preconditions only one about
 * its mere existence can hold.
 */
function assertReplaces(edit: Edit, preconditions: readonly Precondition[]): void {
  if (!edit.replacesAll) throw createNotAnObjectError();
  if (preconditions.every(({ kind, tags }) => (kind === 'if-match') === (tags === 'any'))) return;
  throw new AppError('precondition_failed', 'The resource is not in the state that the request expects.');
}

/** The error for an edit that needs an object where the tenant has stored something else. */
export function createNotAnObjectError(): AppError {
  return new AppError(
    'metadata_not_an_object',
    'The tenant holds a text, a list, a number or a boolean in place of the metadata. PUT replaces it, DELETE removes it.',
  );
}
