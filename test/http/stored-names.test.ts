/** What others have stored that could not be stored here: it hinders no write, can stay, and can be removed. */
import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../support/problem.ts';
import { openScene } from '../support/scene.ts';

const { person } = await openScene();
const MERGE_PATCH = { 'content-type': 'application/merge-patch+json' };
const JSON_PATCH = { 'content-type': 'application/json-patch+json' };

/** A document that holds, beside `plain`, what no write may add; and the key of that. */
const STORED = [
  ['null at the root', '{"plain":1,"odd":null}', 'odd'],
  ['a dot in a name', '{"plain":1,"a.b":{"c":1}}', 'a.b'],
  ['a dollar in a name', '{"plain":1,"$set":1}', '$set'],
  ['__proto__', '{"plain":1,"__proto__":{"admin":true}}', '__proto__'],
  ['constructor', '{"plain":1,"constructor":1}', 'constructor'],
  ['a bad name below a list', '{"plain":1,"odd":[{"ok":1},{"x.y":{"":1}}]}', 'odd'],
  ['a lone surrogate', String.raw`{"plain":1,"odd":"\ud800"}`, 'odd'],
] as const;

const without = () => ({ plain: 1 });
const pathOf = (key: string) => `/${encodeURIComponent(key)}`;

describe.each(STORED)('stored %s', (_name, text, key) => {
  const stored = () => JSON.parse(text);
  const more = () => ({ ...stored(), more: 1 });

  test.each([
    ['PATCH', { json: { more: 1 }, headers: MERGE_PATCH }],
    ['PATCH', { json: [{ op: 'add', path: '/more', value: 1 }], headers: JSON_PATCH }],
    ['PUT', { json: more() }],
    ['PATCH', { json: [{ op: 'replace', path: '', value: more() }], headers: JSON_PATCH }],
  ])('does not hinder an unrelated change (%s %j)', async (method, ask) => {
    const jane = await person(stored());
    const response = await jane.ask(method, '', ask);
    expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('"more":1')]);
    expect(jane.user.stored).toEqual(more());
    expect(jane.user.patches).toEqual([{ more: 1 }]);
  });

  test('is no fault when what was read is put back, and then nothing is sent', async () => {
    const jane = await person(stored());
    const read = await jane.ask('GET');
    const headers = { 'content-type': 'application/json', 'if-match': read.headers.get('etag') ?? '' };
    const response = await jane.ask('PUT', '', { body: await read.text(), headers });
    expect([response.status, jane.user.patches]).toEqual([200, []]);
  });

  test('is no fault when its own value is put back', async () => {
    const jane = await person(stored());
    const read = await jane.ask('GET', pathOf(key));
    const headers = { 'content-type': 'application/json' };
    const response = await jane.ask('PUT', pathOf(key), { body: await read.text(), headers });
    expect([response.status, jane.user.patches]).toEqual([200, []]);
  });

  test.each([
    ['DELETE of the key', 'DELETE', pathOf(key), {}, 204],
    ['a merge patch', 'PATCH', '', { body: `{${JSON.stringify(key)}:null}`, headers: MERGE_PATCH }, 200],
    ['a JSON Patch', 'PATCH', '', { json: [{ op: 'remove', path: `/${key}` }], headers: JSON_PATCH }, 200],
    ['PUT of the rest', 'PUT', '', { json: without() }, 200],
  ] as const)('is removed by %s', async (_how, method, path, ask, status) => {
    const jane = await person(stored());
    const response = await jane.ask(method, path, ask);
    expect([response.status, jane.user.stored]).toEqual([status, without()]);
    expect(jane.user.patches.map((patch) => JSON.stringify(patch))).toEqual([
      `{${JSON.stringify(key)}:null}`,
    ]);
  });

  test('is removed with everything else', async () => {
    const jane = await person(stored());
    expect((await jane.ask('DELETE')).status).toBe(204);
    expect(Object.keys(jane.user.stored ?? { left: true })).toEqual([]);
  });
});

describe('a stored bad name', () => {
  test('stays where its item moves up in its list, and where it is moved as a whole', async () => {
    const odd = { 'x.y': 1 };
    const jane = await person({ list: [{ plain: 1 }, odd], target: {} });
    expect((await jane.ask('PATCH', '', { json: { list: [odd] } })).status).toBe(200);
    const json = [{ op: 'move', from: '/list/0', path: '/target/odd' }];
    expect((await jane.ask('PATCH', '', { json, headers: JSON_PATCH })).status).toBe(200);
    expect(jane.user.stored).toEqual({ list: [], target: { odd } });
  });

  test('is no leave to add it elsewhere, or once more', async () => {
    const jane = await person({ list: [{ 'x.y': 1 }] });
    const twice = await jane.ask('PATCH', '', { json: { list: [{ 'x.y': 1 }, { 'x.y': 2 }] } });
    await expectProblem(twice, 422, 'metadata_invalid', { errors: [{ pointer: '/list/1/x.y' }] });
    const elsewhere = await jane.ask('PUT', '/other', { json: { 'x.y': 1 } });
    await expectProblem(elsewhere, 422, 'metadata_invalid', { errors: [{ pointer: '/other/x.y' }] });
    expect(jane.user.patches).toEqual([]);
  });

  test('is no leave to add another null at the root', async () => {
    const jane = await person({ odd: null, plain: 1 });
    const response = await jane.ask('PUT', '', { json: { odd: null, plain: null } });
    await expectProblem(response, 422, 'metadata_invalid', {
      errors: [{ pointer: '/plain', code: 'null_at_root' }],
    });
    expect(jane.user.patches).toEqual([]);
  });
});
