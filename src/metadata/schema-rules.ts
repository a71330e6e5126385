/**
 * The operator's JSON Schema (draft 2020-12) over `user_metadata`: a write is refused for what it makes
 * wrong, never for what was wrong before. Patterns run on an engine of linear time.
 */
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { RE2JS } from 're2js';
import { AppError, type DocumentFault } from '../lib/app-error.ts';
import { type JsonObject, type JsonValue, jsonEqual } from '../lib/json.ts';
import { SafeError } from '../lib/safe-error.ts';
import { readOnly } from './policy.ts';
import { introducedViolations } from './introduced-violations.ts';
import { readOnlyPathsOf, toPointer, valueAt, withValueAt } from './read-only-paths.ts';

export interface SchemaRules {
  /** Whether a change of these root keys can be judged without the rest of the document. */
  readonly permitsAll: boolean;
  /** Root keys of which something is read-only. */
  readonly guardedKeys: ReadonlySet<string>;
  /** What replaces `before` whole, with what is read-only and left out of it put back. */
  keepReadOnly(before: JsonObject, after: JsonObject): JsonObject;
  /** @throws AppError `key_read_only` or `metadata_invalid`, naming each by its JSON Pointer. */
  assertChange(before: JsonObject, after: JsonObject): void;
}

const PERMIT_ALL: SchemaRules = {
  permitsAll: true,
  guardedKeys: new Set(),
  keepReadOnly: (_before, after) => after,
  assertChange: () => undefined,
};

const FAULTS_MAX = 50;

/**
 * @throws SafeError for a schema that is invalid, refers to another document, or holds a pattern that a
 * linear-time engine cannot run (look-around, back-references).
 */
export function createSchemaRules(schema: JsonObject | undefined): SchemaRules {
  if (schema === undefined) return PERMIT_ALL;
  refuseRemoteReferences(schema, '');
  const validate = compile(schema);
  const readOnlyPaths = [...readOnlyPathsOf(schema, schema, [], new Set())];

  function violations(document: JsonObject): ErrorObject[] {
    return validate(document) ? [] : (validate.errors ?? []);
  }

  return {
    permitsAll: false,
    guardedKeys: new Set(readOnlyPaths.map(([root = '']) => root)),
    keepReadOnly(before, after) {
      return readOnlyPaths.reduce((kept, path) => {
        const value = valueAt(before, path);
        return value === undefined || valueAt(kept, path) !== undefined
          ? kept
          : withValueAt(kept, path, value);
      }, after);
    },
    assertChange(before, after) {
      const touched = readOnlyPaths.filter((path) => !jsonEqual(valueAt(before, path), valueAt(after, path)));
      if (touched.length > 0) throw readOnly(touched.map(toPointer));
      const found = violations(after);
      if (found.length === 0) return;
      const introduced = introducedViolations(found, after, violations(before), before);
      if (introduced.length === 0) return;
      throw new AppError(
        'metadata_invalid',
        'The metadata would not be what the schema of this app asks for.',
        {
          errors: introduced.slice(0, FAULTS_MAX).map(toFault),
        },
      );
    },
  };
}

function compile(schema: JsonObject) {
  // Without prototypes: a property named `constructor` is the document's own or absent.
  const ajv = new Ajv2020({
    strict: true,
    strictRequired: false,
    // Schemas that are valid but leave types open are the operator's business.
    strictTypes: false,
    strictTuples: false,
    allErrors: true,
    ownProperties: true,
    multipleOfPrecision: 9,
    validateSchema: true,
    logger: false,
    code: { regExp: Object.assign(linearTimePattern, { code: 'linearTimePattern' }) },
  });
  addFormats.default(ajv);
  try {
    // Notes for forms and other tools; any other unknown keyword is taken for a typing error.
    ajv.addVocabulary(['$anchor', ...new Set(annotationsIn(schema))]);
    return ajv.compile(schema);
  } catch (error) {
    // Messages of ajv quote the operator's own schema, which is public.
    throw new SafeError(`userMetadata.schema: ${error instanceof Error ? error.message : 'is not valid'}`);
  }
}

function annotationsIn(node: JsonValue): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, child]) => [
    ...(/^x-[\w-]+$/.test(key) ? [key] : []),
    ...annotationsIn(child),
  ]);
}

/** ajv tells patterns apart by their text, so it must be the pattern's own. */
function linearTimePattern(pattern: string): { test(text: string): boolean; toString(): string } {
  try {
    const compiled = RE2JS.compile(pattern);
    return { test: (text) => compiled.matcher(text).find(), toString: () => pattern };
  } catch {
    throw new Error(`the pattern ${JSON.stringify(pattern)} cannot run in linear time`);
  }
}

function refuseRemoteReferences(node: JsonValue, path: string): void {
  if (typeof node !== 'object' || node === null) return;
  for (const [key, child] of Object.entries(node)) {
    if (/^\$(?:dynamicRef|ref)$/.test(key) && typeof child === 'string' && !child.startsWith('#')) {
      throw new SafeError(
        `userMetadata.schema${path}/${key}: only references within the schema are followed`,
      );
    }
    refuseRemoteReferences(child, `${path}/${key}`);
  }
}

/** A sentence for a person; ajv's own wording leaves out which values would do. */
function sentence(keyword: string, params: ErrorObject['params'], message = 'is not acceptable'): string {
  const allowed: unknown = params['allowedValues'];
  if (keyword === 'enum' && Array.isArray(allowed)) {
    return `Must be one of: ${allowed.map((value) => JSON.stringify(value)).join(', ')}.`;
  }
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
}

function toFault({ instancePath, keyword, params, message }: ErrorObject): DocumentFault {
  const missing: unknown =
    params['missingProperty'] ?? params['additionalProperty'] ?? params['unevaluatedProperty'];
  const child = typeof missing === 'string' ? toPointer([missing]) : '';
  return { pointer: `${instancePath}${child}`, code: keyword, detail: sentence(keyword, params, message) };
}
