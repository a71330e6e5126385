/** No document and no schema keeps the service busy: the work grows with the document, and ends at a bound. */
import { describe, expect, test } from '@jest/globals';
import { AppError } from '../../../src/lib/app-error.ts';
import type { JsonObject, JsonValue } from '../../../src/lib/json.ts';
import { createSchemaRules, getIntroducedViolations } from '../../../src/metadata/schema-rules.ts';
import { createEvaluation } from '../../../src/metadata/schema/evaluation.ts';
import { isUrl, loadSchema } from '../../../src/metadata/schema/load.ts';

type Sized = (size: number) => JsonValue;

const repeat = (count: number, make: (position: number) => JsonValue) =>
  Array.from({ length: count }, (_, position) => make(position));
const nest = (levels: number, leaf: JsonValue): JsonValue =>
  repeat(levels, () => null).reduce((inner) => ({ c: inner }), leaf);
const branch = (name: string): JsonObject => ({
  type: 'object',
  properties: { c: { $ref: '#/$defs/node' } },
  required: [name],
});
const recursive = (keyword: string): JsonObject => ({
  $defs: { node: { [keyword]: [branch('x'), branch('y'), branch('z')] } },
  properties: { v: { $ref: '#/$defs/node' } },
});
const at = (rule: JsonObject): JsonObject => ({ properties: { v: rule } });
const objects = (count: number) => repeat(count, (position) => ({ a: position }));

/** A schema, what is stored, and what it is to become, for any size. */
type Row = readonly [name: string, schema: JsonObject, before: Sized, after: Sized];

const ROWS: readonly Row[] = [
  [
    'a list of wrong items, of which all were wrong before',
    at({ items: { type: 'string' } }),
    (n) => repeat(n, () => 1),
    (n) => repeat(n + 1, () => 1),
  ],
  [
    'a list of wrong items that have all become others',
    at({ items: { type: 'string' } }),
    (n) => repeat(n, () => 1),
    (n) => repeat(n, () => 2),
  ],
  ['distinct objects where items must be unique', at({ uniqueItems: true }), () => [], objects],
  [
    'equal objects where items must be unique',
    at({ uniqueItems: true }),
    () => [],
    (n) => repeat(n, () => ({})),
  ],
  [
    'items that no branch fits',
    at({ items: { oneOf: [{ type: 'string' }, { required: ['b'] }, { const: 1 }] } }),
    objects,
    (n) => repeat(n, (i) => ({ a: i, c: 1 })),
  ],
  [
    'items that must not be what they are',
    at({ items: { not: { required: ['a'] } } }),
    objects,
    (n) => repeat(n, (i) => ({ a: i, b: 1 })),
  ],
  [
    'items of which too many match',
    at({ contains: { required: ['a'] }, maxContains: 1 }),
    objects,
    (n) => repeat(n, (i) => ({ a: i, b: 1 })),
  ],
  ['a nest of anyOf', recursive('anyOf'), (n) => nest(n / 10, {}), (n) => nest(n / 10, { q: 1 })],
  ['a nest of oneOf', recursive('oneOf'), (n) => nest(n / 10, {}), (n) => nest(n / 10, { q: 1 })],
  [
    'names that no pattern matches',
    at({ patternProperties: { '(a|aa)+$': false }, additionalProperties: false }),
    () => ({}),
    (n) => Object.fromEntries(repeat(n, (i) => `key${String(i)}`).map((name) => [name, 1])),
  ],
];

function spentOn(schema: JsonObject, before: JsonValue, after: JsonValue): number {
  let spent = 0;
  const evaluation = createEvaluation({ spend: (units) => void (spent += units) });
  const { createRoot } = evaluation.places;
  getIntroducedViolations(
    loadSchema(schema).root,
    createRoot({ v: before }),
    createRoot({ v: after }),
    evaluation,
  );
  return spent;
}

function outcomeOf(schema: JsonObject, before: JsonObject, after: JsonObject): readonly string[] {
  try {
    createSchemaRules(schema).assertChange(before, after);
    return [];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.extras.errors?.map(({ code }) => code) ?? [];
  }
}

describe('the work grows no faster than the document:', () => {
  test.each(ROWS)('%s', (_name, schema, before, after) => {
    const small = spentOn(schema, before(200), after(200));
    expect(small).toBeGreaterThan(20);
    expect(spentOn(schema, before(400), after(400))).toBeLessThan(2.3 * small);
  });

  test('a schema that applies another one twice, forty times over', () => {
    const names = repeat(40, (position) => `d${String(position)}`).map(String);
    const $defs = Object.fromEntries(
      names.map((name, position) => {
        const next = { $ref: `#/$defs/${names[position + 1] ?? ''}` };
        return [name, position === 39 ? { type: 'string' } : { allOf: [next, next] }];
      }),
    );
    expect(spentOn({ $defs, properties: { v: { $ref: '#/$defs/d0' } } }, 1, 2)).toBeLessThan(5_000);
  });
});

describe('the work ends at a bound', () => {
  const required = repeat(500, (position) => `p${String(position)}`).map(String);
  const wide = at({
    items: { type: 'object', required, properties: Object.fromEntries(required.map((name) => [name, {}])) },
  });

  test('for a schema that finds hundreds of thousands of old faults', () => {
    const [before, after] = [repeat(2700, () => ({})), repeat(2700, () => ({ a: 1 }))];
    expect(outcomeOf(wide, { v: before }, { v: after })).toEqual(['too_complex']);
  });

  test('for a pattern with thousands of states and a long text', () => {
    const text = `${'ab'.repeat(4000)}!`;
    expect(outcomeOf(at({ pattern: '(a|b)*a(a|b){900}$' }), {}, { v: text })).toEqual(['too_complex']);
    expect(outcomeOf(at({ pattern: '(a|b)*a(a|b){900}$', maxLength: 100 }), {}, { v: text })).toEqual([
      'maxLength',
    ]);
  });

  test('for stored data that nests deeper than the stack reaches', () => {
    const schema = { properties: { c: { $ref: '#' } }, additionalProperties: false };
    expect(outcomeOf(schema, {}, { c: nest(20_000, { x: 1 }) })).toEqual(['too_complex']);
  });

  test('and not before: a document of the largest size is judged', () => {
    const list = repeat(2700, (position) => position % 10);
    const item = {
      allOf: [{ type: 'integer' }, { minimum: 0 }, { anyOf: [{ maximum: 5 }, { maximum: 10 }] }],
    };
    expect(outcomeOf(at({ items: item }), { v: list }, { v: [...list, 11] })).toEqual(['anyOf']);
  });
});

test('at most 50 faults are told', () => {
  expect(outcomeOf(at({ items: false }), {}, { v: repeat(2700, () => 1) })).toHaveLength(50);
});

describe('an address (url)', () => {
  test.each([
    'https://example.com',
    'http://sub.example.co.uk:8080/a/b?c=d#e',
    'ftp://user:secret@example.org/file',
    'https://b\u00fccher.example',
    'https://142.42.1.1/',
    'https://example.com?x=1',
  ])('%s is one', (text) => {
    expect(isUrl(text)).toBe(true);
  });

  test.each([
    '',
    'example.com',
    '//example.com',
    'mailto:jane@example.com',
    'javascript:alert(1)',
    'http://localhost',
    'http://10.1.1.1',
    'http://192.168.0.1',
    'http://172.20.0.1',
    'http://1.2.3',
    'http://256.1.1.1',
    'http://-a.example.com',
    'http://a b.example.com',
    'http://example.com:x',
    'http://.com',
    'http://[::1]/',
    'http://example.c',
    `http://a@${'::'.repeat(4000)}\n`,
    `http://${'a.'.repeat(4000)}`,
  ])('%s is none', (text) => {
    expect(isUrl(text)).toBe(false);
  });
});
