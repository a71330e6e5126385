/** A user whose `user_metadata` is no object, as a mapping of SAML attributes can make it. */
import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../support/problem.ts';
import { openScene, type Person } from '../support/scene.ts';

const JSON_PATCH = { 'content-type': 'application/json-patch+json' };
const policy = { appMetadata: { readable: ['plan'] } };
const scene = await openScene({ policy, env: { AUTH0_COMPAT: 'true' } });
const { service, tenant } = scene;
const NO_OBJECT = [['text'], [['a', 'list']], [7], [false]] as const;
const SCOPES =
  'read:metadata update:metadata read:app_metadata read:current_user update:current_user_metadata';

/** A user of whom the tenant holds these values, whatever their type. */
async function personWith(userMetadata: unknown, appMetadata: unknown = { plan: 'gold' }): Promise<Person> {
  const jane = await scene.person(undefined, { scope: SCOPES });
  let stored = userMetadata;
  const answer = () => ({
    status: 200,
    body: { user_id: jane.user.id, user_metadata: stored, app_metadata: appMetadata },
  });
  tenant.answerWith('read', answer);
  tenant.answerWith('change', ({ body }) => {
    const { user_metadata: changes } = JSON.parse(body);
    const before = typeof stored === 'object' && stored !== null && !Array.isArray(stored) ? stored : {};
    const kept = Object.entries({ ...before, ...changes }).filter(([, value]) => value !== null);
    stored = Object.keys(changes).length === 0 ? {} : Object.fromEntries(kept);
    return answer();
  });
  return jane;
}

interface Init {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function ask(who: Person, path: string, init: Init = {}): Promise<Response> {
  return fetch(`${service.url}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${who.token}`, 'content-type': 'application/json', ...init.headers },
  });
}

describe.each(NO_OBJECT)('while the tenant holds %j,', (value) => {
  test.each([
    ['GET /me', '/me', {}],
    ['GET /me/metadata', '/me/metadata', {}],
    ['GET of a key', '/me/metadata/a', {}],
    ['a merge patch', '/me/metadata', { method: 'PATCH', body: '{"a":1}' }],
    ['an empty merge patch', '/me/metadata', { method: 'PATCH', body: '{}' }],
    ['a JSON Patch', '/me/metadata', { method: 'PATCH', body: '[]', headers: JSON_PATCH }],
    ['PUT of a key', '/me/metadata/a', { method: 'PUT', body: '1' }],
    ['DELETE of a key', '/me/metadata/a.b', { method: 'DELETE' }],
  ])('%s is told so, and what to do', async (_what, path, init) => {
    const jane = await personWith(value);
    const response = await ask(jane, path, init);
    const { detail }: { readonly detail: string } = JSON.parse(await response.clone().text());
    await expectProblem(response, 409, 'metadata_not_an_object');
    expect(detail).toMatch(/PUT.*DELETE/);
    expect(jane.user.patches).toEqual([]);
  });

  test('the drop-in says so in the tenant’s own shape', async () => {
    const jane = await personWith(value);
    const response = await ask(jane, `/api/v2/users/${encodeURIComponent(jane.user.id)}`);
    expect([response.status, await response.json()]).toEqual([
      409,
      expect.objectContaining({ statusCode: 409, error: 'Conflict', errorCode: 'metadata_not_an_object' }),
    ]);
  });

  test('what the app stores is read as ever', async () => {
    const response = await ask(await personWith(value), '/me/app-metadata');
    expect([response.status, await response.json()]).toEqual([200, { plan: 'gold' }]);
  });

  test('PUT replaces it', async () => {
    const jane = await personWith(value);
    const put = await ask(jane, '/me/metadata', { method: 'PUT', body: '{"a":{"b":1}}' });
    expect([put.status, await put.json()]).toEqual([200, { a: { b: 1 } }]);
    expect(jane.user.patches).toEqual([{ a: { b: 1 } }]);
    expect(await (await ask(jane, '/me/metadata')).json()).toEqual({ a: { b: 1 } });
  });

  test.each([
    ['DELETE', { method: 'DELETE' }, 204],
    ['PUT of {}', { method: 'PUT', body: '{}' }, 200],
  ])('%s removes it, by the one request that can', async (_what, init, status) => {
    const jane = await personWith(value);
    const response = await ask(jane, '/me/metadata', init);
    expect([response.status, response.headers.get('metadata-quota')]).toEqual([status, 'limit=8192, used=2']);
    expect(jane.user.patches).toEqual([{}]);
    expect(await (await ask(jane, '/me/metadata')).json()).toEqual({});
    // Once it is gone, there is nothing to remove.
    expect((await ask(jane, '/me/metadata', init)).status).toBe(status);
    expect(jane.user.patches).toEqual([{}]);
  });
});

describe('a precondition about what is no object', () => {
  test.each([
    ['if-match', '*', 200],
    ['if-match', '"any"', 412],
    ['if-none-match', '*', 412],
    ['if-none-match', '"any"', 200],
  ])('%s: %s is answered %i', async (name, tags, status) => {
    const jane = await personWith('text');
    const init = { method: 'PUT', body: '{"a":1}', headers: { [name]: tags } };
    const response = await ask(jane, '/me/metadata', init);
    expect([response.status, response.headers.get('etag') === null]).toEqual([status, status === 412]);
  });
});

test('null is empty metadata like any other', async () => {
  const jane = await personWith(null);
  expect(await (await ask(jane, '/me/metadata')).json()).toEqual({});
  expect((await ask(jane, '/me/metadata', { method: 'DELETE' })).status).toBe(204);
  expect(jane.user.patches).toEqual([]);
  const patched = await ask(jane, '/me/metadata', { method: 'PATCH', body: '{"a":1}' });
  expect(await patched.json()).toEqual({ a: 1 });
});

test.each([['text'], [[1]], [7], [null]])(
  'app_metadata that is %j is empty, and hides nothing',
  async (value) => {
    const jane = await personWith({ a: 1 }, value);
    expect(await (await ask(jane, '/me/metadata')).json()).toEqual({ a: 1 });
    expect(await (await ask(jane, '/me/app-metadata')).json()).toEqual({});
  },
);
