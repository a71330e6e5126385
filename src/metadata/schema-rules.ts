/**
 * The operator's JSON Schema (draft 2020-12) over `user_metadata`: a write is refused for what it makes wrong, never
 * for what was wrong before. Each judgement has a bound on its work, whatever the document and the schema.
 */
import { AppError, type DocumentFault } from '../lib/app-error.ts';
import { isJsonObject, type JsonObject, type JsonValue, pointerToken } from '../lib/json.ts';
import { createReadOnlyError } from './policy.ts';
import {
  createEvaluation,
  createMeter,
  createNotes,
  type Evaluation,
  WorkExceeded,
} from './schema/evaluation.ts';
import { loadSchema } from './schema/load.ts';
import type { SchemaNode } from './schema/node.ts';
import type { Place } from './schema/place.ts';
import { getIntroducedViolations, getSentence, type Violation } from './violations.ts';

// What a schema marks `readOnly`, at any depth: what a change touches of it, and what a replacement keeps.

interface ReadOnlyPlaces {
  /** Whether there can be any. */
  readonly exist: boolean;
  /** Pointers of the read-only places whose values differ, or that are there in one of the two only. */
  getTouched(before: Place, after: Place, evaluation: Evaluation): readonly string[];
  /**
   * `after` with what is read-only and left out of it put back, with the objects and lists that it stood in. An item
   * is put back only where all items before it are there, because nothing else says where it belongs.
   */
  putBack(before: Place, after: Place, evaluation: Evaluation): JsonValue;
}

function createReadOnlyPlaces(root: SchemaNode): ReadOnlyPlaces {
  const notes = createNotes(root, 'readOnly', (value) => value === true);
  return {
    exist: notes.exist,
    getTouched: (before, after, evaluation) =>
      notes.find(before, after, evaluation).map(({ path }) => toPointer(path)),
    putBack(before, after, evaluation) {
      const found = notes.find(before, after, evaluation);
      if (found.some(({ path }) => path.length === 0)) return withMembers(after.value, before.value);
      const missing = found.filter((place) => place.after === undefined);
      if (missing.length === 0) return after.value;
      const kept = copyJson(after.value);
      for (const { path, before: place } of missing) {
        if (place) putAt(kept, before.value, path, place.value);
      }
      return kept;
    },
  };
}

/** A document that is read-only as a whole keeps each key that is left out. */
function withMembers(value: JsonValue, before: JsonValue): JsonValue {
  return isJsonObject(value) && isJsonObject(before) ? { ...before, ...value } : value;
}

/** RFC 6901. */
function toPointer(path: readonly string[]): string {
  return path.map((name) => `/${pointerToken(name)}`).join('');
}

type Copy = null | boolean | number | string | Copy[] | CopiedObject;
interface CopiedObject {
  [key: string]: Copy;
}

function copyJson(value: JsonValue): Copy {
  if (typeof value !== 'object' || value === null) return value;
  if (isArray(value)) return value.map(copyJson);
  return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, copyJson(child)]));
}

/** Puts a value into our own copy. What is missing on the way is made as it is in `before`. */
function putAt(root: Copy, before: JsonValue, path: readonly string[], value: JsonValue): void {
  let container = root;
  let model: JsonValue | undefined = before;
  for (const [depth, name] of path.entries()) {
    // Something else has taken the place of what the value stood in.
    if (
      typeof container !== 'object' ||
      container === null ||
      Array.isArray(container) !== Array.isArray(model)
    )
      return;
    if (Array.isArray(container) && Number(name) > container.length) return;
    model = typeof model === 'object' && model !== null ? getMember(model, name) : undefined;
    if (depth === path.length - 1) setMember(container, name, copyJson(value));
    else if (getMember(container, name) === undefined) {
      setMember(container, name, Array.isArray(model) ? [] : {});
    }
    container = getMember(container, name) ?? null;
  }
}

function setMember(container: Copy[] | CopiedObject, name: string, value: Copy): void {
  // Never by assignment, which would give an object named `__proto__` another prototype.
  Object.defineProperty(container, name, { value, writable: true, enumerable: true, configurable: true });
}

function getMember<T>(container: readonly T[] | Readonly<Record<string, T>>, name: string): T | undefined {
  if (isArray(container)) return container[Number(name)];
  return Object.hasOwn(container, name) ? container[name] : undefined;
}

function isArray<T>(container: readonly T[] | Readonly<Record<string, T>>): container is readonly T[] {
  return Array.isArray(container);
}

/** A document before a write and after it. */
interface Change {
  readonly before: JsonObject;
  readonly after: JsonObject;
}

export interface SchemaRules {
  /** Whether a change of these root keys can be judged without the rest of the document. */
  readonly permitsAll: boolean;
  /** What in the schema has no effect, or not the one that it seems to have. For the operator. */
  readonly warnings: readonly string[];
  /** What replaces `before` whole, with what is read-only and left out of it put back. */
  keepReadOnly(before: JsonObject, after: JsonObject): JsonObject;
  /**
   * @throws AppError `key_read_only` or `metadata_invalid`, naming each by its JSON Pointer; `metadata_invalid` with
   * the code `too_complex` for a document that would take too long to judge. What is read-only is found in `whole`:
   * it may depend on keys that the writing application does not see.
   */
  assertChange(before: JsonObject, after: JsonObject, whole?: Change): void;
}

const PERMIT_ALL: SchemaRules = {
  permitsAll: true,
  warnings: [],
  keepReadOnly: (_before, after) => after,
  assertChange: () => undefined,
};

/** Steps of one judgement: measured to end well within 50 ms. A large document of a usual schema takes a tenth. */
const WORK_MAX = 120_000;
const FAULTS_MAX = 50;
/** Longer lists of allowed values are left to the schema, which is public. */
const ALLOWED_VALUES_MAX = 50;

/** @throws SafeError for a schema that is not valid, or that could not be enforced as it stands. */
export function createSchemaRules(schema: JsonObject | undefined): SchemaRules {
  if (schema === undefined) return PERMIT_ALL;
  const { root, warnings } = loadSchema(schema);
  const readOnlyPlaces = createReadOnlyPlaces(root);

  return {
    permitsAll: false,
    warnings,
    keepReadOnly(before, after) {
      if (!readOnlyPlaces.exist) return after;
      return within((evaluation) => {
        const { createRoot } = evaluation.places;
        const kept = readOnlyPlaces.putBack(createRoot(before), createRoot(after), evaluation);
        return isJsonObject(kept) ? kept : after;
      });
    },
    assertChange(before, after, whole = { before, after }) {
      within((evaluation) => {
        const { createRoot } = evaluation.places;
        if (readOnlyPlaces.exist) {
          const [earlier, later] = [createRoot(whole.before), createRoot(whole.after)];
          const touched = readOnlyPlaces.getTouched(earlier, later, evaluation);
          if (touched.length > 0) throw createReadOnlyError(touched.slice(0, FAULTS_MAX));
        }
        const [earlier, later] = [createRoot(before), createRoot(after)];
        if (evaluation.isValid(root, later)) return;
        const introduced = getIntroducedViolations(root, earlier, later, evaluation);
        if (introduced.length > 0) throw invalid(introduced.map(toFault));
      });
    },
  };
}

function within<T>(task: (evaluation: Evaluation) => T): T {
  try {
    return task(createEvaluation(createMeter(WORK_MAX)));
  } catch (error) {
    // A RangeError tells of a document that nests deeper than the stack reaches.
    if (!(error instanceof WorkExceeded || error instanceof RangeError)) throw error;
    const detail = 'The document is too complex to be checked against the schema of this app.';
    throw invalid([{ pointer: '', code: 'too_complex', detail }]);
  }
}

function invalid(errors: readonly DocumentFault[]): AppError {
  return new AppError('metadata_invalid', 'The metadata would not be what the schema of this app asks for.', {
    errors,
  });
}

function toFault(violation: Violation): DocumentFault {
  const { path, code, params } = violation;
  const { allowedValues } = params;
  const isLong = Array.isArray(allowedValues) && allowedValues.length > ALLOWED_VALUES_MAX;
  const { allowedValues: _long, ...others } = params;
  return { pointer: toPointer(path), code, detail: getSentence(violation), params: isLong ? others : params };
}
