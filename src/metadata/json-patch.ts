/**
 * RFC 6902 JSON Patch over a plain document, atomic: a patch that cannot be applied whole changes nothing. All
 * operations spend from one budget, and the document is within its limits after each of them.
 */
import { z } from 'zod';
import { AppError, type FieldError } from '../lib/app-error.ts';
import type { JsonObject, JsonValue } from '../lib/json.ts';
import type { DocumentLimits } from './document.ts';
import { parsePointer } from './json-pointer.ts';
import {
  createPatchedDocument,
  createWorkBudget,
  type PatchedDocument,
  textUnits,
  type WorkBudget,
} from './patched-document.ts';

/** RFC 6901 section 3. */
const pointer = z.string().regex(/^(?:\/(?:[^~]|~[01])*)?$/u, 'must be a JSON Pointer');
const anyValue = z.custom<JsonValue>((given) => given !== undefined, 'is required');

/** One of the six operations of RFC 6902 section 4. */
const operationSchema = z
  .discriminatedUnion('op', [
    z.looseObject({ op: z.literal('add'), path: pointer, value: anyValue }),
    z.looseObject({ op: z.literal('remove'), path: pointer }),
    z.looseObject({ op: z.literal('replace'), path: pointer, value: anyValue }),
    z.looseObject({ op: z.literal('move'), from: pointer, path: pointer }),
    z.looseObject({ op: z.literal('copy'), from: pointer, path: pointer }),
    z.looseObject({ op: z.literal('test'), path: pointer, value: anyValue }),
  ])
  .meta({ id: 'JsonPatchOperation' });

const MAX_OPERATIONS = 1000;
const MAX_FAULTS = 20;

export const jsonPatchSchema = z.array(operationSchema).max(MAX_OPERATIONS).meta({
  id: 'JsonPatch',
  description: 'Operations (RFC 6902) that are applied in this order, all or none.',
});

type Operation = z.infer<typeof operationSchema>;
export type JsonPatch = readonly Operation[];

/** @throws AppError `patch_not_applicable` naming the operations that are none, up to 20 of their faults. */
export function parseJsonPatch(body: JsonValue): JsonPatch {
  if (!Array.isArray(body) || body.length > MAX_OPERATIONS) throw notAPatch([operationFault([])]);
  const operations: Operation[] = [];
  const faults: FieldError[] = [];
  for (const [index, given] of body.entries()) {
    const result = operationSchema.safeParse(given);
    if (result.success) operations.push(result.data);
    else faults.push(...result.error.issues.map(({ path }) => operationFault([index, ...path])));
    // To collect what is wrong with a thousand operations would take longer than to apply them.
    if (faults.length >= MAX_FAULTS) break;
  }
  if (faults.length > 0) throw notAPatch(faults.slice(0, MAX_FAULTS));
  return operations;
}

function operationFault(path: readonly PropertyKey[]): FieldError {
  return {
    pointer: path.map((token) => `/${String(token)}`).join(''),
    code: 'operation_invalid',
    detail: 'This is no operation of RFC 6902, or a member of it is missing or malformed.',
  };
}

function notAPatch(errors: readonly FieldError[]): AppError {
  return new AppError('patch_not_applicable', 'The body is not a JSON Patch.', { errors });
}

/**
 * The document after the patch. What the patch leaves alone is the same object as before; names and text are not
 * judged here (see `assertStorableChange`).
 * @throws AppError `patch_test_failed` or `patch_not_applicable` with the pointer of the operation;
 * `metadata_too_large` where an operation leaves the document beyond a limit, or all together cost too much.
 */
export function applyJsonPatch(
  document: JsonObject,
  patch: JsonPatch,
  limits: DocumentLimits,
  budget: WorkBudget = createWorkBudget(),
): JsonValue {
  const patched = createPatchedDocument(document, limits, budget);
  patch.forEach((operation, index) => {
    budget.spend(1 + textUnits(operation.path.length));
    step(patched, operation, index);
    patched.assertSize();
  });
  return patched.value();
}

function step(document: PatchedDocument, operation: Operation, index: number): void {
  const path = parsePointer(operation.path);
  switch (operation.op) {
    case 'test':
      if (!document.matches(path, operation.value)) throw testFailed(operation.path, index);
      return;
    case 'add':
      if (!document.add(path, operation.value)) throw notApplicable(operation.path, index);
      return;
    case 'replace':
      if (!document.replace(path, operation.value)) throw notApplicable(operation.path, index);
      return;
    case 'remove':
      if (!document.remove(path)) throw notApplicable(operation.path, index);
      return;
    case 'copy': {
      const from = parsePointer(operation.from);
      if (document.find(from) === undefined) throw notApplicable(operation.from, index);
      if (!document.copy(from, path)) throw notApplicable(operation.path, index);
      return;
    }
    case 'move': {
      const from = parsePointer(operation.from);
      const isOntoItself = operation.path === operation.from;
      const isIntoItself = operation.path.startsWith(`${operation.from}/`);
      if (document.find(from) === undefined || isIntoItself) throw notApplicable(operation.from, index);
      if (!isOntoItself && !document.move(from, path)) throw notApplicable(operation.path, index);
    }
  }
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
