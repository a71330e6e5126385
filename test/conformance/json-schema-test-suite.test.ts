/**
 * The JSON Schema Test Suite, draft 2020-12, through the rules that judge a write. What differs is listed here with
 * its reason, and the list is exact: it can neither grow nor shrink unnoticed.
 */
import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../src/lib/app-error.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../src/lib/json.ts';
import { createSchemaRules } from '../../src/metadata/schema-rules.ts';

/** Where Debian's `libtest-json-schema-acceptance-perl` puts the suite. */
const FOLDER = '/usr/share/perl5/auto/share/dist/Test-JSON-Schema-Acceptance/tests/draft2020-12';

interface Case {
  readonly description: string;
  readonly data: JsonValue;
  readonly valid: boolean;
}
interface Group {
  readonly description: string;
  readonly schema: JsonObject | boolean;
  readonly tests: readonly Case[];
}

/** Nothing is fetched, at the start or later. */
const ELSEWHERE = 'only references within the schema are followed';
const DIALECT = 'only https://json-schema.org/draft/2020-12/schema is supported';
/** Which schema is meant would depend on the path taken. */
const DYNAMIC = 'several schemas have the dynamic anchor';
/** It is more often a typing error than meant. */
const UNKNOWN = 'there is no keyword';

/** Schemas that are refused at the start, by file and reason: the number of groups. */
const REFUSED: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'anchor.json': { [ELSEWHERE]: 1 },
  'defs.json': { [ELSEWHERE]: 1 },
  'dynamicRef.json': { [DYNAMIC]: 5, [ELSEWHERE]: 4 },
  'id.json': { [ELSEWHERE]: 3 },
  'ref.json': { [ELSEWHERE]: 2 },
  'refRemote.json': { [ELSEWHERE]: 14 },
  'unknownKeyword.json': { [UNKNOWN]: 1 },
  'vocabulary.json': { [DIALECT]: 2 },
  'optional/cross-draft.json': { [ELSEWHERE]: 1 },
  'optional/ecmascript-regex.json': { [ELSEWHERE]: 1 },
  'optional/format-assertion.json': { [DIALECT]: 2 },
  'optional/refOfUnknownKeyword.json': { [UNKNOWN]: 2 },
};

/** Instances that are judged otherwise, by file: how many, and why. */
const DIFFERENT: Readonly<Record<string, readonly [number, why: string]>> = {
  'optional/format/email.json': [5, 'ajv-formats knows neither quoted local parts nor address literals'],
  'optional/format/idn-email.json': [2, 'not checked, which a warning says'],
  'optional/format/idn-hostname.json': [29, 'not checked, which a warning says'],
  'optional/format/iri.json': [4, 'not checked, which a warning says'],
  'optional/format/iri-reference.json': [2, 'not checked, which a warning says'],
};

const files = ['', 'optional', 'optional/format'].flatMap((folder) =>
  readdirSync(join(FOLDER, folder))
    .filter((name) => name.endsWith('.json'))
    .map((name) => join(folder, name)),
);

function groupsIn(file: string): readonly Group[] {
  const groups: readonly Group[] = JSON.parse(readFileSync(join(FOLDER, file), 'utf8'));
  return groups;
}

/**
 * A document is an object, so the instance stands in a member of it. The schema becomes one with an address of its
 * own, so that its references mean what they mean at a root.
 */
function wrap(schema: JsonObject | boolean): JsonObject {
  if (!isJsonObject(schema)) return { properties: { v: schema } };
  const $id = schema['$id'] ?? 'https://suite.invalid/schema';
  return { properties: { v: { $ref: $id } }, $defs: { suite: { ...schema, $id } } };
}

function isAccepted(rules: ReturnType<typeof createSchemaRules>, value: JsonValue): boolean {
  try {
    rules.assertChange({}, { v: value });
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'metadata_invalid') return false;
    throw error;
  }
}

/** The reason why a schema is refused, as far as it does not name the place. */
function refusalOf(error: unknown): string {
  const message = error instanceof Error ? error.message : '';
  return [ELSEWHERE, DIALECT, DYNAMIC, UNKNOWN].find((reason) => message.includes(reason)) ?? message;
}

test('the suite is there, with every required file', () => {
  expect(files.length).toBeGreaterThan(60);
  expect(files.filter((file) => !file.startsWith('optional')).length).toBeGreaterThan(40);
});

let judged = 0;

describe.each(files)('%s', (file) => {
  const refused: Record<string, number> = {};
  const different: string[] = [];
  for (const { description, schema, tests } of groupsIn(file)) {
    try {
      const rules = createSchemaRules(wrap(schema));
      for (const { description: name, data, valid } of tests) {
        judged += 1;
        if (isAccepted(rules, data) !== valid) different.push(`${description}: ${name}`);
      }
    } catch (error) {
      const reason = refusalOf(error);
      refused[reason] = (refused[reason] ?? 0) + 1;
    }
  }

  test('is judged as the suite says', () => {
    const [count = 0] = DIFFERENT[file] ?? [];
    expect(count === 0 ? different : different.length).toEqual(count === 0 ? [] : count);
  });

  test('holds no other schemas that are refused', () => {
    expect(refused).toEqual(REFUSED[file] ?? {});
  });
});

test('instances were judged', () => {
  expect(judged).toBeGreaterThan(1600);
});

test('all that is listed here exists', () => {
  expect(
    [...Object.keys(REFUSED), ...Object.keys(DIFFERENT)].filter((file) => !files.includes(file)),
  ).toEqual([]);
});
