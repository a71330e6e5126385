/** Patches that mean harm: to the objects of this process, to its time, to what may be stored. */
import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../../support/problem.ts';
import { openScene } from '../../support/scene.ts';
import { notApplicable, notStorable, patch, refusalOf, testFailed, tooLarge } from './patching.ts';

const { person } = await openScene();
const DOCUMENT = { object: {}, list: [1], text: 'abc', number: 7 };

describe('a name of the language in a path', () => {
  test.each(
    ['__proto__', 'constructor', 'prototype'].flatMap((name) => [
      { op: 'add', path: `/${name}`, value: {} },
      { op: 'add', path: `/${name}/polluted`, value: 1 },
      { op: 'add', path: `/object/${name}/polluted`, value: 1 },
      { op: 'add', path: `/list/${name}/polluted`, value: 1 },
      { op: 'add', path: `/text/${name}/polluted`, value: 1 },
      { op: 'replace', path: `/${name}`, value: 1 },
      { op: 'remove', path: `/object/${name}` },
      { op: 'copy', from: '/list', path: `/object/${name}` },
      { op: 'move', from: '/list', path: `/${name}/polluted` },
    ]),
  )('%j is refused and reaches no prototype', async (operation) => {
    const jane = await person(DOCUMENT);
    const response = await patch(jane, [operation]);
    expect(response.status).toBe(422);
    expect(jane.user.patches).toEqual([]);
    expect(['polluted' in {}, 'polluted' in [], 'polluted' in Object]).toEqual([false, false, false]);
  });

  test.each(
    [
      '/__proto__',
      '/object/__proto__',
      '/constructor/prototype',
      '/list/constructor',
      '/toString',
      '/list/push',
      '/text/length',
    ].flatMap((from) => [
      { op: 'copy', from, path: '/new' },
      { op: 'move', from, path: '/new' },
    ]),
  )('%j copies nothing that is inherited', async (operation) => {
    const jane = await person(DOCUMENT);
    expect(await refusalOf(jane, [operation])).toEqual(notApplicable(operation.from));
  });

  test('is no key to test', async () => {
    const jane = await person(DOCUMENT);
    expect(await refusalOf(jane, [{ op: 'test', path: '/toString', value: {} }])).toEqual(
      testFailed('/toString'),
    );
  });
});

/** Functions that everything in this process shares, and paths that would lead to them through inheritance. */
const SHARED: ReadonlyArray<readonly [path: string, owner: object, name: string]> = [
  ['/missing/toString', Object.prototype, 'toString'],
  ['/object/hasOwnProperty', Object.prototype, 'hasOwnProperty'],
  ['/list/push', Array.prototype, 'push'],
  ['/list/0/toFixed', Number.prototype, 'toFixed'],
  ['/text/slice', String.prototype, 'slice'],
  ['/number/toFixed', Number.prototype, 'toFixed'],
];

/** Whether the shared function has got a property, which is taken from it again. */
function wasPolluted(owner: object, name: string): boolean {
  const shared: unknown = Reflect.get(owner, name);
  if (typeof shared !== 'function' || !Object.hasOwn(shared, 'polluted')) return false;
  return Reflect.deleteProperty(shared, 'polluted');
}

describe('an inherited function in the middle of a path', () => {
  test.each(SHARED)('%s takes no property', async (path, owner, name) => {
    const jane = await person(DOCUMENT);
    const answers = [
      await patch(jane, [{ op: 'add', path: `${path}/polluted`, value: 1 }]),
      await patch(jane, [{ op: 'copy', from: '/text', path: `${path}/polluted` }]),
      await patch(jane, [{ op: 'move', from: '/text', path: `${path}/polluted` }]),
      await patch(jane, [
        { op: 'add', path: '/object', value: { fresh: true } },
        { op: 'add', path: '/object/toString/polluted', value: 1 },
      ]),
    ];
    expect([wasPolluted(owner, name), wasPolluted(Object.prototype, 'toString')]).toEqual([false, false]);
    expect(answers.map(({ status }) => status)).toEqual([422, 422, 422, 422]);
    expect(jane.user.patches).toEqual([]);
  });
});

describe('a value that holds names of the language', () => {
  test.each([
    ['add', '[{"op":"add","path":"/a","value":{"b":{"__proto__":{"polluted":1}}}}]', '/a/b/__proto__'],
    ['replace', '[{"op":"replace","path":"/object","value":{"__proto__":1}}]', '/object/__proto__'],
    ['add to a list', '[{"op":"add","path":"/list/-","value":{"constructor":1}}]', '/list/1/constructor'],
    ['replace the whole', '[{"op":"replace","path":"","value":{"__proto__":{"a":1}}}]', '/__proto__'],
  ])('is refused by %s, not dropped in silence', async (_name, body, pointer) => {
    const jane = await person(DOCUMENT);
    expect(await refusalOf(jane, body)).toEqual(notStorable(pointer));
    expect('polluted' in {}).toBe(false);
  });

  test('equals only what has them too', async () => {
    const jane = await person(DOCUMENT);
    const body = '[{"op":"test","path":"/object","value":{"__proto__":1}}]';
    expect(await refusalOf(jane, body)).toEqual(testFailed('/object'));
  });
});

const deep = (levels: number): unknown => (levels === 0 ? 1 : { a: deep(levels - 1) });
const add = (index: number) => ({ op: 'add', path: `/k${index % 50}`, value: index });

describe('bounds', () => {
  test('a thousand operations are applied', async () => {
    const jane = await person({});
    const response = await patch(
      jane,
      Array.from({ length: 1000 }, (_, index) => add(index)),
    );
    expect([response.status, jane.user.patches.length]).toEqual([200, 1]);
  });

  test('one more is refused', async () => {
    const jane = await person({});
    const operations = Array.from({ length: 1001 }, (_, index) => add(index));
    expect(await refusalOf(jane, operations)).toEqual(notApplicable(''));
  });

  test.each([
    ['the whole', { op: 'copy', from: '', path: '/a' }, { pointer: '/a', code: 'too_deep' }],
    [
      'a list into itself',
      { op: 'copy', from: '/list', path: '/list/-' },
      { pointer: '', code: 'too_large' },
    ],
    ['a text', { op: 'copy', from: '/list/0', path: '/list/-' }, { pointer: '', code: 'too_large' }],
  ])('copies that multiply %s end at the limit of the document', async (_name, operation, fault) => {
    const jane = await person({ list: ['x'.repeat(100)] });
    const response = await patch(
      jane,
      Array.from({ length: 1000 }, () => operation),
    );
    await expectProblem(response, 413, 'metadata_too_large', { errors: [fault] });
    expect(jane.user.patches).toEqual([]);
  });

  test('what the tenant holds beyond any limit can still be made smaller', async () => {
    const jane = await person({ large: 'x'.repeat(60_000), small: 1 });
    const response = await patch(jane, [{ op: 'remove', path: '/large' }]);
    expect([response.status, jane.user.stored]).toEqual([200, { small: 1 }]);
  });

  test.each<[string, unknown]>([
    ['add', { op: 'add', path: '/new', value: deep(10) }],
    ['copy', { op: 'copy', from: '/deep', path: '/object/new' }],
    ['move', { op: 'move', from: '/deep', path: '/object/new' }],
  ])('%s makes no document deeper than the limit', async (_name, operation) => {
    const jane = await person({ deep: deep(9), object: {} });
    const response = await patch(jane, [operation]);
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({
      code: 'metadata_too_large',
      errors: [{ code: 'too_deep' }],
    });
    expect(jane.user.patches).toEqual([]);
  });

  test.each([
    ['more bytes than the limit', [{ op: 'add', path: '/a', value: 'x'.repeat(8192) }]],
    [
      'more keys than the limit',
      Array.from({ length: 101 }, (_, index) => ({ op: 'add', path: `/k${index}`, value: 1 })),
    ],
  ])('%s are refused', async (_name, operations) => {
    const jane = await person({});
    expect(await refusalOf(jane, operations)).toEqual(tooLarge(''));
  });

  test.each(['[{"op":"add","path":"/a","value":1e999}]', '[{"op":"replace","path":"/a","value":-1e999}]'])(
    'a number that JSON cannot hold is not stored as null: %s',
    async (body) => {
      const jane = await person({ a: 1 });
      expect(await refusalOf(jane, body)).toEqual(notStorable('/0/value'));
    },
  );

  test('a name that the tenant holds already is no hindrance to a change beside it', async () => {
    const jane = await person({ a: { 'x.y': 1, b: 1 } });
    const response = await patch(jane, [{ op: 'replace', path: '/a/b', value: 2 }]);
    expect([response.status, jane.user.stored]).toEqual([200, { a: { 'x.y': 1, b: 2 } }]);
  });
});
