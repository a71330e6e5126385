/**
 * RFC 6902 JSON Patch over a plain document, atomic: a patch that cannot be applied whole changes nothing.
 * The library works on a copy without prototypes, so that no path can name an inherited member.
 */
import { applyPatch } from 'rfc6902';
import { z } from 'zod';
import { AppError } from '../lib/app-error.ts';
import { isJsonObject, jsonBytes, type JsonObject, type JsonValue, ownValue } from '../lib/json.ts';
import { PROTOTYPE_NAMES } from './document.ts';

/** RFC 6901 section 3. */
const pointer = z.string().regex(/^(?:\/(?:[^~]|~[01])*)?$/u, 'must be a JSON Pointer');
const value = z.custom<JsonValue>((given) => given !== undefined, 'is required');

/** The six operations of RFC 6902 section 4, and nothing that is not one of them. */
export const jsonPatchSchema = z
  .array(
    z.discriminatedUnion('op', [
      z.looseObject({ op: z.literal('add'), path: pointer, value }),
      z.looseObject({ op: z.literal('remove'), path: pointer }),
      z.looseObject({ op: z.literal('replace'), path: pointer, value }),
      z.looseObject({ op: z.literal('move'), from: pointer, path: pointer }),
      z.looseObject({ op: z.literal('copy'), from: pointer, path: pointer }),
      z.looseObject({ op: z.literal('test'), path: pointer, value }),
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
 * @param bytesMax bound on the work: copies that double a document stop here, far above any limit on
 * what may be stored.
 * @throws AppError `patch_test_failed` or `patch_not_applicable`, with the pointer of the operation.
 */
export function applyJsonPatch(document: JsonObject, patch: JsonPatch, bytesMax: number): JsonValue {
  let root = bare(document);
  let bytes = jsonBytes(document);
  patch.forEach((operation, index) => {
    refusePrototypeNames(operation, index);
    const source = sourceOf(root, operation, index);
    if (operation.op === 'copy' && source !== undefined) bytes += jsonBytes(source);
    if (bytes > bytesMax) throw new AppError('metadata_too_large', 'The patch copies too much.');
    root = apply(root, operation, index);
  });
  return root;
}

function apply(root: JsonValue, operation: Operation, index: number): JsonValue {
  if ('path' in operation && operation.path === '') return applyToRoot(root, operation, index);
  const [failure] = applyPatch(root, [operation]);
  if (!failure) return root;
  if (failure.name === 'TestError') throw testFailed(operation.path, index);
  throw notApplicable(operation.path, index);
}

/** Operations on the whole document, which the library cannot do in place. */
function applyToRoot(root: JsonValue, operation: Operation, index: number): JsonValue {
  switch (operation.op) {
    case 'add':
    case 'replace':
      return bare(operation.value);
    case 'move':
    case 'copy':
      return bare(resolve(root, operation.from) ?? null);
    case 'test':
      if (applyPatch({ root }, [{ op: 'test', path: '/root', value: operation.value }])[0]) {
        throw testFailed('', index);
      }
      return root;
    case 'remove':
      throw notApplicable('', index);
  }
}

/** The library passes over such names in a path, and would change what the rest of it points at. */
function refusePrototypeNames(operation: Operation, index: number): void {
  const paths = 'from' in operation ? [operation.path, operation.from] : [operation.path];
  for (const path of paths) {
    if (typeof path === 'string' && path.split('/').some((token) => PROTOTYPE_NAMES.has(token))) {
      throw notApplicable(path, index);
    }
  }
}

/** What an operation reads, which must be there; the library would follow paths like `/list/length`. */
function sourceOf(root: JsonValue, operation: Operation, index: number): JsonValue | undefined {
  if (operation.op === 'add') return undefined;
  const path = operation.op === 'move' || operation.op === 'copy' ? operation.from : operation.path;
  const source = resolve(root, path);
  if (source === undefined) {
    throw operation.op === 'test' ? testFailed(path, index) : notApplicable(path, index);
  }
  if (operation.op === 'move' && operation.path.startsWith(`${path}/`)) throw notApplicable(path, index);
  return source;
}

function resolve(root: JsonValue, path: string): JsonValue | undefined {
  let node: JsonValue | undefined = root;
  for (const token of path.split('/').slice(1)) {
    const name = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(node)) node = /^(?:0|[1-9]\d*)$/.test(name) ? node[Number(name)] : undefined;
    else node = isJsonObject(node) ? ownValue(node, name) : undefined;
  }
  return node;
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
