/**
 * What a write means, as a function over documents. An edit that only removes keys says so: what it removes can be
 * removed from any document, so that it can go to the tenant without a read.
 */
import { AppError } from '../lib/app-error.ts';
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
import { assertBounded, type DocumentLimits, isStorableName, tooLarge } from './document.ts';
import { applyJsonPatch, parseJsonPatch } from './json-patch.ts';
import { mergePatch } from './patch.ts';
import { pick } from './policy.ts';
import type { RootChanges } from './ports.ts';

export interface Edit {
  /**
   * The document after the edit. Where it replaces the whole, keys for which `keeps` holds stay, unless the
   * body names them.
   * @throws AppError when it cannot be applied to this document.
   */
  apply(before: JsonObject, keeps: (key: string) => boolean): JsonObject;
  /** The same edit as root changes, where all that it does is to remove keys. Never empty. */
  readonly removals: RootChanges | undefined;
  /** Whether what the edit leaves out is meant to go, but for what its caller may not change. */
  readonly replacesAll: boolean;
}

/** Deeper than any document that the tenant can hand out (see `auth0/management-client.ts`). */
const MAX_STORED_DEPTH = 100;

/** RFC 7396, deep. An empty patch changes nothing. */
export function mergeEdit(patch: JsonValue, limits: DocumentLimits): Edit {
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
export function replaceEdit(document: JsonValue, limits: DocumentLimits): Edit {
  const accepted = toRootObject(document);
  assertBounded(accepted, limits);
  assertFits(accepted, limits);
  return {
    apply(before, keeps) {
      assertNoNewRootNull(before, accepted);
      return { ...pick(before, keeps), ...accepted };
    },
    removals: undefined,
    replacesAll: true,
  };
}

/** Every key is removed. */
export function removeEdit(): Edit {
  return { apply: pick, removals: undefined, replacesAll: true };
}

/** RFC 6902, atomic. */
export function jsonPatchEdit(body: JsonValue, limits: DocumentLimits): Edit {
  const patch = parseJsonPatch(body);
  // How deep a value may be depends on the place it goes to and on what is stored; here it is only kept within reach.
  const bounds = { ...limits, depthMax: Math.max(limits.depthMax, MAX_STORED_DEPTH) };
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
export function rootEdit(changes: RootChanges, limits: DocumentLimits): Edit {
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
export function replaceKeyEdit(key: string, value: JsonValue, limits: DocumentLimits): Edit {
  const changes = withKey({}, key, value);
  assertBounded(changes, limits);
  assertFits(changes, limits);
  return {
    apply(before) {
      if (value === null && ownValue(before, key) !== null) {
        throw new AppError('metadata_invalid', 'A top-level key cannot hold null; use DELETE to remove it.', {
          errors: [nullFault('')],
        });
      }
      return withKey(before, key, value);
    },
    removals: undefined,
    replacesAll: false,
  };
}

/** One top-level key is removed, if it is there. */
export function removeKeyEdit(key: string): Edit {
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
function assertFits(document: JsonObject, { bytesMax }: DocumentLimits): void {
  if (jsonBytes(document) <= bytesMax) return;
  throw tooLarge('', 'too_large', `The document would be larger than ${bytesMax} bytes.`);
}

function assertNoNewRootNull(before: JsonObject, after: JsonObject): void {
  const nulls = Object.keys(after).filter((key) => after[key] === null && ownValue(before, key) !== null);
  if (nulls.length === 0) return;
  throw new AppError('metadata_invalid', 'A top-level key cannot hold null; leave it out to remove it.', {
    errors: nulls.map((key) => nullFault(`/${pointerToken(key)}`)),
  });
}

function toRootObject(value: JsonValue): JsonObject {
  if (isJsonObject(value)) return value;
  throw new AppError('metadata_invalid', 'The root of the body must be a JSON object.', {
    errors: [{ pointer: '', code: 'root_not_object', detail: 'The root must be a JSON object.' }],
  });
}

function nullFault(pointer: string) {
  return { pointer, code: 'null_at_root', detail: 'The tenant cannot store null at the first level.' };
}
