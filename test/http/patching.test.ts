import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../support/problem.ts';
import { sendRaw } from '../support/raw-http.ts';
import { openScene } from '../support/scene.ts';

const { person, service, tenant, managementCalls } = await openScene();
const MERGE_PATCH = { 'content-type': 'application/merge-patch+json' };

describe('PATCH /me/metadata merges as RFC 7396 says', () => {
  const stored = { a: 1, nested: { x: 1, y: { z: 1, keep: true } }, list: [1, 2] };
  const CASES = [
    ['adds a key', { b: 2 }, { ...stored, b: 2 }],
    ['replaces a value', { a: 'one' }, { ...stored, a: 'one' }],
    ['removes a key by null', { a: null }, { nested: stored.nested, list: stored.list }],
    [
      'merges below the first level',
      { nested: { y: { z: 2 } } },
      { ...stored, nested: { x: 1, y: { z: 2, keep: true } } },
    ],
    ['removes at depth', { nested: { y: { z: null } } }, { ...stored, nested: { x: 1, y: { keep: true } } }],
    ['replaces a list whole', { list: [{ n: null }] }, { ...stored, list: [{ n: null }] }],
    ['replaces an object by a scalar', { nested: 'gone' }, { ...stored, nested: 'gone' }],
    ['replaces a scalar by an object', { a: { b: { c: 1, d: null } } }, { ...stored, a: { b: { c: 1 } } }],
    ['ignores the removal of what is not there', { none: null, nested: { none: null } }, stored],
    ['merges an empty object as no change', { nested: {} }, stored],
  ] as const;

  test.each(CASES)('%s', async (_name, patch, expected) => {
    const jane = await person(stored);
    const response = await jane.ask('PATCH', '', { json: patch, headers: MERGE_PATCH });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(expected);
    expect(jane.user.stored).toEqual(expected);
  });

  test('takes application/json for the same, with a charset or without', async () => {
    const jane = await person(stored);
    const headers = { 'content-type': 'Application/JSON; charset="UTF-8"' };
    const response = await jane.ask('PATCH', '', { body: '{"nested":{"x":2}}', headers });
    expect(await response.json()).toEqual({ ...stored, nested: { ...stored.nested, x: 2 } });
  });

  test('answers with the tag, the quota and the caching fields of the new document', async () => {
    const jane = await person(stored);
    const response = await jane.ask('PATCH', '', { json: { a: 2 } });
    const text = await response.text();
    const read = await jane.ask('GET');
    expect(await read.text()).toBe(text);
    expect(response.headers.get('etag')).toBe(read.headers.get('etag'));
    expect(response.headers.get('metadata-quota')).toBe(`limit=8192, used=${Buffer.byteLength(text)}`);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('private, no-cache');
  });
});

describe('what the tenant is told', () => {
  test('{} changes nothing, answers the current document and sends no PATCH', async () => {
    const jane = await person({ a: 1 });
    const response = await jane.ask('PATCH', '', { json: {} });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ a: 1 });
    expect(jane.user.patches).toEqual([]);
  });

  test('a patch that changes nothing sends no PATCH', async () => {
    const jane = await person({ a: { b: 1, c: [1, { d: 2 }] } });
    const response = await jane.ask('PATCH', '', { json: { a: { c: [1, { d: 2 }], x: null } } });
    expect(response.status).toBe(200);
    expect(jane.user.patches).toEqual([]);
  });

  test('a nested patch costs one read and one PATCH of the changed root keys only', async () => {
    const jane = await person({ a: { x: 1, y: 2 }, b: { z: 3 }, c: 4 });
    await jane.ask('PATCH', '', { json: { a: { x: 9 }, b: { z: 3 }, c: 4 } });
    expect(jane.user.patches).toEqual([{ a: { x: 9, y: 2 } }]);
    expect(jane.user.reads).toBe(1);
    expect(managementCalls()).toBe(2);
  });

  test('a flat patch costs a read and a PATCH, also where a copy is held', async () => {
    const jane = await person({ a: 1, b: 2 });
    await jane.ask('GET');
    const response = await jane.ask('PATCH', '', { json: { a: 'new', b: null } });
    expect(await response.json()).toEqual({ a: 'new' });
    expect(jane.user.patches).toEqual([{ a: 'new', b: null }]);
    expect([jane.user.reads, managementCalls()]).toEqual([2, 3]);
  });

  test('a flat patch that only removes keys costs one call', async () => {
    const jane = await person({ a: 1, b: 2, c: 3 });
    const response = await jane.ask('PATCH', '', { json: { a: null, b: null } });
    expect([await response.json(), response.headers.get('metadata-quota')]).toEqual([
      { c: 3 },
      'limit=8192, used=7',
    ]);
    expect([jane.user.reads, jane.user.patches]).toEqual([0, [{ a: null, b: null }]]);
  });

  test('nothing but user_metadata is ever sent', async () => {
    const jane = await person({ a: 1 });
    await jane.ask('PATCH', '', {
      json: { email: 'x@example.com', blocked: true, app_metadata: { role: 'admin' } },
    });
    const [body] = tenant.calls
      .filter(({ route }) => route === 'change')
      .map((call) => JSON.parse(call.body));
    expect(body).toEqual({
      user_metadata: { email: 'x@example.com', blocked: true, app_metadata: { role: 'admin' } },
    });
  });

  test('nothing of the answer but user_metadata is shown', async () => {
    const jane = await person({ a: 1 });
    const response = await jane.ask('PATCH', '', { json: { a: 2 } });
    expect(await response.text()).toBe('{"a":2}');
  });
});

describe('Prefer: return=minimal', () => {
  test.each([
    'return=minimal',
    'Return="minimal"; foo',
    'respond-async, return=minimal',
    ', ,return = minimal ;foo="a, return=representation",',
    'return=minimal, return=representation',
    'foo="return=representation, \\"", return=minimal',
  ])('answers 204 with the new tag to %s', async (prefer) => {
    const jane = await person({ a: 1 });
    const response = await jane.ask('PATCH', '', { json: { a: 2 }, headers: { prefer } });
    expect(response.status).toBe(204);
    expect(await response.text()).toBe('');
    expect(response.headers.get('preference-applied')).toBe('return=minimal');
    expect(response.headers.get('etag')).toBe((await jane.ask('GET')).headers.get('etag'));
  });

  test.each([
    'return=minimalist',
    'return=representation, return=minimal',
    'return, return=minimal',
    'foo="bar, return=minimal"',
    'foo; return=minimal',
  ])('is not what %s asks for', async (prefer) => {
    const jane = await person({ a: 1 });
    const response = await jane.ask('PATCH', '', { json: { a: 2 }, headers: { prefer } });
    expect(response.status).toBe(200);
  });

  test('counts only if it comes first, also in several header lines', async () => {
    const jane = await person({ a: 1 });
    const patchWith = (...prefer: string[]) =>
      sendRaw(service.port, {
        method: 'PATCH',
        path: '/me/metadata',
        headers: { ...jane.jsonHeaders, prefer },
        chunks: ['{"a":2}'],
      });
    expect((await patchWith('return=representation', 'return=minimal')).status).toBe(200);
    expect((await patchWith('wait=1', 'return=minimal', 'return=representation')).status).toBe(204);
  });
});

describe('reading your own writes', () => {
  test('the next read answers what was written, although a copy was held', async () => {
    const jane = await person({ a: 1 });
    await jane.ask('GET');
    await jane.ask('PATCH', '', { json: { a: 2 } });
    const read = await jane.ask('GET');
    expect(await read.json()).toEqual({ a: 2 });
  });

  test('a read that a write overtook does not fill the cache', async () => {
    const jane = await person({ a: 'old' });
    tenant.answerWith(
      'read',
      { status: 200, body: { user_id: jane.user.id, user_metadata: { a: 'old' } } },
      1,
    );
    const gate = tenant.hold('read');
    const slow = jane.ask('GET');
    await gate.arrived;
    await jane.ask('PATCH', '', { json: { a: 'new' } });
    gate.open();
    const overtaken = await slow;
    expect(overtaken.headers.get('cache-status')).toBe('metadata-bff; fwd=miss');
    expect(await (await jane.ask('GET')).json()).toEqual({ a: 'new' });
  });

  test('what another writer changed meanwhile is part of the answer', async () => {
    const jane = await person({ a: 1 });
    await jane.ask('GET');
    jane.user.stored = { a: 1, dashboard: true };
    const response = await jane.ask('PATCH', '', { json: { a: 2 } });
    expect(await response.json()).toEqual({ a: 2, dashboard: true });
  });
});

test('a write for a user whom the tenant no longer knows is 404', async () => {
  const jane = await person({ a: 1 });
  tenant.remove(jane.user);
  await expectProblem(await jane.ask('PATCH', '', { json: { a: 2 } }), 404, 'user_not_found');
  await expectProblem(await jane.ask('PATCH', '', { json: { a: { b: 2 } } }), 404, 'user_not_found');
  expect(managementCalls()).toBe(2);
});
