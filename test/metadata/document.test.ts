import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { JsonObject, JsonValue } from '../../src/lib/json.ts';
import { assertBounded, assertStorableChange, assertWithinLimits } from '../../src/metadata/document.ts';
import { appErrorThrownBy } from '../lib/rejection.ts';
import { LIMITS } from './rules.ts';

const LONE = '\ud800';

async function faultsIn(document: JsonObject, before: JsonObject = {}): Promise<string[]> {
  const error = await appErrorThrownBy(() => assertStorableChange(before, document));
  expect(error.code).toBe('metadata_invalid');
  return (error.extras.errors ?? []).map(({ pointer, code }) => `${pointer} ${code}`);
}

describe('a document', () => {
  test.each<JsonObject>([
    {},
    { a: null, b: [1, 'x', { c: [[]] }], 'ünï-code 🙂': true, 'a/b~c': 1, ' ': 1, hasOwnProperty: 1 },
    { a: [1e308, -0, 0.1] },
  ])('like %j can be stored', (document) => {
    expect(() => assertStorableChange({}, document)).not.toThrow();
  });

  test.each<[string, string]>([
    ['{"":1}', '/ name_empty'],
    ['{"__proto__":1}', '/__proto__ name_reserved'],
    ['{"constructor":1}', '/constructor name_reserved'],
    ['{"prototype":1}', '/prototype name_reserved'],
    ['{"a.b":1}', '/a.b name_forbidden'],
    ['{"$a":1}', '/$a name_forbidden'],
    ['{"a":{"b":[0,{"x.y":1}]}}', '/a/b/1/x.y name_forbidden'],
    ['{"a/b~c":{"":1}}', '/a~1b~0c/ name_empty'],
    ['{"a":"\\ud800"}', '/a text_not_unicode'],
    ['{"a":["x","\\udc00x"]}', '/a/1 text_not_unicode'],
    ['{"\\ud800":1}', '/\ufffd text_not_unicode'],
    ['{"a":1e999}', '/a number_too_large'],
    ['{"a":[-1e999]}', '/a/0 number_too_large'],
  ])('like %s is refused at the place of its fault, and accepted where it is stored', async (text, fault) => {
    const document: JsonObject = JSON.parse(text);
    const stored: JsonObject = JSON.parse(text);
    expect(await faultsIn(document)).toEqual([fault]);
    expect(() => assertStorableChange(stored, { ...document, more: 1 })).not.toThrow();
  });

  test('is told every fault at once, and a hostile one no more than fifty', async () => {
    expect(await faultsIn({ 'a.b': LONE, $c: { '': 1 } })).toEqual([
      '/a.b name_forbidden',
      '/a.b text_not_unicode',
      '/$c name_forbidden',
      '/$c/ name_empty',
    ]);
    const hostile = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`k.${index}`, 1]));
    expect(await faultsIn(hostile)).toHaveLength(50);
  });

  test('is refused by a pointer that leads to the fault, whatever the names on the way', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('a', 'b/c', 'd~e', '~1', '0'), { minLength: 1, maxLength: 5 }),
        async (path) => {
          const document = path.reduceRight<JsonObject>((child, key) => ({ [key]: child }), { '': 1 });
          const pointer = path.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
          expect(await faultsIn(document)).toEqual([`${pointer}/ name_empty`]);
        },
      ),
    );
  });
});

const item = (id: number): JsonObject => ({ 'x.y': id });

describe('what others have stored under names of their own', () => {
  const before = { list: [{ plain: 0 }, item(1), item(2)], 'a.b': { '': 'deep' }, text: LONE };

  test('may be written back, changed beside it, and moved up within its list', () => {
    const copy: JsonObject = JSON.parse(JSON.stringify(before));
    for (const after of [
      copy,
      { ...copy, more: 1 },
      { ...copy, 'a.b': { '': 'changed' } },
      { ...copy, list: [item(1), item(2)] },
      { ...copy, list: [item(7)] },
    ]) {
      expect(() => assertStorableChange(before, after)).not.toThrow();
    }
  });

  test('does not excuse the same name at another place, nor once more', async () => {
    expect(await faultsIn({ ...before, more: item(1) }, before)).toEqual(['/more/x.y name_forbidden']);
    expect(await faultsIn({ ...before, list: [item(9), ...before.list] }, before)).toEqual([
      '/list/0/x.y name_forbidden',
    ]);
    expect(await faultsIn({ ...before, list: [{ 'p.q': 1 }] }, before)).toEqual([
      '/list/0/p.q name_forbidden',
    ]);
    expect(await faultsIn({ ...before, text: `${LONE}x` }, before)).toEqual(['/text text_not_unicode']);
  });

  test('may stand elsewhere as long as it is the very same value', () => {
    expect(() => assertStorableChange(before, { moved: before.list, again: before['a.b'] })).not.toThrow();
  });

  test('may lose its name, at any depth', () => {
    expect(() => assertStorableChange(before, { list: [{}, {}, {}] })).not.toThrow();
  });
});

const bounded = (body: JsonValue) => appErrorThrownBy(() => assertBounded(body, LIMITS));

describe('a body', () => {
  test('may nest ten levels, itself the first, and no deeper', async () => {
    const nested = (levels: number): JsonValue => (levels === 1 ? {} : { a: nested(levels - 1) });
    expect(() => assertBounded(nested(10), LIMITS)).not.toThrow();
    const error = await bounded(nested(11));
    expect([error.code, error.extras.errors?.[0]?.pointer]).toEqual(['metadata_too_large', '/a'.repeat(10)]);
    const lists = JSON.parse(`{"a":${'['.repeat(10)}${']'.repeat(10)}}`);
    expect((await bounded(lists)).code).toBe('metadata_too_large');
  });

  test('that nests a hundred thousand levels is refused like any other', async () => {
    let deep: JsonValue = 1;
    for (let level = 0; level < 100_000; level += 1) deep = [deep];
    expect((await bounded(deep)).code).toBe('metadata_too_large');
  });

  test('has no object with more members than the limit, those that it removes included', async () => {
    const nulls = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`k${index}`, null]));
    const error = await bounded({ a: [nulls] });
    expect(error.extras.errors).toEqual([
      expect.objectContaining({ pointer: '/a/0', code: 'too_many_keys' }),
    ]);
  });
});

const text = (length: number): JsonObject => ({ a: 'x'.repeat(length) });
const keys = (count: number): JsonObject =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [String(index), 1]));

describe('the limits', () => {
  const limits = { maxBytes: 20, maxKeys: 3, maxDepth: 10 };
  const refusal = (before: JsonObject, after: JsonObject, chosen = limits) =>
    appErrorThrownBy(() => assertWithinLimits(before, after, chosen));

  test('let a document grow up to the last byte, counted in UTF-8', async () => {
    expect(() => assertWithinLimits({}, text(12), limits)).not.toThrow();
    expect(() => assertWithinLimits({}, { a: '🙂🙂🙂' }, limits)).not.toThrow();
    expect((await refusal({}, text(13))).code).toBe('metadata_too_large');
    expect((await refusal({}, { a: '🙂🙂🙂é' })).extras.errors).toEqual([
      expect.objectContaining({ pointer: '', code: 'too_large' }),
    ]);
  });

  test('let a stored document beyond them shrink or stay, and not grow', async () => {
    expect(() => assertWithinLimits(text(50), text(40), limits)).not.toThrow();
    expect(() => assertWithinLimits(text(50), { b: 'y'.repeat(50) }, limits)).not.toThrow();
    expect((await refusal(text(50), text(51))).code).toBe('metadata_too_large');
  });

  const wide = { ...limits, maxBytes: 10_000 };

  test('count the keys of each object, wherever it stands', async () => {
    expect(() => assertWithinLimits({}, { a: keys(3), b: [keys(3)] }, wide)).not.toThrow();
    const pointers = await Promise.all(
      [keys(4), { a: keys(4) }, { a: [1, keys(4)] }].map(
        async (after) => (await refusal({}, after, wide)).extras.errors?.[0],
      ),
    );
    expect(pointers.map((fault) => `${fault?.pointer} ${fault?.code}`)).toEqual([
      ' too_many_keys',
      '/a too_many_keys',
      '/a/1 too_many_keys',
    ]);
  });

  test('let an object that has too many keys lose some or keep as many', async () => {
    expect(() => assertWithinLimits({ a: keys(9) }, { a: keys(8) }, wide)).not.toThrow();
    expect(() => assertWithinLimits({ a: keys(9) }, { a: keys(9), b: 1 }, wide)).not.toThrow();
    expect((await refusal({ a: keys(9) }, { a: keys(10) }, wide)).code).toBe('metadata_too_large');
  });

  test('let a crowded object move up within its list', () => {
    const before = { a: [keys(1), keys(9)] };
    expect(() => assertWithinLimits(before, { a: [keys(9)] }, wide)).not.toThrow();
  });

  test('hold a second crowded object against the caller, although the first was stored before', async () => {
    expect((await refusal({ a: keys(9) }, { a: keys(9), b: keys(9) }, wide)).code).toBe('metadata_too_large');
  });
});
