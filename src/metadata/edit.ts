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
import { mergePatch, patchNests } from './patch.ts';
import type { RootChanges } from './ports.ts';

export interface Edit {
  /** The document after the edit. @throws AppError when it cannot be applied to this one. */
  apply(before: JsonObject): JsonObject;
  /** The same edit as root changes, where it does not depend on what is stored. Never empty. */
  readonly blind: RootChanges | undefined;
}

/** RFC 7396, deep. An empty patch changes nothing. */
export function mergeEdit(patch: JsonValue, limits: DocumentLimits): Edit {
  const accepted = rootObject(patch);
  assertAcceptable(accepted, limits);
  const blind = patchNests(accepted) || Object.keys(accepted).length === 0 ? undefined : accepted;
  return { apply: (before) => mergePatch(before, accepted), blind };
}

/** The whole document becomes `document`. */
export function replaceEdit(document: JsonValue, limits: DocumentLimits): Edit {
  const accepted = rootObject(document);
  assertAcceptable(accepted, limits);
  const nulls = Object.keys(accepted).filter((key) => accepted[key] === null);
  if (nulls.length > 0) {
    throw new AppError('metadata_invalid', 'A top-level key cannot hold null; leave it out to remove it.', {
      errors: nulls.map((key) => nullFault(`/${pointerToken(key)}`)),
    });
  }
  return { apply: () => accepted, blind: undefined };
}

/** Every key is removed. */
export function removeEdit(): Edit {
  return { apply: () => ({}), blind: undefined };
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
  return { apply: (before) => withKey(before, key, value), blind: changes };
}

/** One top-level key is removed, if it is there. */
export function removeKeyEdit(key: string, limits: DocumentLimits): Edit {
  const changes = withKey({}, key, null);
  assertStorable(changes, limits);
  return { apply: (before) => omitKey(before, key), blind: changes };
}

/** What a body asks to store must itself be storable and fit, so that a hopeless one costs no request. */
function assertAcceptable(document: JsonObject, limits: DocumentLimits): void {
  assertStorable(document, limits);
  assertWithinLimits({}, mergePatch({}, document), limits);
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
