/** Patches that cannot be applied: each refusal names the pointer, and nothing of the patch happens. */
import { describe, expect, test } from '@jest/globals';
import { openScene } from '../../support/scene.ts';
import { notApplicable, notStorable, patch, type Refusal, refusalOf, testFailed } from './patching.ts';
import { DOCUMENT, NO_PLACE, NOWHERE, OTHERS } from './targets.ts';

const { person, managementCalls } = await openScene();

describe('one operation that cannot be applied', () => {
  test.each(NOWHERE)('is any that looks for something at %s', async (path) => {
    const jane = await person(DOCUMENT);
    expect(await refusalOf(jane, [{ op: 'remove', path }])).toEqual(notApplicable(path));
    expect(await refusalOf(jane, [{ op: 'replace', path, value: 1 }])).toEqual(notApplicable(path));
    expect(await refusalOf(jane, [{ op: 'move', from: path, path: '/new' }])).toEqual(notApplicable(path));
    expect(await refusalOf(jane, [{ op: 'copy', from: path, path: '/new' }])).toEqual(notApplicable(path));
    expect(await refusalOf(jane, [{ op: 'test', path, value: null }])).toEqual(testFailed(path));
  });

  test.each(NO_PLACE)('is any that puts something at %s', async (path) => {
    const jane = await person(DOCUMENT);
    expect(await refusalOf(jane, [{ op: 'add', path, value: 1 }])).toEqual(notApplicable(path));
    expect(await refusalOf(jane, [{ op: 'copy', from: '/other', path }])).toEqual(notApplicable(path));
    expect(await refusalOf(jane, [{ op: 'move', from: '/other', path }])).toEqual(notApplicable(path));
  });

  test.each(OTHERS)('is %s', async (_name, operation, refusal) => {
    const jane = await person(DOCUMENT);
    expect(await refusalOf(jane, [operation])).toEqual(refusal);
  });

  test('leaves everything as it was, however many others succeed', async () => {
    const jane = await person(DOCUMENT);
    const operations = [
      { op: 'add', path: '/new', value: 1 },
      { op: 'remove', path: '/list/0' },
      { op: 'move', from: '/text', path: '/child/text' },
      { op: 'test', path: '/new', value: 2 },
      { op: 'remove', path: '/number' },
    ];
    expect(await refusalOf(jane, operations)).toEqual(testFailed('/new'));
    expect(await (await jane.ask('GET')).json()).toEqual(DOCUMENT);
  });

  test('says which operation it was', async () => {
    const jane = await person({ a: 1 });
    const response = await patch(jane, [
      { op: 'test', path: '/a', value: 1 },
      { op: 'remove', path: '/b' },
    ]);
    expect(await response.json()).toMatchObject({ detail: expect.stringContaining('1') });
  });

  test('A.13: is one with two members of one name, of which it is unclear which one counts', async () => {
    const jane = await person({ foo: 'bar' });
    const body = '[{"op":"add","path":"/baz","value":"qux","op":"remove"}]';
    expect(await refusalOf(jane, body)).toEqual(notStorable('/0/op'));
  });
});

describe('a body that is no JSON Patch', () => {
  const MALFORMED: ReadonlyArray<readonly [body: string, ...pointers: string[]]> = [
    ['{}', ''],
    ['{"op":"add","path":"/a","value":1}', ''],
    ['null', ''],
    ['"text"', ''],
    ['[1]', '/0'],
    ['[null]', '/0'],
    ['[[]]', '/0'],
    ['[{}]', '/0/op'],
    ['[{"op":"spam","path":"/a"}]', '/0/op'],
    ['[{"op":"ADD","path":"/a","value":1}]', '/0/op'],
    ['[{"op":"add","path":"/a"}]', '/0/value'],
    ['[{"op":"test","path":"/a"}]', '/0/value'],
    ['[{"op":"replace","path":"/a"}]', '/0/value'],
    ['[{"op":"remove"}]', '/0/path'],
    ['[{"op":"remove","path":null}]', '/0/path'],
    ['[{"op":"remove","path":["a"]}]', '/0/path'],
    ['[{"op":"remove","path":"a"}]', '/0/path'],
    ['[{"op":"remove","path":"/a~"}]', '/0/path'],
    ['[{"op":"remove","path":"/a~2b"}]', '/0/path'],
    ['[{"op":"remove","path":"#/a"}]', '/0/path'],
    ['[{"op":"move","path":"/a"}]', '/0/from'],
    ['[{"op":"copy","from":"a","path":"/b"}]', '/0/from'],
    ['[{"op":"test","path":"/a","value":1},{"op":"add","path":"b"}]', '/1/path', '/1/value'],
  ];

  test.each(MALFORMED)('%s is named by pointer, without a call to the tenant', async (body, ...pointers) => {
    const jane = await person({ a: 1 });
    expect(await refusalOf(jane, body)).toEqual(notApplicable(...pointers));
    expect(managementCalls()).toBe(0);
  });
});

describe('a result that cannot be stored', () => {
  test.each<[string, readonly unknown[], Refusal]>([
    ['a list as the document', [{ op: 'replace', path: '', value: [] }], notStorable('')],
    ['null as the document', [{ op: 'add', path: '', value: null }], notStorable('')],
    ['a text as the document', [{ op: 'copy', from: '/text', path: '' }], notStorable('')],
    ['null at a root key', [{ op: 'add', path: '/new', value: null }], notStorable('/new')],
    ['null moved to the root', [{ op: 'move', from: '/child/null', path: '/new' }], notStorable('/new')],
    ['null in a new document', [{ op: 'replace', path: '', value: { a: 1, b: null } }], notStorable('/b')],
    ['a dot in a name', [{ op: 'add', path: '/a.b', value: 1 }], notStorable('/a.b')],
    ['a dot in a name below', [{ op: 'add', path: '/child/a.b', value: 1 }], notStorable('/child/a.b')],
    ['a dollar by move', [{ op: 'move', from: '/text', path: '/$text' }], notStorable('/$text')],
    ['a dollar by copy', [{ op: 'copy', from: '/text', path: '/child/$x' }], notStorable('/child/$x')],
    ['an empty name', [{ op: 'add', path: '/', value: 1 }], notStorable('/')],
    [
      'a bad name within a value',
      [{ op: 'add', path: '/a', value: [{ 'x.y': 1 }] }],
      notStorable('/a/0/x.y'),
    ],
  ])('is refused: %s', async (_name, operations, refusal) => {
    const jane = await person(DOCUMENT);
    expect(await refusalOf(jane, operations)).toEqual(refusal);
  });
});
