import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../support/problem.ts';
import { openSeparateScene, type Person } from '../support/scene.ts';
import { CLIENT_SECRET, LEAK, UPSTREAM_TEXT } from '../support/sentinels.ts';
import type { TenantAnswer } from '../support/tenant.ts';

const scene = await openSeparateScene();
const { person, service, tenant, managementCalls } = scene;
/** Waits briefly for the tenant, for the one row in which it never answers. */
const impatient = await openSeparateScene({ env: { UPSTREAM_TIMEOUT_MS: '400' } });
const A_DAY = 86_400;

const failing = (status: number, headers: Readonly<Record<string, string>> = {}): TenantAnswer => ({
  status,
  headers,
  body: { error: 'access_denied', error_description: UPSTREAM_TEXT },
});
const granting = (changes: Readonly<Record<string, unknown>>): TenantAnswer => ({
  status: 200,
  body: { access_token: 'LEAK-token', token_type: 'Bearer', expires_in: A_DAY, ...changes },
});

const TABLE: ReadonlyArray<readonly [string, TenantAnswer, number, string, string | null]> = [
  ['401', failing(401), 502, 'upstream_refused', null],
  ['403', failing(403), 502, 'upstream_refused', null],
  ['429', failing(429, { 'retry-after': '5' }), 503, 'upstream_rate_limited', '5'],
  ['500', failing(500), 503, 'upstream_unavailable', '1'],
  ['200 with HTML', { status: 200, body: `<p>${UPSTREAM_TEXT}` }, 502, 'upstream_malformed', null],
  ['200 with nothing', { status: 200, body: '' }, 502, 'upstream_malformed', null],
  ['200 without expires_in', granting({ expires_in: undefined }), 502, 'upstream_malformed', null],
  ['200 with a life of 0 seconds', granting({ expires_in: 0 }), 502, 'upstream_malformed', null],
  ['200 without a token', granting({ access_token: undefined }), 502, 'upstream_malformed', null],
  ['200 with a token of another type', granting({ token_type: 'mac' }), 502, 'upstream_malformed', null],
  ['a redirect', failing(302, { location: '/elsewhere' }), 502, 'upstream_refused', null],
  ['a reset connection', { status: 200, fault: 'reset' }, 503, 'upstream_unavailable', '1'],
  ['half an answer', { ...granting({}), fault: 'cut' }, 502, 'upstream_malformed', null],
  ['silence', { status: 200, fault: 'silence' }, 504, 'upstream_timeout', null],
];

describe.each(TABLE)('when the token endpoint answers %s,', (name, answer, status, code, retryAfter) => {
  const at = name === 'silence' ? impatient : scene;
  test(`reads and writes are ${status} ${code}, and work again when it does`, async () => {
    const jane = await at.person({ a: 1 });
    at.service.clock.advance(A_DAY);
    at.tenant.answerWith('token', answer);
    const read = await jane.ask('GET');
    expect(read.headers.get('retry-after')).toBe(retryAfter);
    await expectProblem(read, status, code);
    await expectProblem(await jane.ask('PATCH', '', { json: { a: 2 } }), status, code);
    await expectProblem(await jane.ask('PATCH', '', { json: { a: { b: 2 } } }), status, code);
    expect(at.managementCalls()).toBe(0);
    at.tenant.heal();
    expect((await jane.ask('GET')).status).toBe(200);
  });
});

describe('the token request', () => {
  test('is a client_credentials grant for the Management API in a form body', async () => {
    const jane = await person({ a: 1 });
    service.clock.advance(A_DAY);
    await jane.ask('GET');
    const call = tenant.calls.find(({ route }) => route === 'token');
    expect(call?.headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect(Object.fromEntries(new URLSearchParams(call?.body))).toEqual({
      grant_type: 'client_credentials',
      client_id: 'the-machine-client',
      client_secret: CLIENT_SECRET,
      audience: `${tenant.issuer}api/v2/`,
    });
  });

  test('is shared by all who wait for it', async () => {
    const people = await Promise.all(Array.from({ length: 8 }, () => person({ a: 1 })));
    service.clock.advance(A_DAY);
    const responses = await Promise.all(people.map((who) => who.ask('GET')));
    expect(responses.map(({ status }) => status)).toEqual(people.map(() => 200));
    expect(tenant.countOf('token')).toBe(1);
  });

  test('is repeated before the token ends, and not earlier', async () => {
    const jane = await person({ a: 1 });
    service.clock.advance(A_DAY);
    const noCache = { headers: { 'cache-control': 'no-cache' } };
    await jane.ask('GET', '', noCache);
    service.clock.advance(A_DAY - 120);
    await jane.ask('GET', '', noCache);
    expect(tenant.countOf('token')).toBe(1);
    service.clock.advance(90);
    await jane.ask('GET', '', noCache);
    expect(tenant.countOf('token')).toBe(2);
  });
});

/** The service holds a good token by then, and nothing of theirs is cached. */
async function personOfAHealthyTenant(): Promise<Person> {
  const [jane, omar] = await Promise.all([person({ a: 1 }), person({ a: 1 })]);
  await omar.ask('GET');
  tenant.heal();
  return jane;
}

describe.each([401, 403])('when the Management API refuses the token with %i', (status) => {
  const refusal = { status, body: { statusCode: status, message: UPSTREAM_TEXT } };

  test.each([
    ['read', 'GET', ''],
    ['change', 'DELETE', '/a'],
  ] as const)('once, a %s succeeds with another token, done once', async (route, method, path) => {
    const jane = await personOfAHealthyTenant();
    tenant.answerWith(route, refusal, 1);
    const response = await jane.ask(method, path);
    expect(response.ok).toBe(true);
    expect([tenant.countOf('token'), managementCalls()]).toEqual([1, 2]);
    const tokens = tenant.calls
      .filter((call) => call.route === route)
      .map((call) => call.headers['authorization']);
    expect(new Set(tokens).size).toBe(2);
  });

  test.each([
    ['read', 'GET', ''],
    ['change', 'DELETE', '/a'],
  ] as const)('twice, a %s is 502 after one renewal', async (route, method, path) => {
    const jane = await personOfAHealthyTenant();
    tenant.answerWith(route, refusal);
    await expectProblem(await jane.ask(method, path), 502, 'upstream_refused');
    expect([tenant.countOf('token'), managementCalls()]).toEqual([1, 2]);
    tenant.heal();
    expect((await jane.ask('GET')).status).toBe(200);
  });

  test('for good, each request costs one token at most', async () => {
    const jane = await personOfAHealthyTenant();
    tenant.answerWith('read', refusal);
    const first = await jane.ask('GET');
    const second = await jane.ask('GET');
    const third = await jane.ask('GET');
    expect([first.status, second.status, third.status]).toEqual([502, 502, 502]);
    expect(tenant.countOf('token')).toBeLessThanOrEqual(3);
  });
});

test('no log line repeats a secret, a token or what the endpoint said', async () => {
  const jane = await person({ a: 1 });
  service.clock.advance(A_DAY);
  tenant.answerWith('token', failing(401));
  await jane.ask('GET', '', { headers: { 'x-request-id': 'no-token-for-it' } });
  const [line] = await service.linesOf('no-token-for-it');
  expect(line).toMatchObject({ code: 'upstream_refused', cause: { message: 'oauth.token answered 401' } });
  expect(service.logLines.join('')).not.toMatch(LEAK);
});
