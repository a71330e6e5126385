/** Held against another validator: what is valid, and that nothing wrong comes in by a change. */
import { expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as fc from 'fast-check';
import { AppError } from '../../src/lib/app-error.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../src/lib/json.ts';
import { createSchemaRules, type SchemaRules } from '../../src/metadata/schema-rules.ts';

const name = fc.constantFrom('a', 'b', 'c', 'kind');
const scalar: fc.Arbitrary<JsonValue> = fc.constantFrom<JsonValue[]>(
  0,
  1,
  2,
  'a',
  'b',
  'long text',
  true,
  null,
  1.5,
);
const value: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    { weight: 3, arbitrary: scalar },
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(name, tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;
const document: fc.Arbitrary<JsonObject> = fc.dictionary(name, value, { maxKeys: 4, noNullPrototype: true });

const schema: fc.Arbitrary<JsonObject> = fc.letrec<{ schema: JsonValue; object: JsonObject }>((tie) => ({
  schema: fc.oneof({ maxDepth: 3 }, { weight: 6, arbitrary: tie('object') }, fc.boolean()),
  object: fc
    .uniqueArray(
      fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom<Array<readonly [string, JsonValue]>>(
          ['type', 'string'],
          ['type', 'object'],
          ['type', 'array'],
          ['type', ['integer', 'null']],
          ['const', 1],
          ['enum', ['a', 'b', 1, null]],
          ['minLength', 2],
          ['maxLength', 3],
          ['minimum', 1],
          ['maximum', 1],
          ['multipleOf', 2],
          ['pattern', '^a'],
          ['minItems', 1],
          ['maxItems', 1],
          ['uniqueItems', true],
          ['minProperties', 1],
          ['maxProperties', 1],
          ['required', ['a']],
          ['required', ['a', 'b']],
          ['dependentRequired', { a: ['b'] }],
        ),
        fc.tuple(
          fc.constantFrom(
            'additionalProperties',
            'unevaluatedProperties',
            'propertyNames',
            'items',
            'contains',
            'unevaluatedItems',
            'not',
            'if',
            'then',
            'else',
          ),
          tie('schema'),
        ),
        fc.tuple(
          fc.constantFrom('allOf', 'anyOf', 'oneOf', 'prefixItems'),
          fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
        ),
        fc.tuple(
          fc.constantFrom('properties', 'dependentSchemas'),
          fc.dictionary(name, tie('schema'), { maxKeys: 2, noNullPrototype: true }),
        ),
        fc.tuple(
          fc.constant('patternProperties'),
          fc.dictionary(fc.constantFrom('^a', 'b|c'), tie('schema'), { maxKeys: 1, noNullPrototype: true }),
        ),
      ),
      { maxLength: 4, selector: ([keyword]) => keyword },
    )
    .map((keywords) => Object.fromEntries(keywords)),
})).object;

function isAccepted(rules: SchemaRules, before: JsonObject, after: JsonObject): boolean {
  try {
    rules.assertChange(before, after);
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'metadata_invalid') return false;
    throw error;
  }
}

/** Ajv counts what a failed branch or an `if` without `then` has evaluated otherwise; the suite decides these. */
const usesUnevaluated = (text: string) => text.includes('unevaluated');

/** Undefined where the code that Ajv makes of a valid schema fails, as it does for some combinations of branches. */
function answerOfAjv(given: JsonObject, after: JsonObject): boolean | undefined {
  try {
    const ajv = new Ajv2020({ strict: false, logger: false, validateFormats: false });
    return ajv.validate(given, after);
  } catch {
    return undefined;
  }
}

test('a document that was empty is accepted exactly if Ajv finds it valid', () => {
  fc.assert(
    fc.property(schema, document, (given, after) => {
      fc.pre(!usesUnevaluated(JSON.stringify(given)));
      const answer = answerOfAjv(given, after);
      fc.pre(answer !== undefined);
      const accepted = isAccepted(createSchemaRules({ properties: { v: given } }), {}, { v: after });
      expect(accepted).toBe(answer);
    }),
    { numRuns: 200 },
  );
});

/** Every way to change one part of a document: remove it, or put something else in its place. */
function* partsChanged(whole: JsonValue, other: JsonValue): Generator<JsonValue> {
  if (Array.isArray(whole)) {
    for (const [position, item] of whole.entries()) {
      yield whole.toSpliced(position, 1);
      yield whole.toSpliced(position, 1, other);
      for (const changed of partsChanged(item, other)) yield whole.toSpliced(position, 1, changed);
    }
  } else if (isJsonObject(whole)) {
    for (const [key, child] of Object.entries(whole)) {
      const { [key]: _gone, ...rest } = whole;
      yield rest;
      yield { ...whole, [key]: other };
      for (const changed of partsChanged(child, other)) yield { ...whole, [key]: changed };
    }
  }
}

test('the same document again is accepted whether or not it is valid, and a valid one always is', () => {
  fc.assert(
    fc.property(schema, document, document, (given, before, after) => {
      const rules = createSchemaRules(given);
      expect(isAccepted(rules, before, before)).toBe(true);
      const isValid = isAccepted(createSchemaRules({ properties: { v: given } }), {}, { v: after });
      expect([before, after, isValid && !isAccepted(rules, before, after)]).toEqual([before, after, false]);
    }),
    { numRuns: 150 },
  );
});

test('a part that the schema forbids becomes nothing else that it forbids', () => {
  // Each part of the value is forbidden by itself, so that any other value in its place is wrong again.
  const forbidding = fc.constantFrom<JsonObject[]>(
    { additionalProperties: false },
    { unevaluatedProperties: false },
    { propertyNames: false },
    { patternProperties: { '': false } },
    { properties: { a: false, b: false, c: false, kind: false } },
    { additionalProperties: { not: {} } },
    { additionalProperties: { enum: ['never'] } },
    { additionalProperties: { allOf: [{ const: 'never' }] } },
    { additionalProperties: { anyOf: [{ const: 'never' }, { type: 'string', const: 'none' }] } },
  );
  fc.assert(
    fc.property(forbidding, document, scalar, (given, before, other) => {
      const rules = createSchemaRules(given);
      const changes = [...partsChanged(before, other)].filter(isJsonObject);
      const isRemoval = (after: JsonObject) =>
        Object.keys(after).every((key) => JSON.stringify(after[key]) === JSON.stringify(before[key]));
      const wrong = changes.filter((after) => isAccepted(rules, before, after) !== isRemoval(after));
      expect([given, before, wrong]).toEqual([given, before, []]);
    }),
    { numRuns: 150 },
  );
});
