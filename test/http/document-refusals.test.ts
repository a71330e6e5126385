import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../support/problem.ts';
import { openScene, type Person } from '../support/scene.ts';

const { person, managementCalls } = await openScene();
const spacious = await openScene({ env: { USER_METADATA_MAX_BYTES: '500000' } });
const JSON_TYPE = { 'content-type': 'application/json' };

async function send(who: Person, method: string, body: string): Promise<Response> {
  return who.ask(method, '', { body, headers: JSON_TYPE });
}

const nested = (levels: number): string => `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`;
const keys = (count: number): Record<string, number> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, index]));

const nulls = (count: number): Record<string, null> =>
  Object.fromEntries(Object.keys(keys(count)).map((key) => [key, null]));

/** What no document can hold, whatever is stored. */
const HOPELESS = [
  ['a list at the root', '[]', ['']],
  ['a string at the root', '"text"', ['']],
  ['a number at the root', '7', ['']],
  ['null at the root', 'null', ['']],
  ['a number that JSON cannot hold', '{"a":{"b":1e999}}', ['/a/b']],
  ['the same at the first level', '{"a":-1e999}', ['/a']],
] as const;

/** What may stay where it is stored, but not be added. */
const UNSTORABLE = [
  ['__proto__', '{"__proto__":{"admin":true}}', ['/__proto__']],
  ['__proto__ below', '{"a":[{"__proto__":1}]}', ['/a/0/__proto__']],
  ['constructor', '{"constructor":{"prototype":1}}', ['/constructor', '/constructor/prototype']],
  ['prototype', '{"a":{"prototype":0}}', ['/a/prototype']],
  ['__proto__ in disguise', String.raw`{"\u005f_proto__":1}`, ['/__proto__']],
  ['a dot', '{"a.b":1}', ['/a.b']],
  ['a dollar', '{"a":{"$set":1}}', ['/a/$set']],
  ['an empty name', '{"":1}', ['/']],
  ['an empty name below', '{"a":{"":0}}', ['/a/']],
  ['a lone surrogate in a name', String.raw`{"\ud800":1}`, ['/\ufffd']],
  ['a lone surrogate in a value', String.raw`{"a":["ok","\udc00"]}`, ['/a/1']],
  ['names that a pointer must escape', '{"a/b":{"c~d":{"e.f":1}}}', ['/a~1b/c~0d/e.f']],
  [
    'several faults at once',
    String.raw`{"ok":1,"a.b":1,"deep":{"$x":{"":2}},"text":"\ud800"}`,
    ['/a.b', '/deep/$x', '/deep/$x/', '/text'],
  ],
] as const;

describe.each(['PATCH', 'PUT'])('%s refuses, without a call to the tenant,', (method) => {
  test.each(HOPELESS)('%s as metadata_invalid', async (_name, body, pointers) => {
    const jane = await person({ a: 1 });
    await expectProblem(await send(jane, method, body), 422, 'metadata_invalid', {
      errors: pointers.map((pointer) => ({ pointer })),
    });
    expect(managementCalls()).toBe(0);
  });

  test.each([
    ['nesting of 11 levels', nested(11), '/a'.repeat(10)],
    ['lists of 11 levels', `{"a":${'['.repeat(10)}${']'.repeat(10)}}`, `/a${'/0'.repeat(9)}`],
    ['101 keys', JSON.stringify(keys(101)), ''],
    ['101 keys below', JSON.stringify({ a: { 'b/c': keys(101) } }), '/a/b~1c'],
    ['101 keys to remove', JSON.stringify({ a: nulls(101) }), '/a'],
    ['more bytes than the limit', JSON.stringify({ a: 'x'.repeat(8192) }), ''],
    ['more bytes than the limit in few characters', JSON.stringify({ a: '✓'.repeat(2800) }), ''],
  ])('%s as metadata_too_large', async (_name, body, pointer) => {
    const jane = await person({ a: 1 });
    await expectProblem(await send(jane, method, body), 413, 'metadata_too_large', { errors: [{ pointer }] });
    expect(managementCalls()).toBe(0);
  });

  test.each([
    ['objects', nested(50_000), '/a'.repeat(10)],
    ['lists', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, `/a${'/0'.repeat(9)}`],
  ])('nesting of tens of thousands of %s, and survives', async (_name, body, pointer) => {
    const jane = await spacious.person({ a: 1 });
    await expectProblem(await send(jane, method, body), 413, 'metadata_too_large', {
      errors: [{ pointer }],
    });
    expect((await jane.ask('GET')).status).toBe(200);
    expect(jane.user.reads).toBe(1);
  });

  test.each([
    ['nesting of 10 levels', nested(10)],
    ['100 keys', JSON.stringify(keys(100))],
    ['the last byte of the limit', JSON.stringify({ a: 'x'.repeat(8192 - 8) })],
    ['numbers of every form', '{"a":[0,-0,1e3,1.5e-7,9007199254740991,-1]}'],
    ['text of every kind', String.raw`{"a":["\ud83d\ude00","\u0000","\u2028",""]}`],
    ['names like members of every object', '{"toString":1,"hasOwnProperty":2,"length":3,"valueOf":4}'],
  ])('but not %s', async (_name, body) => {
    const jane = await person({});
    const response = await send(jane, method, body);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(JSON.parse(body.replace('-0', '0')));
  });
});

describe.each(['PATCH', 'PUT'])('%s refuses, without a change at the tenant,', (method) => {
  test.each(UNSTORABLE)('%s as metadata_invalid', async (_name, body, pointers) => {
    const jane = await person({ a: 1 });
    await expectProblem(await send(jane, method, body), 422, 'metadata_invalid', {
      errors: pointers.map((pointer) => ({ pointer })),
    });
    expect(jane.user.patches).toEqual([]);
    expect(Object.hasOwn(Object.prototype, 'admin')).toBe(false);
  });
});

describe('limits of the whole document', () => {
  test('a patch that fits alone is refused when the result would not, after a read and without a PATCH', async () => {
    const jane = await person({ a: 'x'.repeat(5000) });
    await expectProblem(
      await jane.ask('PATCH', '', { json: { b: 'x'.repeat(5000) } }),
      413,
      'metadata_too_large',
      {
        errors: [{ pointer: '' }],
      },
    );
    expect([jane.user.reads, jane.user.patches]).toEqual([1, []]);
  });

  test('a key that fits alone is refused when the result would be too large or have too many keys', async () => {
    const jane = await person(keys(100));
    await jane.ask('GET');
    const one = { json: 1 };
    await expectProblem(await jane.ask('PUT', '/more', one), 413, 'metadata_too_large', {
      errors: [{ pointer: '' }],
    });
    const large = { json: 'x'.repeat(8000) };
    await expectProblem(await jane.ask('PUT', '/k0', large), 413, 'metadata_too_large', {
      errors: [{ pointer: '' }],
    });
    expect(jane.user.patches).toEqual([]);
  });

  test('PUT of a key counts members that are null like any other', async () => {
    const jane = await person({});
    await expectProblem(await jane.ask('PUT', '/a', { json: nulls(101) }), 413, 'metadata_too_large', {
      errors: [{ pointer: '/a', code: 'too_many_keys' }],
    });
    expect(managementCalls()).toBe(0);
  });

  test('a flat write is refused although an old copy left room', async () => {
    const jane = await person({});
    await jane.ask('GET');
    jane.user.stored = { elsewhere: 'x'.repeat(5000) };
    await expectProblem(
      await jane.ask('PATCH', '', { json: { a: 'x'.repeat(5000) } }),
      413,
      'metadata_too_large',
      { errors: [{ pointer: '', code: 'too_large' }] },
    );
    expect(jane.user.patches).toEqual([]);
  });

  test('what the tenant holds beyond the limits may shrink, and may not grow', async () => {
    const jane = await person({ a: 'x'.repeat(9000), b: 1 });
    expect((await jane.ask('PATCH', '', { json: { b: null } })).status).toBe(200);
    const grown = await jane.ask('PATCH', '', { json: { c: { d: 1 } } });
    await expectProblem(grown, 413, 'metadata_too_large', { errors: [{ pointer: '' }] });
    expect(jane.user.stored).toEqual({ a: 'x'.repeat(9000) });
  });

  test('an object with too many members is refused although another such object is stored already', async () => {
    const jane = await person({ a: keys(101), b: keys(100) });
    const response = await jane.ask('PATCH', '', { json: { b: { more: 1 } } });
    expect(jane.user.patches).toEqual([]);
    await expectProblem(response, 413, 'metadata_too_large', { errors: [{ pointer: '/b' }] });
  });

  test('USER_METADATA_MAX_BYTES sets the limit, and the quota header states it', async () => {
    const jane = await spacious.person({});
    const response = await jane.ask('PATCH', '', { json: { a: 'x'.repeat(200_000) } });
    expect(response.status).toBe(200);
    expect(response.headers.get('metadata-quota')).toBe('limit=500000, used=200008');
  });
});

test('a body with very many errors is answered with the first ones only', async () => {
  const jane = await person({});
  const json = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`$${index}`, 1]));
  const response = await jane.ask('PATCH', '', { json });
  expect(response.status).toBe(422);
  expect((await response.text()).length).toBeLessThan(10_000);
});
