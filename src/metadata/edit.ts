/**
 * What a write means, as a function over documents. An edit whose result does not depend on what is
 * stored says so by its `blind` changes, which can go to the tenant without a read.
 */
import { AppError } from '../lib/app-error.ts';
import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  omitKey,
  pointerToken,
  withKey,
} from '../lib/json.ts';
import { assertStorable, assertWithinLimits, type DocumentLimits } from './document.ts';
import { applyJsonPatch, parseJsonPatch } from './json-patch.ts';
import { mergePatch, patchNests } from './patch.ts';
import { pick } from './policy.ts';
import type { RootChanges } from './ports.ts';

export interface Edit {
  /**
   * The document after the edit. Where it replaces the whole, keys for which `keeps` holds stay, unless the
   * body names them.
   * @throws AppError when it cannot be applied to this document.
   */
  apply(before: JsonObject, keeps: (key: string) => boolean): JsonObject;
  /** The same edit as root changes, where it does not depend on what is stored. Never empty. */
  readonly blind: RootChanges | undefined;
  /** Whether what the edit leaves out is meant to go, but for what its caller may not change. */
  readonly replacesAll: boolean;
}

/** RFC 7396, deep. An empty patch changes nothing. */
export function mergeEdit(patch: JsonValue, limits: DocumentLimits): Edit {
  const accepted = rootObject(patch);
  assertAcceptable(accepted, limits);
  const blind = patchNests(accepted) || Object.keys(accepted).length === 0 ? undefined : accepted;
  return { apply: (before) => mergePatch(before, accepted), blind, replacesAll: false };
}

/** The whole document becomes `document`. */
export function replaceEdit(document: JsonValue, limits: DocumentLimits): Edit {
  const accepted = rootObject(document);
  assertAcceptable(accepted, limits);
  assertNoRootNull(accepted);
  return {
    apply: (before, keeps) => ({ ...pick(before, keeps), ...accepted }),
    blind: undefined,
    replacesAll: true,
  };
}

/** Every key is removed. */
export function removeEdit(): Edit {
  return { apply: pick, blind: undefined, replacesAll: true };
}

/** RFC 6902, atomic. */
export function jsonPatchEdit(body: JsonValue, limits: DocumentLimits): Edit {
  const patch = parseJsonPatch(body);
  return {
    apply(before) {
      const after = rootObject(applyJsonPatch(before, patch, limits));
      assertNoRootNull(after);
      return after;
    },
    blind: undefined,
    replacesAll: false,
  };
}

/** The Management API's own merge: each root key is replaced whole, `null` removes it. Never empty. */
export function rootEdit(changes: RootChanges, limits: DocumentLimits): Edit {
  assertAcceptable(changes, limits);
  const kept = (key: string) => !Object.hasOwn(changes, key);
  return {
    apply: (before) => ({ ...pick(before, kept), ...pick(changes, (key) => changes[key] !== null) }),
    blind: changes,
    replacesAll: false,
  };
}

/** One top-level key becomes `value`, whole. */
export function replaceKeyEdit(key: string, value: JsonValue, limits: DocumentLimits): Edit {
  const changes = withKey({}, key, value);
  assertAcceptable(changes, limits);
  if (value === null) {
    throw new AppError('metadata_invalid', 'A top-level key cannot hold null; use DELETE to remove it.', {
      errors: [nullFault('')],
    });
  }
  return { apply: (before) => withKey(before, key, value), blind: changes, replacesAll: false };
}

/** One top-level key is removed, if it is there. */
export function removeKeyEdit(key: string, limits: DocumentLimits): Edit {
  const changes = withKey({}, key, null);
  assertStorable(changes, limits);
  return { apply: (before) => omitKey(before, key), blind: changes, replacesAll: false };
}

/** What a body asks to store must itself be storable and fit, so that a hopeless one costs no request. */
function assertAcceptable(document: JsonObject, limits: DocumentLimits): void {
  assertStorable(document, limits);
  assertWithinLimits({}, mergePatch({}, document), limits);
}

function assertNoRootNull(document: JsonObject): void {
  const nulls = Object.keys(document).filter((key) => document[key] === null);
  if (nulls.length === 0) return;
  throw new AppError('metadata_invalid', 'A top-level key cannot hold null; leave it out to remove it.', {
    errors: nulls.map((key) => nullFault(`/${pointerToken(key)}`)),
  });
}

function rootObject(value: JsonValue): JsonObject {
  if (isJsonObject(value)) return value;
  throw new AppError('metadata_invalid', 'The root of the body must be a JSON object.', {
    errors: [{ pointer: '', code: 'root_not_object', detail: 'The root must be a JSON object.' }],
  });
}

function nullFault(pointer: string) {
  return { pointer, code: 'null_at_root', detail: 'The tenant cannot store null at the first level.' };
}
