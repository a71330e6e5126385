/** A token that may change and not read: no answer to a write tells it what is stored. */
import { describe, expect, test } from '@jest/globals';
import { represent } from '../../../src/metadata/representation.ts';
import { type Send, patch, putKey, statuses, writeTogether } from '../commit/together.ts';
import { openCompat } from '../../http/compat/compat.ts';
import { expectProblem } from '../../support/problem.ts';
import { type Ask, openScene, type Person } from '../../support/scene.ts';
import { mintToken } from '../../support/tokens.ts';

const scene = await openScene();
const { person, service } = scene;
const renamed = await openScene({
  policy: { scopes: { readMetadata: 'prefs.read', updateMetadata: 'prefs.write' } },
});
const compat = await openCompat({ policy: { appMetadata: { readable: ['plan'] } } });
const withPermissions = await openScene({ env: { AUTH_PERMISSIONS_CLAIM: 'true' } });

const STORED = { secret: 'stored-value', a: 1 };
const JSON_PATCH = { 'content-type': 'application/json-patch+json' };
const writer = (document: Record<string, unknown> = STORED) =>
  person({ ...document }, { scope: 'update:metadata' });

/** What an answer says: its status, its body, its tag, and whether the quota is on it. */
async function told(response: Response) {
  const { status, headers } = response;
  const hasQuota = /^limit=8192, used=\d+$/.test(headers.get('metadata-quota') ?? '');
  return { status, body: await response.text(), etag: headers.get('etag'), hasQuota };
}

const NOTHING = { status: 204, body: '', etag: null, hasQuota: true };

const WRITES: ReadonlyArray<readonly [string, string, string, Ask]> = [
  ['a merge patch', 'PATCH', '', { json: { b: 2 } }],
  ['a merge patch that nests', 'PATCH', '', { json: { n: { b: 2 } } }],
  ['an empty merge patch', 'PATCH', '', { json: {} }],
  ['a merge patch that changes nothing', 'PATCH', '', { json: { a: 1 } }],
  ['a JSON Patch', 'PATCH', '', { json: [{ op: 'add', path: '/b', value: 2 }], headers: JSON_PATCH }],
  ['an empty JSON Patch', 'PATCH', '', { json: [], headers: JSON_PATCH }],
  [
    'a JSON Patch that copies',
    'PATCH',
    '',
    { json: [{ op: 'copy', from: '/secret', path: '/b' }], headers: JSON_PATCH },
  ],
  ['a new document', 'PUT', '', { json: { b: 2 } }],
  ['the same document', 'PUT', '', { json: STORED }],
  ['a key', 'PUT', '/b', { json: 2 }],
  ['a key that stays as it is', 'PUT', '/a', { json: 1 }],
  ['a removal of the document', 'DELETE', '', {}],
  ['a removal of a key', 'DELETE', '/a', {}],
  [
    'one that asks for the answer',
    'PATCH',
    '',
    { json: { b: 2 }, headers: { prefer: 'return=representation' } },
  ],
  ['one that asks for no answer', 'PUT', '/b', { json: 2, headers: { prefer: 'return=minimal' } }],
  [
    'one that names the state',
    'PATCH',
    '',
    { json: { b: 2 }, headers: { 'if-match': represent(STORED).etag } },
  ],
];

test.each(WRITES)(
  '%s is answered with 204, without a body and without a tag',
  async (_name, method, path, ask) => {
    const jane = await writer();
    expect(await told(await jane.ask(method, path, ask))).toEqual(NOTHING);
  },
);

test.each(['read:app_metadata', 'read:client_metadata', 'read:current_user', 'openid', 'read:metadata2'])(
  'the scope %s does not show what a write has made',
  async (scope) => {
    const jane = await person({ ...STORED }, { scope: `update:metadata ${scope}` });
    expect(await told(await jane.ask('PATCH', '', { json: {} }))).toEqual(NOTHING);
  },
);

test('the scope to read has the name that the policy gives it, and may stand in permissions', async () => {
  const narrow = await renamed.person({ ...STORED }, { scope: 'prefs.write read:metadata' });
  expect(await told(await narrow.ask('PATCH', '', { json: {} }))).toEqual(NOTHING);
  const wide = await renamed.person({ ...STORED }, { scope: 'prefs.write prefs.read' });
  expect(await (await wide.ask('PATCH', '', { json: {} })).json()).toEqual(STORED);
  const permitted = await withPermissions.person(
    { ...STORED },
    { scope: 'update:metadata', permissions: ['read:metadata'] },
  );
  expect(await (await permitted.ask('PATCH', '', { json: {} })).json()).toEqual(STORED);
});

describe('a precondition that fails', () => {
  test.each<readonly [string, string, Ask]>([
    ['PATCH', '', { json: {}, headers: { 'if-match': '"other"' } }],
    ['PATCH', '', { json: [], headers: { ...JSON_PATCH, 'if-match': '"other"' } }],
    ['PUT', '', { json: {}, headers: { 'if-match': '"other"' } }],
    ['DELETE', '', { headers: { 'if-match': '"other"' } }],
    ['PUT', '/secret', { json: 1, headers: { 'if-none-match': '*' } }],
    ['PUT', '/secret', { json: 1, headers: { 'if-match': '"other"' } }],
    ['DELETE', '/secret', { headers: { 'if-match': '"other"' } }],
  ])('for %s %j is 412 without the state and its tag', async (method, path, ask) => {
    const jane = await writer();
    const response = await jane.ask(method, path, ask);
    expect(response.headers.get('etag')).toBeNull();
    await expectProblem(response, 412, 'precondition_failed');
    expect(jane.user.patches).toEqual([]);
  });
});

describe('a test of a JSON Patch', () => {
  test.each([
    ['holds', [{ op: 'test', path: '/secret', value: STORED.secret }]],
    ['does not hold', [{ op: 'test', path: '/secret', value: 'guess' }]],
    [
      'comes last',
      [
        { op: 'add', path: '/b', value: 2 },
        { op: 'test', path: '/a', value: 1 },
      ],
    ],
    ['is malformed', [{ op: 'test' }]],
  ])('that %s is refused, and names the scope to read', async (_name, json) => {
    const jane = await writer();
    const response = await jane.ask('PATCH', '', { json, headers: JSON_PATCH });
    expect(response.headers.get('www-authenticate')).toContain(
      'error="insufficient_scope", error_description="A test reads what is stored: the access token lacks the scope read:metadata.", scope="read:metadata"',
    );
    await expectProblem(response, 403, 'scope_missing');
    expect([jane.user.reads, jane.user.patches]).toEqual([0, []]);
  });
});

test('in one group, each writer is answered by the scopes of their own token', async () => {
  const jane = await person({ ...STORED });
  const token = await mintToken({ claims: { sub: jane.user.id, scope: 'update:metadata' } });
  const asWriter =
    (method: string, path: string, json: unknown, more: Readonly<Record<string, string>> = {}): Send =>
    () =>
      fetch(`${service.url}/me/metadata${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...more },
        body: JSON.stringify(json),
      });
  const answers = await writeTogether(scene, jane, [
    asWriter('PATCH', '', { b: 2 }),
    patch(jane, { c: 3 }),
    asWriter('PUT', '/d', 4),
    putKey(jane, 'e', 5),
    asWriter('PATCH', '', { never: true }, { 'if-match': '"other"' }),
    patch(jane, { never: true }, { 'if-match': '"other"' }),
  ]);
  expect(statuses(answers)).toEqual([204, 200, 204, 200, 412, 412]);
  const bodies = await Promise.all(answers.map((answer) => answer.text()));
  expect(bodies.map((body) => body.includes(STORED.secret))).toEqual([
    false,
    true,
    false,
    false,
    false,
    true,
  ]);
  expect(answers.map(({ headers }) => headers.get('etag') !== null)).toEqual([
    false,
    true,
    false,
    true,
    false,
    true,
  ]);
  expect(jane.user.patches).toEqual([{ b: 2, c: 3, d: 4, e: 5 }]);
});

describe('on the drop-in', () => {
  const json = { user_metadata: { b: 2 } };

  test.each(['update:current_user_metadata', 'create:current_user_metadata read:metadata'])(
    'a PATCH with %s alone is answered with 204, without a body and without a tag',
    async (scope) => {
      const jane = await compat.user({ ...STORED }, { scope });
      expect(await told(await jane.ask('PATCH', '', { json }))).toEqual({ ...NOTHING, hasQuota: false });
      expect(jane.user.stored).toEqual({ ...STORED, b: 2 });
    },
  );

  test('a precondition that fails tells nothing of what is stored', async () => {
    const jane = await compat.user({ ...STORED }, { scope: 'update:current_user_metadata' });
    const response = await jane.ask('PATCH', '', { json, headers: { 'if-match': '"other"' } });
    expect([response.status, response.headers.get('etag')]).toEqual([412, null]);
    expect(await response.text()).not.toContain(STORED.secret);
  });

  const current = 'read:current_user update:current_user_metadata';
  test.each([
    [current, undefined],
    [`${current} read:app_metadata`, { plan: 'pro' }],
  ])('with the scopes %s, app_metadata is %j', async (scope, shown) => {
    const jane = await compat.user({ ...STORED }, { scope });
    const body = {
      user_id: jane.user.id,
      user_metadata: STORED,
      app_metadata: { plan: 'pro', internal: 'LEAK' },
    };
    for (const route of ['read', 'change'] as const) compat.tenant.answerWith(route, { status: 200, body });
    const answers = [await jane.ask('GET'), await jane.ask('PATCH', '', { json })];
    const parts = await Promise.all(
      answers.map(async (answer) => Reflect.get(Object(await answer.json()), 'app_metadata')),
    );
    expect(parts).toEqual([shown, shown]);
  });
});

test('a caller with both scopes is answered as ever', async () => {
  const jane: Person = await person({ ...STORED });
  const response = await jane.ask('PATCH', '', { json: { b: 2 } });
  const document = { ...STORED, b: 2 };
  expect([response.status, await response.json()]).toEqual([200, document]);
  expect(response.headers.get('etag')).toBe(represent(document).etag);
});
