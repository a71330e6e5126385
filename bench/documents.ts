/**
 * What documents cost: CPU time of each step over a document of the largest size, as a multiple of a bare
 * `JSON.parse` and `JSON.stringify` of the same size in the same turns.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../demo/package-root.ts';
import { AppError } from '../src/lib/app-error.ts';
import { isJsonObject, jsonBytes, type JsonObject, type JsonValue } from '../src/lib/json.ts';
import {
  assertBounded,
  assertStorableChange,
  assertWithinLimits,
  getRootChanges,
} from '../src/metadata/document.ts';
import { createJsonPatchEdit, createMergeEdit } from '../src/metadata/edit.ts';
import { represent } from '../src/metadata/representation.ts';
import { createSchemaRules } from '../src/metadata/schema-rules.ts';
import { PATCH_CASES } from './documents/patches.ts';
import {
  deepDocument,
  everyLeafChanged,
  LIMITS,
  typicalDocument,
  wideDocument,
} from './documents/samples.ts';
import { type Bench, goal, table } from './report.ts';
import { compareTasks, type Task, type Timing } from './timing.ts';

const DOCUMENTS = {
  typical: typicalDocument(),
  '100 keys': wideDocument(),
  'depth 10': deepDocument(),
} as const satisfies Record<string, JsonObject>;

/** No step may hold the event loop for longer. */
const MICROS_MAX = 1_000;
const TURNS = { turns: 11, turnMs: 4 };

const nothingKept = () => false;

function copyOf(value: JsonValue): JsonObject {
  const copy: JsonValue = JSON.parse(JSON.stringify(value));
  if (!isJsonObject(copy)) throw new Error('a sample is no object');
  return copy;
}

function stepsOf(name: string, document: JsonObject): Task[] {
  const text = JSON.stringify(document);
  const changed = copyOf(everyLeafChanged(document));
  const same = copyOf(document);
  return [
    {
      name: `${name}: parse, check names, text and limits`,
      run() {
        const parsed = copyOf(document);
        assertBounded(parsed, LIMITS);
        assertWithinLimits({}, parsed, LIMITS);
        assertStorableChange({}, parsed);
      },
    },
    {
      name: `${name}: check and merge a patch of every leaf`,
      run: () => createMergeEdit(changed, LIMITS).apply(document, nothingKept),
    },
    { name: `${name}: find no difference`, run: () => getRootChanges(document, same) },
    { name: `${name}: find that all differs`, run: () => getRootChanges(document, changed) },
    { name: `${name}: canonical text and ETag`, run: () => represent(document) },
    { name: `${name}: JSON.parse alone`, run: () => void JSON.parse(text) },
  ];
}

/** A refusal is an outcome like any other: what counts is how long it took. */
function allowingRefusal(task: () => unknown): unknown {
  try {
    return task();
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

const patchSteps: readonly Task[] = PATCH_CASES.map(({ name, document, operations }) => ({
  name: `JSON Patch: ${name}`,
  run: () => allowingRefusal(() => createJsonPatchEdit(operations, LIMITS).apply(document, nothingKept)),
}));

function patternStep(expression: string, text: string): Task {
  const a = { type: 'string', pattern: expression };
  const rules = createSchemaRules({ type: 'object', properties: { a } });
  return {
    name: `schema: \`${expression.replaceAll('|', '\\|')}\` on 8,000 characters`,
    run: () => allowingRefusal(() => rules.assertChange({}, { a: text })),
  };
}

function schemaSteps(): Task[] {
  const path = join(packageRoot(import.meta.dirname), 'config', 'user-metadata.schema.json');
  const schema: JsonValue = JSON.parse(readFileSync(path, 'utf8'));
  if (!isJsonObject(schema)) throw new Error('the example schema is no object');
  const example = createSchemaRules(schema);
  const { typical } = DOCUMENTS;
  const text = 'a'.repeat(8000);
  const list = (length: number) => ({ ...typical, recent: [], interests: Array.from({ length }, () => '') });
  const refusing = (before: JsonObject, after: JsonObject) => () =>
    allowingRefusal(() => example.assertChange(before, after));
  return [
    { name: 'schema: the example, accepted', run: () => example.assertChange({}, typical) },
    { name: 'schema: the example, 50 new faults', run: refusing(typical, list(50)) },
    { name: 'schema: the example, 2,500 new faults', run: refusing(typical, list(2500)) },
    { name: 'schema: the example, 1,000 old faults and 1 new', run: refusing(list(1000), list(1001)) },
    patternStep('^(a+)+$', `${text}!`),
    patternStep('^(a|aa)+$', `${text}!`),
    patternStep('(.*a){10}b', text),
  ];
}

function rowsOf(timings: readonly Timing[]) {
  return timings.map(
    ({ name, micros, ratio }) => [name, Math.round(micros), Number(ratio.toFixed(1))] as const,
  );
}

/** Every step over every document. */
export const benchDocuments: Bench = async (log) => {
  const text = JSON.stringify(DOCUMENTS.typical);
  const reference = { name: 'JSON.parse and JSON.stringify', run: () => JSON.stringify(JSON.parse(text)) };
  const steps = Object.entries(DOCUMENTS).flatMap(([name, document]) => stepsOf(name, document));
  const timings = compareTasks([reference, ...steps, ...patchSteps, ...schemaSteps()], TURNS);
  const slow = timings.filter(({ micros }) => micros > MICROS_MAX);
  log(`documents: ${timings.length} steps, ${slow.length} above ${MICROS_MAX} us`);
  const sizes = Object.entries(DOCUMENTS).map(([name, document]) => `${name} ${jsonBytes(document)} bytes`);
  return {
    title: 'Documents',
    body: [
      `CPU microseconds per run, medians of ${TURNS.turns} turns in which all steps take part; the ratio is to`,
      `the first row in the same turn. Documents: ${sizes.join(', ')}.`,
      '',
      table(['step', 'us', 'ratio'], rowsOf(timings)),
      '',
      goal(
        slow.length === 0
          ? 'every step takes less than a millisecond'
          : `every step takes less than a millisecond; not so: ${slow.map(({ name }) => name).join('; ')}`,
        slow.length === 0,
      ),
    ].join('\n'),
  };
};
