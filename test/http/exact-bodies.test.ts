/** Bodies that would be stored otherwise than they are written: refused, each place by its pointer within the body. */
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { findInexactJson } from '../../src/http/body.ts';
import type { JsonValue } from '../../src/lib/json.ts';
import { jsonValue } from '../metadata/json-arbitrary.ts';
import { expectProblem } from '../support/problem.ts';
import { openScene } from '../support/scene.ts';

const { person, managementCalls } = await openScene();
const JSON_TYPE = { 'content-type': 'application/json' };
const JSON_PATCH = { 'content-type': 'application/json-patch+json' };

/** Numbers as texts, and what is wrong with each. */
const NUMBERS = [
  ['9007199254740993', 'number_not_exact'],
  ['-9007199254740993', 'number_not_exact'],
  ['9007199254740993.0', 'number_not_exact'],
  ['9007199254740993e1', 'number_not_exact'],
  ['12345678901234567890', 'number_not_exact'],
  ['9223372036854775808', 'number_not_exact'],
  ['1e-400', 'number_not_exact'],
  ['-1e-400', 'number_not_exact'],
  [`0.${'0'.repeat(400)}1`, 'number_not_exact'],
  ['1e999', 'number_too_large'],
  ['-1e999', 'number_too_large'],
  ['1e99999999999999999999', 'number_too_large'],
] as const;

/** Numbers that are kept, or merely rounded as fractions are everywhere. */
const KEPT = [
  '0',
  '-0',
  '0.0',
  '0e-400',
  '1.0',
  '1E+2',
  '1e300',
  '9007199254740991',
  '9007199254740992',
  '100000000000000000000',
  '1.7976931348623157e308',
  '5e-324',
  '4.9e-324',
  '0.1',
  '0.10000000000000001',
  '3.14159265358979323846',
] as const;

describe('a number', () => {
  test.each(NUMBERS)('written %s is refused as %s wherever it stands', async (number, code) => {
    const jane = await person({ a: 1 });
    const bodies = [
      ['PATCH', '', `{"b":{"c":[1,${number}]}}`, JSON_TYPE, '/b/c/1'],
      ['PATCH', '', `[{"op":"test","path":"/a","value":${number}}]`, JSON_PATCH, '/0/value'],
      ['PUT', '', `{"b":${number}}`, JSON_TYPE, '/b'],
      ['PUT', '/b', number, JSON_TYPE, ''],
    ] as const;
    for (const [method, path, body, headers, pointer] of bodies) {
      await expectProblem(await jane.ask(method, path, { body, headers }), 422, 'metadata_invalid', {
        errors: [{ pointer, code }],
      });
    }
    expect(managementCalls()).toBe(0);
  });

  test.each(KEPT)('written %s is stored', async (number) => {
    const jane = await person({});
    const response = await jane.ask('PUT', '/a', { body: ` ${number}\n`, headers: JSON_TYPE });
    expect(response.status).toBe(200);
    expect(jane.user.stored).toEqual({ a: Number(number) + 0 });
  });
});

describe('an object', () => {
  test.each([
    ['twice at the root', '{"a":1,"b":2,"a":1}', ['/a']],
    ['twice by another spelling', String.raw`{"a":1,"\u0061":2}`, ['/a']],
    ['three times', '{"a":1,"a":2,"a":3}', ['/a', '/a']],
    ['twice below a list', '{"x/y":[0,{"~":1,"~":2}]}', ['/x~1y/1/~0']],
    ['twice with objects between', '{"a":{"a":1},"b":[{"a":2}],"a":3}', ['/a']],
    ['twice although it is empty', '{"":1,"":2}', ['/']],
  ])('with a member %s is refused', async (_name, body, pointers) => {
    const jane = await person({});
    const errors = pointers.map((pointer) => ({ pointer, code: 'name_duplicate' }));
    for (const method of ['PATCH', 'PUT']) {
      const response = await jane.ask(method, '', { body, headers: JSON_TYPE });
      await expectProblem(response, 422, 'metadata_invalid', { errors });
    }
    expect(managementCalls()).toBe(0);
  });

  test('may have the same name in each of its members, and as a value', async () => {
    const body = '{"a":{"a":"a"},"b":{"a":["a","a"]},"c":[{"a":1},{"a":1}]}';
    const jane = await person({});
    expect((await jane.ask('PUT', '', { body, headers: JSON_TYPE })).status).toBe(200);
    expect(jane.user.stored).toEqual(JSON.parse(body));
  });
});

describe('what the check finds', () => {
  test('is nothing in any text that JSON.stringify writes, whatever the white space', () => {
    fc.assert(
      fc.property(fc.oneof(jsonValue, fc.jsonValue()), fc.constantFrom(0, 1, '\t'), (value, space) => {
        expect(findInexactJson(JSON.stringify(value, null, space))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test('is every duplicate, at the place where a naive reading sees it', () => {
    const entries = fc.array(fc.tuple(fc.constantFrom('a', 'b', '~', '/'), jsonValue), { maxLength: 6 });
    fc.assert(
      fc.property(entries, (members) => {
        const text = `{${members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join()}}`;
        const names = members.map(([name]) => name);
        const duplicates = names.filter((name, index) => names.indexOf(name) < index);
        expect(findInexactJson(text).map(({ pointer }) => pointer)).toEqual(
          duplicates.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`),
        );
      }),
    );
  });

  test('is, for integers of any length, exactly what JSON.parse and JSON.stringify do not keep', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), (integer) => {
        const kept: JsonValue = JSON.parse(String(integer));
        const isKept = BigInt(Number(kept).toLocaleString('fullwide', { useGrouping: false })) === integer;
        expect(findInexactJson(String(integer)).length === 0).toBe(isKept);
      }),
      { numRuns: 1000 },
    );
  });

  test('is at most fifty errors, at any depth and without recursion', () => {
    expect(findInexactJson(`[${Array.from({ length: 200 }, () => '1e999').join()}]`)).toHaveLength(50);
    expect(findInexactJson(`${'['.repeat(50_000)}1e999${']'.repeat(50_000)}`)).toHaveLength(1);
  });
});

test('a body that nests very deeply is refused as too deep before anything else reads it', async () => {
  const jane = await person({});
  const body = `${'['.repeat(50_000)}1e999${']'.repeat(50_000)}`;
  const patch = `[{"op":"test","path":"","value":${body}}]`;
  await expectProblem(
    await jane.ask('PUT', '/key', { body, headers: JSON_TYPE }),
    413,
    'metadata_too_large',
    {
      errors: [{ pointer: '/0'.repeat(10), code: 'too_deep' }],
    },
  );
  await expectProblem(
    await jane.ask('PATCH', '', { body: patch, headers: JSON_PATCH }),
    413,
    'metadata_too_large',
    {
      errors: [{ pointer: `/0/value${'/0'.repeat(8)}`, code: 'too_deep' }],
    },
  );
  expect(managementCalls()).toBe(0);
});
