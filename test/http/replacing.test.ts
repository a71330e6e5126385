import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../support/problem.ts';
import { openScene } from '../support/scene.ts';

const { person } = await openScene();

describe('PUT /me/metadata', () => {
  test('makes the body the whole document, telling the tenant of changed and removed keys only', async () => {
    const jane = await person({ same: { a: 1 }, changed: 1, gone: true });
    const response = await jane.ask('PUT', '', { json: { same: { a: 1 }, changed: 2, added: 3 } });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ same: { a: 1 }, changed: 2, added: 3 });
    expect(jane.user.patches).toEqual([{ gone: null, changed: 2, added: 3 }]);
    expect(response.headers.get('metadata-quota')).toMatch(/^limit=8192, used=\d+$/);
  });

  test('replaces objects whole instead of merging them', async () => {
    const jane = await person({ a: { x: 1, y: 2 } });
    await jane.ask('PUT', '', { json: { a: { x: 1 } } });
    expect(jane.user.stored).toEqual({ a: { x: 1 } });
  });

  test('keeps null below the first level', async () => {
    const jane = await person();
    const response = await jane.ask('PUT', '', { json: { a: { b: null, c: [null] } } });
    expect(await response.json()).toEqual({ a: { b: null, c: [null] } });
    expect(jane.user.patches).toEqual([{ a: { b: null, c: [null] } }]);
  });

  test('with {} removes each key by name, and never sends {}', async () => {
    const jane = await person({ a: 1, b: 2 });
    const response = await jane.ask('PUT', '', { json: {} });
    expect(await response.json()).toEqual({});
    expect(jane.user.patches).toEqual([{ a: null, b: null }]);
  });

  test.each([[{}], [{ a: 1, b: { c: 2 } }]])(
    'of what is there already (%j) sends nothing',
    async (document) => {
      const jane = await person(document);
      const response = await jane.ask('PUT', '', { json: document });
      expect(response.status).toBe(200);
      expect(jane.user.patches).toEqual([]);
    },
  );

  test('refuses null at the first level, naming each key', async () => {
    const jane = await person({ a: 1 });
    await expectProblem(
      await jane.ask('PUT', '', { json: { a: null, ok: 1, 'b/~': null } }),
      422,
      'metadata_invalid',
      {
        errors: [{ pointer: '/a' }, { pointer: '/b~1~0' }],
      },
    );
    expect(jane.user.patches).toEqual([]);
  });

  test('answers return=minimal with 204', async () => {
    const jane = await person({ a: 1 });
    const response = await jane.ask('PUT', '', { json: { a: 2 }, headers: { prefer: 'return=minimal' } });
    expect([response.status, jane.user.stored]).toEqual([204, { a: 2 }]);
  });
});

describe('DELETE /me/metadata', () => {
  test('removes each key by name and answers 204', async () => {
    const jane = await person({ a: 1, b: { c: 2 } });
    const response = await jane.ask('DELETE');
    expect(response.status).toBe(204);
    expect(await response.text()).toBe('');
    expect(response.headers.get('cache-control')).toBe('private, no-cache');
    expect(jane.user.patches).toEqual([{ a: null, b: null }]);
    expect(await (await jane.ask('GET')).json()).toEqual({});
  });

  test.each([[undefined], [{}]])('of nothing (%j) is 204 and sends nothing', async (document) => {
    const jane = await person(document);
    expect((await jane.ask('DELETE')).status).toBe(204);
    expect((await jane.ask('DELETE')).status).toBe(204);
    expect(jane.user.patches).toEqual([]);
  });

  test('tells the quota that is free again', async () => {
    const jane = await person({ a: 1 });
    const response = await jane.ask('DELETE');
    expect(response.headers.get('metadata-quota')).toBe('limit=8192, used=2');
  });
});

describe('PUT /me/metadata/{key}', () => {
  test.each([
    ['false', false],
    ['0', 0],
    ['""', ''],
    ['[]', []],
    ['{}', {}],
    ['"text"', 'text'],
    ['{"a":null,"b":[null,{"c":null}]}', { a: null, b: [null, { c: null }] }],
  ])('stores %s as it is', async (body, value) => {
    const jane = await person({ other: 1 });
    const response = await jane.ask('PUT', '/key', { body, headers: { 'content-type': 'application/json' } });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(value);
    expect(jane.user.stored).toEqual({ other: 1, key: value });
    expect(await (await jane.ask('GET', '/key')).json()).toEqual(value);
  });

  test('replaces an object whole', async () => {
    const jane = await person({ key: { a: 1, b: 2 } });
    await jane.ask('PUT', '/key', { json: { a: 9 } });
    expect(jane.user.stored).toEqual({ key: { a: 9 } });
    expect([jane.user.reads, jane.user.patches]).toEqual([1, [{ key: { a: 9 } }]]);
  });

  test('answers with the tag of the key and the quota of the document', async () => {
    const jane = await person({ other: 1 });
    const response = await jane.ask('PUT', '/key', { json: 'value' });
    const read = await jane.ask('GET', '/key');
    expect(response.headers.get('etag')).toBe(read.headers.get('etag'));
    expect(response.headers.get('metadata-quota')).toBe(read.headers.get('metadata-quota'));
  });

  test('refuses null, since DELETE is what removes', async () => {
    const jane = await person({ key: 1 });
    await expectProblem(await jane.ask('PUT', '/key', { json: null }), 422, 'metadata_invalid', {
      errors: [{ pointer: '' }],
    });
    expect(jane.user.patches).toEqual([]);
  });

  test.each([
    ['a%2Fb', 'a/b'],
    ['%E2%9C%93', '✓'],
    ['toString', 'toString'],
    ['with%20space', 'with space'],
  ])('writes the key at %s', async (path, key) => {
    const jane = await person({});
    expect((await jane.ask('PUT', `/${path}`, { json: 1 })).status).toBe(200);
    expect(Object.entries(jane.user.stored ?? {})).toEqual([[key, 1]]);
  });
});

describe('DELETE /me/metadata/{key}', () => {
  test('removes the key and nothing else', async () => {
    const jane = await person({ key: 1, other: 2 });
    const response = await jane.ask('DELETE', '/key');
    expect(response.status).toBe(204);
    expect(jane.user.stored).toEqual({ other: 2 });
    await expectProblem(await jane.ask('GET', '/key'), 404, 'key_not_found');
  });

  test('is 204 for a key that is not there', async () => {
    const jane = await person({ other: 2 });
    expect((await jane.ask('DELETE', '/key')).status).toBe(204);
    expect((await jane.ask('DELETE', '/toString')).status).toBe(204);
    expect(jane.user.stored).toEqual({ other: 2 });
  });
});

describe('a key whose name cannot be stored', () => {
  const NAMES = [
    ['__proto__', '/__proto__'],
    ['constructor', '/constructor'],
    ['prototype', '/prototype'],
    ['a.b', '/a.b'],
    ['%24set', '/$set'],
    ['x%2Fy.z~', '/x~1y.z~0'],
  ] as const;

  test.each(NAMES)('is not made by PUT (%s)', async (path, pointer) => {
    const jane = await person({ a: 1 });
    await expectProblem(await jane.ask('PUT', `/${path}`, { json: 1 }), 422, 'metadata_invalid', {
      errors: [{ pointer }],
    });
    expect(jane.user.patches).toEqual([]);
  });

  test.each(NAMES)('is missing like any other where it is not stored (DELETE %s)', async (path, _pointer) => {
    const jane = await person({ a: 1 });
    expect((await jane.ask('DELETE', `/${path}`)).status).toBe(204);
    expect([jane.user.reads, jane.user.patches]).toEqual([1, []]);
  });
});
