import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../support/problem.ts';
import { openScene, type Person } from '../support/scene.ts';

const { person, managementCalls, service } = await openScene();
const strict = await openScene({ env: { REQUIRE_IF_MATCH: 'true' } });

async function tagOf(who: Person, path = ''): Promise<string> {
  return (await who.ask('GET', path)).headers.get('etag') ?? '';
}

const WRITES = [
  ['PATCH', '', { json: { a: 2 } }],
  ['PUT', '', { json: { a: 2 } }],
  ['DELETE', '', {}],
  ['PUT', '/a', { json: 2 }],
  ['DELETE', '/a', {}],
] as const;

describe.each(WRITES)('%s /me/metadata%s', (method, path, ask) => {
  test.each([
    ['the tag', (tag: string) => tag],
    ['a list with the tag', (tag: string) => `"other", ${tag} ,W/"weak"`],
    ['a list with empty elements', (tag: string) => ` ,,${tag}, ,`],
    ['*', () => '*'],
  ])('goes ahead when If-Match is %s', async (_name, field) => {
    const jane = await person({ a: 1 });
    const headers = { 'if-match': field(await tagOf(jane, path)) };
    const response = await jane.ask(method, path, { ...ask, headers });
    expect(response.status).toBe(method === 'DELETE' ? 204 : 200);
    expect(jane.user.patches).toHaveLength(1);
  });

  test.each([
    ['another tag', () => '"other"'],
    ['the weak form of the tag', (tag: string) => `W/${tag}`],
    ['a list without the tag', () => '"other", "else"'],
  ])('is 412 with the current state when If-Match is %s', async (_name, field) => {
    const jane = await person({ a: 1 });
    const etag = await tagOf(jane, path);
    const response = await jane.ask(method, path, { ...ask, headers: { 'if-match': field(etag) } });
    expect(response.headers.get('etag')).toBe(etag);
    await expectProblem(response, 412, 'precondition_failed', { current: path === '' ? { a: 1 } : 1 });
    expect(jane.user.patches).toEqual([]);
  });

  test('judges If-Match by what the tenant holds, not by a cached copy', async () => {
    const jane = await person({ a: 1 });
    const etag = await tagOf(jane, path);
    jane.user.stored = { a: 'edited behind the cache' };
    const response = await jane.ask(method, path, { ...ask, headers: { 'if-match': etag } });
    const now = response.headers.get('etag') ?? '';
    const current = path === '' ? jane.user.stored : 'edited behind the cache';
    await expectProblem(response, 412, 'precondition_failed', { current });
    const rebased = await jane.ask(method, path, { ...ask, headers: { 'if-match': now } });
    expect(rebased.ok).toBe(true);
  });

  test.each(['unquoted', '"open', '"a" "b"', '', ',', '*, "a"', '"a",,x'])(
    'is 400 for the unreadable If-Match %j',
    async (field) => {
      const jane = await person({ a: 1 });
      const response = await jane.ask(method, path, { ...ask, headers: { 'if-match': field } });
      await expectProblem(response, 400, 'request_malformed');
      expect(managementCalls()).toBe(0);
    },
  );

  test('is 428 without a precondition where REQUIRE_IF_MATCH is set, and goes ahead with one', async () => {
    const jane = await strict.person({ a: 1 });
    await expectProblem(await jane.ask(method, path, ask), 428, 'precondition_required');
    expect(strict.managementCalls()).toBe(0);
    const response = await jane.ask(method, path, { ...ask, headers: { 'if-match': '*' } });
    expect(response.ok).toBe(true);
  });
});

describe('If-None-Match on a write', () => {
  test('* creates a key that is not there', async () => {
    const jane = await person({ a: 1 });
    const response = await jane.ask('PUT', '/b', { json: 2, headers: { 'if-none-match': '*' } });
    expect(response.status).toBe(200);
    expect(jane.user.stored).toEqual({ a: 1, b: 2 });
  });

  test('* is 412 for a key that is there, although the cache does not know it yet', async () => {
    const jane = await person({ a: 1 });
    await jane.ask('GET');
    jane.user.stored = { a: 1, b: 'from the dashboard' };
    const response = await jane.ask('PUT', '/b', { json: 2, headers: { 'if-none-match': '*' } });
    await expectProblem(response, 412, 'precondition_failed', { current: 'from the dashboard' });
    expect(jane.user.patches).toEqual([]);
  });

  test('with the current tag is 412, weak or strong, and goes ahead with another', async () => {
    const jane = await person({ a: 1 });
    const etag = await tagOf(jane);
    const refusals = [etag, `W/${etag}`, `"x", ${etag}`].map(async (field) => {
      const refused = await jane.ask('PATCH', '', { json: { a: 2 }, headers: { 'if-none-match': field } });
      await expectProblem(refused, 412, 'precondition_failed', { current: { a: 1 } });
    });
    await Promise.all(refusals);
    const response = await jane.ask('PATCH', '', { json: { a: 2 }, headers: { 'if-none-match': '"x"' } });
    expect(response.status).toBe(200);
  });
});

describe('If-Match on a read', () => {
  test.each(['', '/a', '?fields=a'])('of /me/metadata%s answers while the tag is current', async (path) => {
    const jane = await person({ a: 1, b: 2 });
    const etag = await tagOf(jane, path);
    const fields = [etag, '*', `"x", ,${etag}`];
    const answers = await Promise.all(
      fields.map((field) => jane.ask('GET', path, { headers: { 'if-match': field } })),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  test.each([
    ['', { a: 1 }],
    ['/a', 1],
  ])('of /me/metadata%s is 412 with the current state when the tag is another', async (path, current) => {
    const jane = await person({ a: 1 });
    const etag = await tagOf(jane, path);
    const response = await jane.ask('GET', path, { headers: { 'if-match': '"old"' } });
    expect([response.headers.get('etag'), response.headers.get('cache-status')]).toEqual([etag, null]);
    await expectProblem(response, 412, 'precondition_failed', { current });
    const weak = await jane.ask('HEAD', path, { headers: { 'if-match': `W/${etag}` } });
    expect([weak.status, weak.headers.get('etag')]).toEqual([412, etag]);
  });

  test('comes before If-None-Match', async () => {
    const jane = await person({ a: 1 });
    const etag = await tagOf(jane);
    const statusWith = async (ifMatch: string, ifNoneMatch: string) =>
      (await jane.ask('GET', '', { headers: { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } })).status;
    expect(await statusWith('"old"', etag)).toBe(412);
    expect(await statusWith(etag, `, ${etag}`)).toBe(304);
    expect(await statusWith(etag, '"old"')).toBe(200);
  });

  test('that cannot be read is 400', async () => {
    const jane = await person({ a: 1 });
    const response = await jane.ask('GET', '', { headers: { 'if-match': 'unquoted' } });
    expect(response.headers.get('etag')).toBeNull();
    await expectProblem(response, 400, 'request_malformed');
  });

  test.each(['/openapi.json', '/docs', '/schemas/user-metadata', '/.well-known/oauth-protected-resource'])(
    'of %s is judged by the tag of the document',
    async (path) => {
      const url = `${service.url}${path}`;
      const etag = (await fetch(url)).headers.get('etag') ?? '';
      const response = await fetch(url, { headers: { 'if-match': '"old"' } });
      expect(response.headers.get('etag')).toBe(etag);
      await expectProblem(response, 412, 'precondition_failed');
      expect((await fetch(url, { headers: { 'if-match': etag } })).status).toBe(200);
    },
  );
});

describe('a key that is not there', () => {
  test.each(['*', '"any"'])('fails If-Match: %s with no current state to tell', async (field) => {
    const jane = await person({ a: 1 });
    const response = await jane.ask('PUT', '/missing', { json: 1, headers: { 'if-match': field } });
    expect(response.headers.get('etag')).toBeNull();
    await expectProblem(response, 412, 'precondition_failed');
  });
});

test('both fields must hold', async () => {
  const jane = await person({ a: 1 });
  const headers = { 'if-match': await tagOf(jane), 'if-none-match': '*' };
  const response = await jane.ask('PATCH', '', { json: { a: 2 }, headers });
  await expectProblem(response, 412, 'precondition_failed', { current: { a: 1 } });
  expect(jane.user.patches).toEqual([]);
});

test('of two writers with the same tag only one succeeds', async () => {
  const jane = await person({ count: 1 });
  const headers = { 'if-match': await tagOf(jane) };
  const responses = await Promise.all(
    [2, 3].map((count) => jane.ask('PATCH', '', { json: { count }, headers })),
  );
  expect(responses.map(({ status }) => status)).toEqual(expect.arrayContaining([200, 412]));
  expect(jane.user.patches).toHaveLength(1);
});
