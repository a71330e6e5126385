/**
 * The operator's JSON Schema (draft 2020-12) over `user_metadata`: a write is refused for what it makes wrong, never
 * for what was wrong before. Each judgement has a bound on its work, whatever the document and the schema.
 */
import { AppError, type DocumentFault } from '../lib/app-error.ts';
import { isJsonObject, type JsonObject } from '../lib/json.ts';
import { readOnly } from './policy.ts';
import { getIntroducedViolations, type Violation } from './introduced-violations.ts';
import { createReadOnlyPlaces, toPointer } from './read-only-places.ts';
import { createEvaluation, type Evaluation } from './schema/evaluation.ts';
import { loadSchema } from './schema/load.ts';
import { createMeter, WorkExceeded } from './schema/meter.ts';
import { getSentence } from './violation-sentences.ts';

/** A document before a write and after it. */
export interface Change {
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
          if (touched.length > 0) throw readOnly(touched.slice(0, FAULTS_MAX));
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
