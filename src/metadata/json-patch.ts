/**
 * RFC 6902 JSON Patch over a plain document, atomic: a patch that cannot be applied whole changes nothing.
 * The library follows inherited members, passes over prototype names in paths and drops them from values,
 * so each operation is judged here first and only plain ones on own members reach it.
 */
import { applyPatch } from 'rfc6902';
import { z } from 'zod';
import { AppError } from '../lib/app-error.ts';
import {
  isJsonObject,
  jsonBytes,
  jsonEqual,
  type JsonObject,
  type JsonValue,
  nestsDeeperThan,
} from '../lib/json.ts';
import {
  assertStorable,
  assertStorableName,
  type DocumentLimits,
  PROTOTYPE_NAMES,
  tooLarge,
} from './document.ts';
import { ARRAY_INDEX, namesOf, resolve } from './json-pointer.ts';

/** RFC 6901 section 3. */
const pointer = z.string().regex(/^(?:\/(?:[^~]|~[01])*)?$/u, 'must be a JSON Pointer');
const anyValue = z.custom<JsonValue>((given) => given !== undefined, 'is required');

/** The six operations of RFC 6902 section 4, and nothing that is not one of them. */
export const jsonPatchSchema = z
  .array(
    z.discriminatedUnion('op', [
      z.looseObject({ op: z.literal('add'), path: pointer, value: anyValue }),
      z.looseObject({ op: z.literal('remove'), path: pointer }),
      z.looseObject({ op: z.literal('replace'), path: pointer, value: anyValue }),
      z.looseObject({ op: z.literal('move'), from: pointer, path: pointer }),
      z.looseObject({ op: z.literal('copy'), from: pointer, path: pointer }),
      z.looseObject({ op: z.literal('test'), path: pointer, value: anyValue }),
    ]),
  )
  .max(1000);

export type JsonPatch = z.infer<typeof jsonPatchSchema>;
type Operation = JsonPatch[number];

/** @throws AppError `patch_not_applicable` naming each operation that is none. */
export function parseJsonPatch(body: JsonValue): JsonPatch {
  const result = jsonPatchSchema.safeParse(body);
  if (result.success) return result.data;
  throw new AppError('patch_not_applicable', 'The body is not a JSON Patch.', {
    errors: result.error.issues.slice(0, 20).map(({ path }) => ({
      pointer: path.map((token) => `/${String(token)}`).join(''),
      code: 'operation_invalid',
      detail: 'This is no operation of RFC 6902, or a member of it is missing or malformed.',
    })),
  });
}

/**
 * The document after the patch.
 * @throws AppError `patch_test_failed` or `patch_not_applicable` with the pointer of the operation;
 * `metadata_invalid` or `metadata_too_large` for what it would put where.
 */
export function applyJsonPatch(document: JsonObject, patch: JsonPatch, limits: DocumentLimits): JsonValue {
  let copiedBytes = 0;
  const after = patch.reduce<JsonValue>((root, operation, index) => {
    if (operation.op === 'copy') {
      // Copies that double a document end here, long before the memory does.
      copiedBytes += jsonBytes(sourceOf(root, operation.from, index));
      if (copiedBytes > limits.bytesMax)
        throw new AppError('metadata_too_large', 'The patch copies too much.');
    }
    return step(root, operation, index, limits);
  }, bare(document));
  let depthMax = limits.depthMax;
  // What is stored deeper already may stay, and get no deeper.
  while (nestsDeeperThan(document, depthMax)) depthMax += 1;
  if (nestsDeeperThan(after, depthMax)) {
    throw tooLarge('', 'too_deep', `Nesting is limited to ${limits.depthMax}.`);
  }
  return after;
}

function step(root: JsonValue, operation: Operation, index: number, limits: DocumentLimits): JsonValue {
  switch (operation.op) {
    case 'test':
      if (jsonEqual(resolve(root, operation.path), operation.value)) return root;
      throw testFailed(operation.path, index);
    case 'add':
      return put(root, operation, index, limits);
    case 'replace':
      sourceOf(root, operation.path, index);
      return put(root, operation, index, limits);
    case 'remove':
      return remove(root, operation.path, index);
    case 'copy':
      return put(root, { ...operation, op: 'add', value: sourceOf(root, operation.from, index) }, index);
    case 'move': {
      const value = sourceOf(root, operation.from, index);
      if (operation.path === operation.from) return root;
      if (operation.path.startsWith(`${operation.from}/`)) throw notApplicable(operation.from, index);
      return put(remove(root, operation.from, index), { ...operation, op: 'add', value }, index);
    }
  }
}

/** Adds or replaces. Without `limits` the value was in the document before and is stored as it is. */
function put(
  root: JsonValue,
  {
    op,
    path,
    value: given,
  }: { readonly op: 'add' | 'replace'; readonly path: string; readonly value: JsonValue },
  index: number,
  limits?: DocumentLimits,
): JsonValue {
  const place = placeOf(root, path, index);
  if (place && isJsonObject(place.parent) && !Object.hasOwn(place.parent, place.name)) {
    assertStorableName(place.name, path);
  }
  const at =
    place && Array.isArray(place.parent) && place.name === '-'
      ? `${path.slice(0, -1)}${place.parent.length}`
      : path;
  if (limits) assertStorable(given, limits, at, path.split('/').length);
  // The library puts a copy of its own.
  return place ? apply(root, { op, path, value: given }, index) : bare(given);
}

function remove(root: JsonValue, path: string, index: number): JsonValue {
  sourceOf(root, path, index);
  if (path === '') throw notApplicable(path, index);
  return apply(root, { op: 'remove', path }, index);
}

/** Runs the library on one operation that has been found sound. It changes `root`, which is our own copy. */
function apply(root: JsonValue, operation: Operation, index: number): JsonValue {
  const [failure] = applyPatch(root, [operation]);
  if (failure) throw notApplicable(operation.path, index);
  return root;
}

interface Place {
  readonly parent: JsonObject | readonly JsonValue[];
  readonly name: string;
}

/** Where a value may be put: within an object or at an index of a list. Undefined stands for the whole. */
function placeOf(root: JsonValue, path: string, index: number): Place | undefined {
  if (path === '') return undefined;
  if (namesPrototype(path)) throw notApplicable(path, index);
  const parent = resolve(root, path.slice(0, path.lastIndexOf('/')));
  const name = namesOf(path).at(-1) ?? '';
  if (isJsonObject(parent)) return { parent, name };
  const isPlace =
    Array.isArray(parent) && (name === '-' || (ARRAY_INDEX.test(name) && Number(name) <= parent.length));
  if (!isPlace) throw notApplicable(path, index);
  return { parent, name };
}

/** What an operation reads, which must be there, and free of names that the library would lose. */
function sourceOf(root: JsonValue, path: string, index: number): JsonValue {
  const source = resolve(root, path);
  if (source === undefined || namesPrototype(path)) throw notApplicable(path, index);
  return source;
}

/** No escape of RFC 6901 hides such a name, so the pointer need not be taken apart. */
function namesPrototype(path: string): boolean {
  return path.includes('proto') || path.includes('constructor')
    ? namesOf(path).some((name) => PROTOTYPE_NAMES.has(name))
    : false;
}

/** A deep copy whose objects inherit nothing. */
function bare(node: JsonValue): JsonValue {
  if (Array.isArray(node)) return node.map(bare);
  if (!isJsonObject(node)) return node;
  const copy: Record<string, JsonValue> = Object.create(null);
  for (const [key, child] of Object.entries(node)) copy[key] = bare(child);
  return copy;
}

function testFailed(pointerText: string, index: number): AppError {
  return new AppError('patch_test_failed', `The test of operation ${index} failed.`, {
    errors: [{ pointer: pointerText, code: 'test_failed', detail: 'The value is not the expected one.' }],
  });
}

function notApplicable(pointerText: string, index: number): AppError {
  return new AppError('patch_not_applicable', `Operation ${index} cannot be applied.`, {
    errors: [
      { pointer: pointerText, code: 'not_applicable', detail: 'Nothing is there, or nothing can be.' },
    ],
  });
}
