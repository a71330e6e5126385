/** Tokens that name an actor (RFC 8693): what they may do by the policy, and how log and audit name who acted. */
import { describe, expect, test } from '@jest/globals';
import { getAuditId } from '../../src/composition/observability.ts';
import { parseObject } from '../support/json.ts';
import { expectProblem } from '../support/problem.ts';
import { openScene, type Scene } from '../support/scene.ts';
import { APPLICATION } from '../support/tokens.ts';
import { until } from '../support/until.ts';

const SCOPE =
  'read:metadata update:metadata read:app_metadata read:client_metadata read:current_user update:current_user_metadata';
const SUPPORT = 'auth0|support';
const ACT = { sub: SUPPORT };
const env = { AUTH0_COMPAT: 'true' };

const usual = await openScene({ env });
const refusing = await openScene({ env, policy: { delegation: { access: 'refuse' } } });
const writing = await openScene({ env, policy: { delegation: { access: 'write' } } });
const listed = await openScene({
  env,
  policy: { delegation: { access: 'write', actors: [SUPPORT, 'agt_1'] } },
});
const { tenant } = usual;

interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly body?: string;
  readonly act?: unknown;
  readonly requestId?: string;
}

async function ask(scene: Scene, { method = 'GET', path = '/me/metadata', act = ACT, ...rest }: Ask = {}) {
  const { user, token } = await scene.person({ a: 1 }, { scope: SCOPE, act });
  const response = await fetch(`${scene.service.url}${path.replace('{id}', encodeURIComponent(user.id))}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(rest.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(rest.requestId === undefined ? {} : { 'x-request-id': rest.requestId }),
    },
    ...(rest.body === undefined ? {} : { body: rest.body }),
  });
  return { user, response };
}

const READS: readonly Ask[] = [
  { path: '/me' },
  { path: '/me/metadata' },
  { path: '/me/metadata/a' },
  { path: '/me/app-metadata' },
  { path: '/client/metadata' },
  { path: '/me/events', method: 'HEAD' },
  { path: '/api/v2/users/{id}' },
];
const WRITES: readonly Ask[] = [
  { path: '/me/metadata', method: 'PATCH', body: '{"a":2}' },
  { path: '/me/metadata', method: 'PUT', body: '{"a":2}' },
  { path: '/me/metadata', method: 'DELETE' },
  { path: '/me/metadata/a', method: 'PUT', body: '2' },
  { path: '/me/metadata/a', method: 'DELETE' },
  { path: '/api/v2/users/{id}', method: 'PATCH', body: '{"user_metadata":{"a":2}}' },
];
const titled = (asks: readonly Ask[]) =>
  asks.map((each) => [`${each.method ?? 'GET'} ${each.path ?? ''}`, each] as const);

/** The status, the code as it stands in the log, whether the answer challenges, and what the tenant was asked. */
async function outcomeOf(scene: Scene, given: Ask) {
  const { user, response } = await ask(scene, given);
  const [line] = await scene.service.linesOf(response.headers.get('x-request-id') ?? '');
  const challenge = response.headers.get('www-authenticate');
  return {
    status: response.status,
    code: line?.['code'],
    challenge,
    asked: [user.reads, user.patches.length],
  };
}

const REFUSED = { status: 403, code: 'actor_not_allowed', challenge: null, asked: [0, 0] };

async function auditOf({ service }: Scene, id: string): Promise<Record<string, unknown>> {
  return until(() => service.auditLines.map(parseObject).find((line) => line['request_id'] === id));
}

function chainOf(length: number): unknown {
  return Array.from({ length }).reduce<unknown>(
    (inner, _, index) => ({ sub: `actor ${index}`, ...(inner === undefined ? {} : { act: inner }) }),
    undefined,
  );
}

describe('without a word about it in the policy, an actor', () => {
  test.each(titled(READS))('may read: %s', async (_title, given) => {
    tenant.answerWith('unknown', { status: 200, body: { client_id: APPLICATION, client_metadata: {} } });
    const { response } = await ask(usual, given);
    expect(response.status).toBe(200);
  });

  test.each(titled(WRITES))('changes nothing: %s', async (_title, given) => {
    expect(await outcomeOf(usual, given)).toEqual(REFUSED);
  });
});

describe('with the access refuse, an actor is refused', () => {
  test.each(titled([...READS, ...WRITES]))('%s', async (_title, given) => {
    expect(await outcomeOf(refusing, given)).toEqual(REFUSED);
  });

  test('and a user who acts in person is served', async () => {
    const jane = await refusing.person({ a: 1 });
    expect((await jane.ask('GET')).status).toBe(200);
    expect((await jane.ask('PATCH', '', { json: { a: 2 } })).status).toBe(200);
  });
});

test('the drop-in refuses an actor in the shape of the Management API', async () => {
  const { response } = await ask(refusing, { path: '/api/v2/users/{id}' });
  expect(parseObject(await response.text())).toEqual({
    statusCode: 403,
    error: 'Forbidden',
    message: 'Tokens with an actor are not accepted here.',
    errorCode: 'actor_not_allowed',
  });
});

test.each(titled(WRITES))('with the access write, an actor may write: %s', async (_title, given) => {
  const { user, response } = await ask(writing, given);
  expect(response.ok).toBe(true);
  expect(user.patches).toHaveLength(1);
});

test('a scope that the token lacks stays lacking, whatever an actor may do', async () => {
  const jane = await writing.person({ a: 1 }, { act: ACT, scope: 'read:metadata' });
  expect((await jane.ask('GET')).status).toBe(200);
  await expectProblem(await jane.ask('PATCH', '', { json: { a: 2 } }), 403, 'scope_missing');
});

describe('where the policy lists actors', () => {
  test.each([
    ['the one listed', { sub: SUPPORT }],
    ['an agent listed', { sub: 'agt_1' }],
    ['one listed, to whom another delegated', { sub: SUPPORT, act: { sub: 'another' } }],
  ])('%s may act', async (_name, act) => {
    expect((await ask(listed, { act })).response.status).toBe(200);
    expect((await ask(listed, { act, method: 'PATCH', body: '{}' })).response.status).toBe(200);
  });

  test.each([
    ['one not listed', { sub: 'auth0|other' }],
    ['one in other case', { sub: SUPPORT.toUpperCase() }],
    ['one not listed, to whom a listed one delegated', { sub: 'other', act: { sub: SUPPORT } }],
  ])('%s may neither read nor write', async (_name, act) => {
    expect(await outcomeOf(listed, { act })).toEqual(REFUSED);
    expect(await outcomeOf(listed, { act, method: 'PATCH', body: '{"a":2}' })).toEqual(REFUSED);
  });
});

describe('the chain of actors', () => {
  test('is accepted with five actors, and with members that mean nothing here', async () => {
    expect((await ask(usual, { act: chainOf(5) })).response.status).toBe(200);
    const act = { sub: 'a', iss: 7, client_id: null, act: { sub: 'b', exp: 'never' } };
    expect((await ask(usual, { act })).response.status).toBe(200);
  });

  test.each([
    ['null', null, 'not an object'],
    ['a text', 'auth0|support', 'not an object'],
    ['a list', [ACT], 'not an object'],
    ['true', true, 'not an object'],
    ['empty', {}, 'without a sub'],
    ['without a sub', { client_id: 'c' }, 'without a sub'],
    ['with a sub that is null', { sub: null }, 'without a sub'],
    ['with a sub that is a number', { sub: 7 }, 'without a sub'],
    ['with a sub in a list', { sub: [SUPPORT] }, 'without a sub'],
    ['with an empty sub', { sub: '' }, 'without a sub'],
    ['with half a character as its sub', { sub: '\ud800' }, 'without a sub'],
    ['nested and null', { ...ACT, act: null }, 'not an object'],
    ['nested and a text', { ...ACT, act: 'x' }, 'not an object'],
    ['nested without a sub', { ...ACT, act: { act: ACT } }, 'without a sub'],
    ['of six actors', chainOf(6), 'more than 5'],
    ['of a hundred actors', chainOf(100), 'more than 5'],
  ])('makes the token invalid when it is %s', async (_name, act, reason) => {
    for (const scene of [usual, writing]) {
      const { user, response } = await ask(scene, { act });
      await expectProblem(response, 401, 'token_invalid', { detail: expect.stringContaining(reason) });
      expect(user.reads).toBe(0);
    }
  });
});

describe('who acted', () => {
  const { config } = usual.service;
  const act = { sub: SUPPORT, act: { sub: 'auth0|manager' } };

  test('stands in the log line of the request, as audit-id writes it', async () => {
    await ask(usual, { act, requestId: 'delegated-read' });
    const [line] = await usual.service.linesOf('delegated-read');
    expect(line).toMatchObject({ actor: getAuditId(config, SUPPORT), actors: 2, status: 200 });
  });

  test('stands in the audit of a write, whether it is made or refused', async () => {
    const made = await ask(writing, { act, method: 'PATCH', body: '{"a":2}', requestId: 'delegated-made' });
    await ask(usual, { act, method: 'DELETE', requestId: 'delegated-refused' });
    const expected = { actor: getAuditId(config, SUPPORT), actors: 2 };
    expect(await auditOf(writing, 'delegated-made')).toMatchObject({
      ...expected,
      user: getAuditId(config, made.user.id),
      outcome: 'applied',
    });
    expect(await auditOf(usual, 'delegated-refused')).toMatchObject({
      ...expected,
      outcome: 'refused',
      code: 'actor_not_allowed',
    });
    const lines = [writing, usual].flatMap(({ service }) => [...service.logLines, ...service.auditLines]);
    expect(lines.join('')).not.toMatch(/auth0\|(?:support|manager)/);
  });

  test('stands nowhere when the user acted in person', async () => {
    const jane = await writing.person({});
    await jane.ask('PATCH', '', { json: { a: 1 }, headers: { 'x-request-id': 'in-person' } });
    const [line] = await writing.service.linesOf('in-person');
    expect(Object.keys(line ?? {})).not.toContain('actor');
    const audited = await until(() => writing.service.auditLines.find((text) => text.includes('in-person')));
    expect(audited).not.toContain('actor');
  });
});
