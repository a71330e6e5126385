/** Writes of every kind that share one change at the tenant: each is judged, and answered, in its turn. */
import { describe, expect, test } from '@jest/globals';
import { represent } from '../../../src/metadata/representation.ts';
import { expectProblem } from '../../support/problem.ts';
import { openScene } from '../../support/scene.ts';
import { jsonPatch, patch, putKey, statuses, writeTogether } from './together.ts';

const scene = await openScene();
const { person, managementCalls } = scene;

test('writes of every kind are applied in the order in which they arrived, by one PATCH', async () => {
  const jane = await person({ a: 1, n: { old: 1 }, gone: true });
  const seventh = { a: 2, n: { x: 1, y: 2 }, k: [5], m: 1 };
  const responses = await writeTogether(scene, jane, [
    patch(jane, { a: 2 }),
    patch(jane, { n: { x: 1, old: null } }),
    putKey(jane, 'k', [5]),
    () => jane.ask('DELETE', '/gone'),
    jsonPatch(jane, [
      { op: 'test', path: '/a', value: 2 },
      { op: 'add', path: '/n/y', value: 2 },
    ]),
    patch(jane, { m: 1 }, { 'if-match': represent({ a: 2, n: { x: 1, y: 2 }, k: [5] }).etag }),
    patch(jane, { stale: true }, { 'if-match': '"stale"' }),
    jsonPatch(jane, [{ op: 'remove', path: '/gone' }]),
    jsonPatch(jane, [
      { op: 'add', path: '/z', value: 1 },
      { op: 'test', path: '/a', value: 1 },
    ]),
    patch(jane, {}),
    () => jane.ask('PUT', '', { json: { a: 9, n: { y: 2 } }, headers: { prefer: 'return=minimal' } }),
  ]);
  expect(statuses(responses)).toEqual([200, 200, 200, 204, 200, 200, 412, 422, 409, 200, 204]);
  const bodies = await Promise.all(
    responses.map(async (response) => JSON.parse((await response.text()) || 'null')),
  );
  expect(bodies).toEqual([
    { a: 2, n: { old: 1 }, gone: true },
    { a: 2, n: { x: 1 }, gone: true },
    [5],
    null,
    { a: 2, n: { x: 1, y: 2 }, k: [5] },
    seventh,
    expect.objectContaining({ code: 'precondition_failed', current: seventh }),
    expect.objectContaining({ code: 'patch_not_applicable' }),
    expect.objectContaining({ code: 'patch_test_failed' }),
    seventh,
    null,
  ]);
  expect(responses[6]?.headers.get('etag')).toBe(represent(seventh).etag);
  expect(responses[10]?.headers.get('etag')).toBe(represent({ a: 9, n: { y: 2 } }).etag);
  expect(jane.user.patches).toEqual([{ a: 9, n: { y: 2 }, gone: null }]);
  expect(jane.user.stored).toEqual({ a: 9, n: { y: 2 } });
});

describe('in one group', () => {
  test('each answer has the quota and the tag of its own document', async () => {
    const jane = await person({});
    const responses = await writeTogether(scene, jane, [putKey(jane, 'a', 1), patch(jane, { b: { c: 2 } })]);
    const whole = { a: 1, b: { c: 2 } };
    expect(responses.map(({ headers }) => [headers.get('etag'), headers.get('metadata-quota')])).toEqual([
      [represent(1).etag, 'limit=8192, used=7'],
      [represent(whole).etag, `limit=8192, used=${JSON.stringify(whole).length}`],
    ]);
  });

  test('the write that would make the document too large fails alone', async () => {
    const jane = await person({});
    const text = 'x'.repeat(3000);
    const [first, second, third, small] = await writeTogether(
      scene,
      jane,
      [text, text, text, 'y'].map((value, index) => putKey(jane, `k${index}`, value)),
    );
    expect([first?.status, second?.status, small?.status]).toEqual([200, 200, 200]);
    if (third) await expectProblem(third, 413, 'metadata_too_large', { errors: [{ pointer: '' }] });
    expect(Object.keys(jane.user.stored ?? {})).toEqual(['k0', 'k1', 'k3']);
    expect(jane.user.patches).toHaveLength(1);
  });

  test('writes that undo each other send nothing', async () => {
    const jane = await person({ a: 1 });
    const responses = await writeTogether(scene, jane, [
      putKey(jane, 'a', 2),
      putKey(jane, 'b', 1),
      patch(jane, { a: 1, b: null }),
    ]);
    expect([statuses(responses), jane.user.patches]).toEqual([[200, 200, 200], []]);
  });

  test('only refused writes send nothing', async () => {
    const jane = await person({ a: 1 });
    const stale = { 'if-match': '"stale"' };
    const responses = await writeTogether(scene, jane, [
      patch(jane, { a: 2 }, stale),
      jsonPatch(jane, [{ op: 'remove', path: '/b' }]),
    ]);
    expect([statuses(responses), jane.user.patches]).toEqual([[412, 422], []]);
  });

  test('of several creators of a key only the first succeeds', async () => {
    const jane = await person({});
    const create = (value: string) => () =>
      jane.ask('PUT', '/once', { json: value, headers: { 'if-none-match': '*' } });
    const responses = await writeTogether(scene, jane, ['first', 'second', 'third'].map(create));
    expect(statuses(responses)).toEqual([200, 412, 412]);
    expect(await responses[2]?.json()).toMatchObject({ current: 'first' });
    expect(jane.user.stored).toEqual({ once: 'first' });
  });

  test('an erasure and what follows it keep their order', async () => {
    const jane = await person({ a: 1, b: 2 });
    await writeTogether(scene, jane, [putKey(jane, 'c', 3), () => jane.ask('DELETE'), putKey(jane, 'd', 4)]);
    expect(jane.user.stored).toEqual({ d: 4 });
    expect(jane.user.patches).toEqual([{ a: null, b: null, d: 4 }]);
  });
});

describe('a write alone', () => {
  const JSON_PATCH = { 'content-type': 'application/json-patch+json' };
  const operations = [{ op: 'add', path: '/b', value: 2 }];
  /** What is sent, the calls it costs where nothing is held and where a copy is, and how many are PATCHes. */
  const COSTS = [
    ['a flat PATCH', 'PATCH', '', { json: { a: 2, b: null } }, 2, 2, 1],
    ['a PATCH that only removes', 'PATCH', '', { json: { a: null, b: null } }, 1, 1, 1],
    ['PUT of a key', 'PUT', '/a', { json: { x: { y: 1 } } }, 2, 2, 1],
    ['DELETE of a key', 'DELETE', '/a', {}, 1, 1, 1],
    ['a nested PATCH', 'PATCH', '', { json: { n: { x: 2 } } }, 2, 2, 1],
    ['a PATCH with If-Match', 'PATCH', '', { json: { a: 2 }, headers: { 'if-match': '*' } }, 2, 2, 1],
    ['a JSON Patch', 'PATCH', '', { json: operations, headers: JSON_PATCH }, 2, 2, 1],
    ['PUT of the document', 'PUT', '', { json: { a: 2 } }, 2, 2, 1],
    ['DELETE of the document', 'DELETE', '', {}, 2, 2, 1],
    ['PATCH {}', 'PATCH', '', { json: {} }, 1, 1, 0],
    ['a PATCH that changes nothing below', 'PATCH', '', { json: { n: { x: 1 } } }, 1, 1, 0],
  ] as const;

  test.each(COSTS)('%s costs what it must', async (_name, method, path, ask, cold, warm, patches) => {
    const jane = await person({ a: 1, n: { x: 1 } });
    expect((await jane.ask(method, path, ask)).ok).toBe(true);
    expect([managementCalls(), jane.user.patches.length]).toEqual([cold, patches]);
    const omar = await person({ a: 1, n: { x: 1 } });
    await omar.ask('GET');
    const before = managementCalls();
    expect((await omar.ask(method, path, ask)).ok).toBe(true);
    expect([managementCalls() - before, omar.user.patches.length]).toEqual([warm, patches]);
  });
});
