/** What a JSON Patch does to the document: RFC 6902 with its own examples, and the pointers of RFC 6901. */
import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../../support/problem.ts';
import { openScene } from '../../support/scene.ts';
import { APPENDIX, MORE } from './examples.ts';
import { patch } from './patching.ts';

const { person, managementCalls } = await openScene();

describe.each([...APPENDIX, ...MORE])('%s', (_name, before, operations, after) => {
  test('in the answer and at the tenant', async () => {
    const jane = await person(before);
    const response = await patch(jane, operations);
    expect([response.status, await response.json()]).toEqual([200, after]);
    expect(jane.user.stored).toEqual(after);
    expect(jane.user.patches.length).toBe(JSON.stringify(before) === JSON.stringify(after) ? 0 : 1);
  });
});

describe('a pointer', () => {
  test.each([
    ['/a~1b', 'a/b'],
    ['/m~0n', 'm~n'],
    ['/~0~1~01', '~/~1'],
    ['/c%d', 'c%d'],
    ['/%41', '%41'],
    ['/e^f', 'e^f'],
    ['/g|h', 'g|h'],
    [String.raw`/i\j`, String.raw`i\j`],
    ['/k"l', 'k"l'],
    ['/ ', ' '],
    ['/✓', '✓'],
    ['/toString', 'toString'],
    ['/length', 'length'],
  ])('%s names the key %s', async (path, key) => {
    const jane = await person({ other: 1 });
    const response = await patch(jane, [
      { op: 'add', path, value: { x: 1 } },
      { op: 'test', path: `${path}/x`, value: 1 },
      { op: 'replace', path: `${path}/x`, value: 2 },
    ]);
    expect(response.status).toBe(200);
    expect(Object.entries(jane.user.stored ?? {})).toEqual(expect.arrayContaining([[key, { x: 2 }]]));
  });
});

describe('what the tenant is asked', () => {
  test('one read and one PATCH of the changed root keys, removed ones as null', async () => {
    const jane = await person({ a: { x: 1, y: 2 }, b: 1, c: 3 });
    await patch(jane, [
      { op: 'remove', path: '/a/x' },
      { op: 'move', from: '/b', path: '/d' },
    ]);
    expect(jane.user.patches).toEqual([{ a: { y: 2 }, b: null, d: 1 }]);
    expect(managementCalls()).toBe(2);
  });

  test.each([
    ['no operation', []],
    [
      'operations that undo each other',
      [
        { op: 'add', path: '/b', value: 1 },
        { op: 'remove', path: '/b' },
      ],
    ],
    ['nothing but tests', [{ op: 'test', path: '/a', value: 1 }]],
  ])('no PATCH for %s', async (_name, operations) => {
    const jane = await person({ a: 1 });
    const response = await patch(jane, operations);
    expect([response.status, await response.json()]).toEqual([200, { a: 1 }]);
    expect(jane.user.patches).toEqual([]);
  });
});

describe('together with header fields', () => {
  const operations = [{ op: 'replace', path: '/a', value: 2 }];

  test('If-Match with the current tag lets it pass', async () => {
    const jane = await person({ a: 1 });
    const etag = (await jane.ask('GET')).headers.get('etag') ?? '';
    const response = await patch(jane, operations, { 'if-match': etag });
    expect([response.status, jane.user.stored]).toEqual([200, { a: 2 }]);
    expect(response.headers.get('etag')).toBe((await jane.ask('GET')).headers.get('etag'));
  });

  test('If-Match with another tag comes before any operation is looked at', async () => {
    const jane = await person({ a: 1 });
    const response = await patch(jane, [{ op: 'remove', path: '/missing' }], { 'if-match': '"other"' });
    await expectProblem(response, 412, 'precondition_failed', { current: { a: 1 } });
    expect(jane.user.patches).toEqual([]);
  });

  test('Prefer: return=minimal answers 204 with the new tag', async () => {
    const jane = await person({ a: 1 });
    const response = await patch(jane, operations, { prefer: 'return=minimal' });
    expect([response.status, await response.text()]).toEqual([204, '']);
    expect(response.headers.get('preference-applied')).toBe('return=minimal');
    expect(response.headers.get('etag')).toBe((await jane.ask('GET')).headers.get('etag'));
  });

  test('the media type may have a charset, which must be UTF-8', async () => {
    const jane = await person({ a: 1 });
    const type = 'application/json-patch+json; charset=';
    expect((await patch(jane, operations, { 'content-type': `${type}utf-8` })).status).toBe(200);
    const refused = await patch(jane, operations, { 'content-type': `${type}latin1` });
    await expectProblem(refused, 415, 'media_type_unsupported');
  });

  test('a list sent as a merge patch is no JSON Patch', async () => {
    const jane = await person({ a: 1 });
    const response = await patch(jane, operations, { 'content-type': 'application/json' });
    await expectProblem(response, 422, 'metadata_invalid', { errors: [{ pointer: '' }] });
    expect(managementCalls()).toBe(0);
  });
});
