import { describe, expect, test } from '@jest/globals';
import { expectProblem, type ProblemMembers } from '../support/problem.ts';
import { openSeparateScene, type Person, type SeparateScene } from '../support/scene.ts';
import { LEAK, UPSTREAM_TEXT } from '../support/sentinels.ts';
import type { TestClock } from '../support/service.ts';
import type { TenantAnswer } from '../support/tenant.ts';

const ENVIRONMENT = { UPSTREAM_WAIT_MS: '0' };
/** For a tenant that never comes to an end, and for a 429, which must not be waited out. */
const IMPATIENT = { ...ENVIRONMENT, UPSTREAM_TIMEOUT_MS: '900' };

interface Outcome {
  readonly status: number;
  readonly code: string;
  /** Seconds, as the header field must match them. */
  readonly retryAfter?: RegExp;
}

const REJECTED: Outcome = { status: 422, code: 'metadata_invalid' };
const REFUSED: Outcome = { status: 502, code: 'upstream_refused' };
const MALFORMED: Outcome = { status: 502, code: 'upstream_malformed' };
const UNAVAILABLE: Outcome = { status: 503, code: 'upstream_unavailable', retryAfter: /^[1-9]\d?$/ };
const TIMEOUT: Outcome = { status: 504, code: 'upstream_timeout' };
const rateLimited = (retryAfter: RegExp): Outcome => ({
  status: 503,
  code: 'upstream_rate_limited',
  retryAfter,
});

type Answering = (who: Person, clock: TestClock) => TenantAnswer;
const failing =
  (status: number, headers: Readonly<Record<string, string>> = {}): Answering =>
  () => ({
    status,
    headers: { ...headers, 'x-upstream': 'LEAK', 'set-cookie': 'LEAK=1' },
    body: { statusCode: status, error: UPSTREAM_TEXT, message: UPSTREAM_TEXT, errorCode: UPSTREAM_TEXT },
  });
const answering =
  (body: unknown): Answering =>
  () => ({ status: 200, body });
const holding =
  (metadata: unknown): Answering =>
  ({ user }) => ({ status: 200, body: { user_id: user.id, user_metadata: metadata } });
const breaking =
  (fault: NonNullable<TenantAnswer['fault']>): Answering =>
  ({ user }) => ({ status: 200, body: { user_id: user.id, user_metadata: { text: UPSTREAM_TEXT } }, fault });

const nesting =
  (levels: number): Answering =>
  ({ user }) => ({
    status: 200,
    body: `{"user_id":${JSON.stringify(user.id)},"user_metadata":${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}}`,
  });
/** By the tenant's own clock, which its `Date` tells. */
const inHalfAMinute: Answering = (who, clock) =>
  failing(429, { 'x-ratelimit-reset': String(Math.floor(Date.now() / 1000) + 30) })(who, clock);

type Applied = 'not applied' | 'perhaps applied';

/**
 * What the tenant does, what the caller gets, whether a write so answered may have been applied, and what its caller gets
 * if that is something else.
 */
const TABLE: ReadonlyArray<readonly [string, Answering, Outcome, Applied, Outcome?]> = [
  ['400', failing(400), REFUSED, 'not applied', REJECTED],
  ['413', failing(413), REFUSED, 'not applied', { status: 413, code: 'metadata_too_large' }],
  ['404', failing(404), { status: 404, code: 'user_not_found' }, 'not applied'],
  ['409', failing(409), REFUSED, 'not applied', REJECTED],
  ['429', failing(429), rateLimited(/^1$/), 'not applied'],
  ['429 with Retry-After', failing(429, { 'retry-after': '7' }), rateLimited(/^7$/), 'not applied'],
  ['429 with x-ratelimit-reset', inHalfAMinute, rateLimited(/^(2\d|30)$/), 'not applied'],
  [
    '429 with nonsense',
    failing(429, { 'retry-after': 'LEAK', 'x-ratelimit-reset': 'x' }),
    rateLimited(/^1$/),
    'not applied',
  ],
  ['429 for a year', failing(429, { 'retry-after': '31536000' }), rateLimited(/^\d{1,3}$/), 'not applied'],
  ['500', failing(500), UNAVAILABLE, 'perhaps applied'],
  ['502', failing(502), UNAVAILABLE, 'perhaps applied'],
  ['503', failing(503, { 'retry-after': '9' }), UNAVAILABLE, 'perhaps applied'],
  ['a redirect', failing(302, { location: '/elsewhere' }), REFUSED, 'not applied'],
  ['200 with HTML', answering(`<html>${UPSTREAM_TEXT}</html>`), MALFORMED, 'perhaps applied'],
  ['200 with nothing', answering(''), MALFORMED, 'perhaps applied'],
  ['200 with a list', answering([UPSTREAM_TEXT]), MALFORMED, 'perhaps applied'],
  ['200 without a user id', answering({ user_metadata: { a: UPSTREAM_TEXT } }), MALFORMED, 'perhaps applied'],
  [
    '200 with another user',
    answering({ user_id: 'auth0|else', user_metadata: { a: UPSTREAM_TEXT } }),
    MALFORMED,
    'perhaps applied',
  ],
  ['metadata that nests beyond reason', nesting(5000), MALFORMED, 'perhaps applied'],
  ['10 MB', holding({ text: UPSTREAM_TEXT.repeat(600_000) }), MALFORMED, 'perhaps applied'],
  ['an answer that is cut short', breaking('cut'), MALFORMED, 'perhaps applied'],
  ['a reset connection', breaking('reset'), UNAVAILABLE, 'perhaps applied'],
  ['silence', breaking('silence'), TIMEOUT, 'perhaps applied'],
  ['one byte at a time', breaking('drip'), TIMEOUT, 'perhaps applied'],
];

async function expectOutcome(response: Response, outcome: Outcome, more: ProblemMembers = {}): Promise<void> {
  const retryAfter = response.headers.get('retry-after');
  await expectProblem(response, outcome.status, outcome.code, more);
  expect(retryAfter ?? '').toMatch(outcome.retryAfter ?? /^$/);
}

/** Each row has a service of its own, so that no breaker and no budget remembers the row before. */
const rows: Array<readonly [string, Answering, Outcome, Applied, Outcome, SeparateScene]> = [];
for (const [name, answer, outcome, applied, written = outcome] of TABLE) {
  const waits = ['upstream_timeout', 'upstream_rate_limited'].includes(outcome.code);
  const scene = await openSeparateScene({ env: waits ? IMPATIENT : ENVIRONMENT });
  rows.push([name, answer, outcome, applied, written, scene]);
}

describe.each(rows)('when the tenant answers %s,', (_name, answer, outcome, applied, written, scene) => {
  const { person, tenant, service } = scene;
  /** Longer than the tenant's word about its budget is believed. */
  const waitForTheBudget = (): void => service.clock.advance(61);

  test(`a read is ${outcome.status} ${outcome.code}`, async () => {
    const jane = await person({ a: 1 });
    tenant.answerWith('read', answer(jane, service.clock));
    const response = await jane.ask('GET');
    expect(response.headers.get('set-cookie')).toBeNull();
    await expectOutcome(response, outcome);
  });

  test(`a write is ${written.status} ${written.code}, says that it was ${applied}, and leaves no copy behind`, async () => {
    waitForTheBudget();
    const jane = await person({ a: 1 });
    await jane.ask('GET');
    tenant.answerWith('change', answer(jane, service.clock));
    const response = await jane.ask('PATCH', '', { json: { a: 2 } });
    const refusal = { pointer: '', code: 'refused_by_tenant', detail: expect.any(String) };
    await expectOutcome(response, written, {
      ...(applied === 'perhaps applied' ? { outcome: 'unknown' } : {}),
      ...(written === outcome ? {} : { errors: [refusal] }),
    });
    expect(jane.user.patches).toEqual([{ a: 2 }]);
    tenant.heal();
    waitForTheBudget();
    jane.user.stored = { a: 'as the tenant holds it' };
    const read = await jane.ask('GET');
    expect(read.headers.get('cache-status')).toBe('metadata-bff; fwd=miss; stored');
    expect(await read.json()).toEqual({ a: 'as the tenant holds it' });
  });

  test('a write that must read first fails before it changes anything', async () => {
    waitForTheBudget();
    const jane = await person({ a: { b: 1 } });
    tenant.answerWith('read', answer(jane, service.clock));
    await expectOutcome(await jane.ask('PATCH', '', { json: { a: { b: 2 } } }), outcome);
    expect(tenant.countOf('change')).toBe(0);
  });
});

const { person, service, tenant, server, managementCalls } = await openSeparateScene({ env: ENVIRONMENT });

describe('a redirect of the tenant', () => {
  test('is not followed, so that no token goes elsewhere', async () => {
    const jane = await person({ a: 1 });
    tenant.answerWith('read', { status: 302, headers: { location: '/elsewhere' } });
    await jane.ask('GET');
    expect(tenant.calls.map(({ target }) => target)).not.toContain('/elsewhere');
    expect(managementCalls()).toBe(1);
  });
});

test('a copy that a reader may have stale is served through every failure but a missing user', async () => {
  const jane = await person({ a: 1 });
  await jane.ask('GET');
  service.clock.advance(700);
  tenant.answerWith('read', { status: 400 });
  const response = await jane.ask('GET');
  expect(response.headers.get('cache-status')).toMatch(
    /^metadata-bff; hit; ttl=-\d+; detail=stale-if-error$/,
  );
});

test('no log line repeats anything that the tenant said', async () => {
  const jane = await person({ a: 1 });
  tenant.answerWith('read', failing(500)(jane, service.clock));
  const response = await jane.ask('GET', '', { headers: { 'x-request-id': 'the-failing-one' } });
  expect(response.status).toBe(503);
  const [line] = await service.linesOf('the-failing-one');
  expect(line).toMatchObject({
    level: 'error',
    code: 'upstream_unavailable',
    cause: { message: 'users.read answered 500' },
  });
  expect(service.logLines.join('')).not.toMatch(LEAK);
});

test('reads and writes are 503 when nothing listens at the tenant’s address, and no write counts as perhaps applied', async () => {
  const jane = await person({ a: 1 });
  await server.close();
  await expectOutcome(await jane.ask('GET'), UNAVAILABLE);
  await expectOutcome(await jane.ask('PATCH', '', { json: { a: 2 } }), UNAVAILABLE);
  expect(jane.user.stored).toEqual({ a: 1 });
});
