/** The Management API and the token endpoint fail, and what callers of one replica without Redis see of it. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type Answer, type Fleet, openFleet, type Person } from '../redis/fleet.ts';
import type { Replica } from '../support/replica.ts';
import { until } from '../support/until.ts';
import { startTenantProcess, type TenantProcess } from './tenant-process.ts';

const ENVIRONMENT = {
  CACHE_TTL_SECONDS: '1',
  CACHE_STALE_SECONDS: '0',
  UPSTREAM_TIMEOUT_MS: '1500',
  UPSTREAM_WAIT_MS: '500',
};
/** What an answer may take on a busy machine, when the bounds above are 2 s together. */
const ANY_MS_MAX = 10_000;

let tenant: TenantProcess;
let fleet: Fleet;
let replica: Replica;

beforeAll(async () => {
  tenant = await startTenantProcess();
  fleet = await openFleet({ redisUrls: [undefined], tenant, env: ENVIRONMENT });
  [replica] = fleet.pair;
});
afterEach(async () => {
  tenant.thaw();
  await fleet.removeFaults();
  // The circuit breaker has to see for itself that the tenant is well.
  const user = await fleet.person({});
  await until(async () => ((await fleet.ask(replica, user)).status === 200 ? true : undefined));
  await replica.becomes('ready');
});
afterAll(async () => {
  await fleet.stop();
});

/** A user whose document was read once, and is no longer fresh. */
async function knownPerson(): Promise<Person> {
  const person = await fleet.person({ theme: 'dark' });
  await fleet.ask(replica, person);
  const readAt = Date.now();
  await until(() => Date.now() - readAt > 1_000 || undefined);
  return person;
}

const patching = (person: Person, patch: Record<string, unknown> = { theme: 'light' }) =>
  fleet.ask(replica, person, { patch: JSON.parse(JSON.stringify(patch)) });
const patchesOf = async (person: Person) =>
  (await fleet.calls(person)).filter(({ method }) => method === 'PATCH').length;

function expectRefused(answer: Answer, status: number, code: string): void {
  expect(answer).toMatchObject({ status, body: { status, code } });
  expect(answer.tookMs).toBeLessThan(ANY_MS_MAX);
  // A caller who may try again learns when.
  expect(answer.retryAfterSeconds >= 1).toBe(status === 503);
}

const STALE_IF_ERROR = expect.stringMatching(/^hit; ttl=-?\d+; detail=stale-if-error$/);

describe('known documents are served from the copy (stale-if-error), others and writes are refused:', () => {
  test.each<[string, () => unknown, number, string]>([
    [
      'the Management API ends connections without a word: 503 and Retry-After',
      () => fleet.putFault({ route: 'management.get', drop: true }),
      503,
      'upstream_unavailable',
    ],
    ['it answers nothing: 504', () => tenant.freeze(), 504, 'upstream_timeout'],
    [
      'it is too slow: 504',
      () => fleet.putFault({ route: 'management.get', delay_ms: 60_000 }),
      504,
      'upstream_timeout',
    ],
    [
      'it answers 500: 503 and Retry-After',
      () => fleet.putFault({ route: 'management.get', status: 500 }),
      503,
      'upstream_unavailable',
    ],
    [
      'its answers are cut off: 502',
      () =>
        fleet.putFault({ route: 'management.get', status: 200, body: '{"user_id":"auth0|x"}', drop: true }),
      502,
      'upstream_malformed',
    ],
    [
      'it answers nonsense: 502',
      () => fleet.putFault({ route: 'management.get', status: 200, body: '<html>' }),
      502,
      'upstream_malformed',
    ],
    [
      'it answers with another user: 502',
      () =>
        fleet.putFault({
          route: 'management.get',
          status: 200,
          body: '{"user_id":"auth0|else","user_metadata":{"theme":"LEAK"}}',
        }),
      502,
      'upstream_malformed',
    ],
    [
      'it answers 429 all the time: 503 and Retry-After',
      () => fleet.putFault({ route: 'management.get', status: 429 }),
      503,
      'upstream_rate_limited',
    ],
  ])('%s', async (_name, begin, status, code) => {
    const known = await knownPerson();
    const unknown = await fleet.person({ theme: 'dark' });
    await begin();
    const read = await fleet.ask(replica, known);
    expect(read).toMatchObject({ status: 200, from: STALE_IF_ERROR, body: { theme: 'dark' } });
    expectRefused(await fleet.ask(replica, unknown), status, code);
    expectRefused(await patching(unknown, { prefs: { deep: true } }), status, code);
    // The service lives, and says that it serves.
    expect((await replica.health()).code).toBe(200);
  });
});

describe('a write whose answer is lost, or is a failure,', () => {
  test.each<[string, Record<string, unknown>, number, string]>([
    ['503 after it was applied', { status: 503 }, 503, 'upstream_unavailable'],
    ['500 after it was applied', { status: 500 }, 503, 'upstream_unavailable'],
    [
      'half an answer after it was applied',
      { status: 200, body: '{"user_id":"auth0|x"}', drop: true },
      502,
      'upstream_malformed',
    ],
    ['nonsense after it was applied', { status: 200, body: 'LEAK' }, 502, 'upstream_malformed'],
  ])(
    'says that its outcome is unknown, is not repeated, and the next read shows the truth: %s',
    async (_name, fault, status, code) => {
      const person = await fleet.person({ theme: 'dark' });
      await fleet.ask(replica, person);
      await fleet.putFault({
        route: 'management.patch',
        after_apply: true,
        times: 1,
        ...JSON.parse(JSON.stringify(fault)),
      });
      const answer = await patching(person);
      expectRefused(answer, status, code);
      expect(answer.body).toMatchObject({ outcome: 'unknown' });
      expect(JSON.stringify(answer.body)).not.toContain('LEAK');
      expect(await patchesOf(person)).toBe(1);
      expect((await fleet.ask(replica, person)).body).toEqual({ theme: 'light' });
    },
  );

  test('is sent once more where a kept connection ended without a byte, and no more than that', async () => {
    const person = await fleet.person({ theme: 'dark' });
    await fleet.ask(replica, person);
    const drop = { route: 'management.patch', after_apply: true, drop: true };
    await fleet.putFault({ ...drop, times: 1 });
    expect(await patching(person)).toMatchObject({ status: 200, body: { theme: 'light' } });
    await fleet.putFault({ ...drop, times: 2 });
    const answer = await patching(person, { theme: 'blue' });
    expectRefused(answer, 503, 'upstream_unavailable');
    expect(answer.body).toMatchObject({ outcome: 'unknown' });
    expect(await patchesOf(person)).toBe(4);
    expect((await fleet.ask(replica, person)).body).toEqual({ theme: 'blue' });
  });

  test('says so too when no answer comes in time: 504', async () => {
    const person = await fleet.person({ theme: 'dark' });
    await fleet.ask(replica, person);
    await fleet.putFault({ route: 'management.patch', delay_ms: 60_000 });
    const answer = await patching(person);
    expectRefused(answer, 504, 'upstream_timeout');
    expect(answer.body).toMatchObject({ outcome: 'unknown' });
    expect((await fleet.ask(replica, person)).body).toEqual({ theme: 'light' });
  });

  test('was surely not applied when the tenant answered 429: nothing is unknown', async () => {
    const person = await fleet.person({ theme: 'dark' });
    await fleet.putFault({ route: 'management.patch', status: 429 });
    const answer = await patching(person);
    expectRefused(answer, 503, 'upstream_rate_limited');
    expect(answer.body).not.toHaveProperty('outcome');
    expect(await fleet.stored(person)).toEqual({ theme: 'dark' });
  });
});

test('a storm of 429 with many callers is not answered by a storm of requests, and is over when it is over', async () => {
  const people = await Promise.all(Array.from({ length: 40 }, () => fleet.person({ theme: 'dark' })));
  const before = (await fleet.calls()).length;
  await fleet.putFault({ route: 'management.get', status: 429 });
  const answers = await Promise.all(people.map((person) => fleet.ask(replica, person)));
  // On a busy machine, one that asks a second time may find its deadline over.
  const limited = answers.filter(({ body }) => body['code'] === 'upstream_rate_limited');
  const late = answers.filter(({ body }) => body['code'] === 'upstream_timeout');
  expect(limited.length).toBeGreaterThan(0);
  expect(limited.length + late.length).toBe(answers.length);
  expect(limited.every(({ retryAfterSeconds }) => retryAfterSeconds >= 1)).toBe(true);
  // Each may ask once and learns at once; none asks again and again.
  expect((await fleet.calls()).length - before).toBeLessThanOrEqual(2 * people.length);
  await fleet.removeFaults();
  const retryAt = Date.now() + 1_000 * Math.max(...answers.map(({ retryAfterSeconds }) => retryAfterSeconds));
  await until(() => Date.now() >= retryAt || undefined, retryAt + 1_000);
  const again = await Promise.all(people.slice(0, 10).map((person) => fleet.ask(replica, person)));
  expect(new Set(again.map(({ status }) => status))).toEqual(new Set([200]));
});

describe('the token endpoint', () => {
  test('fails later: no caller notices while the token lasts', async () => {
    await fleet.putFault({ route: 'token', status: 500 });
    const person = await fleet.person({ theme: 'dark' });
    expect((await fleet.ask(replica, person)).status).toBe(200);
    expect((await patching(person)).body).toEqual({ theme: 'light' });
  });

  test.each([
    ['answers 500: 503', { status: 500 }, 503, 'upstream_unavailable'],
    ['refuses the client: 502, never 401', { status: 401 }, 502, 'upstream_refused'],
    ['answers nonsense: 502', { status: 200, body: 'LEAK' }, 502, 'upstream_malformed'],
  ])('%s at the start; the replica is degraded, and heals by itself', async (_name, fault, status, code) => {
    await fleet.putFault({ route: 'token', ...fault });
    const early = await fleet.join({});
    await until(async () => ((await early.health()).code === 200 ? true : undefined));
    expect((await early.health()).status).toBe('degraded');
    const person = await fleet.person({ theme: 'dark' });
    expectRefused(await fleet.ask(early, person), status, code);
    expect(early.lines.filter((line) => line.includes('LEAK'))).toEqual([]);
    await fleet.removeFaults();
    await until(async () => ((await fleet.ask(early, person)).status === 200 ? true : undefined));
    await early.becomes('ready');
    await early.kill();
  });
});

// The last one: a tenant that was killed has forgotten everybody.
test('the whole tenant is gone: tokens are still verified, known documents served, all else is 503', async () => {
  const doomed = await startTenantProcess();
  const others = await openFleet({ redisUrls: [undefined], tenant: doomed, env: ENVIRONMENT });
  const [lonely] = others.pair;
  const known = await others.person({ theme: 'dark' });
  const unknown = await others.person({ theme: 'dark' });
  await others.ask(lonely, known);
  await doomed.stop();
  const readAt = Date.now();
  await until(() => Date.now() - readAt > 1_000 || undefined);
  const read = await others.ask(lonely, known);
  expect(read).toMatchObject({ status: 200, from: STALE_IF_ERROR, body: { theme: 'dark' } });
  expectRefused(await others.ask(lonely, unknown), 503, 'upstream_unavailable');
  const write = await others.ask(lonely, known, { patch: { theme: 'light' } });
  expectRefused(write, 503, 'upstream_unavailable');
  // Nothing was sent, so nothing can have been applied.
  expect(write.body).not.toHaveProperty('outcome');
  expect((await lonely.health()).code).toBe(200);
  await others.stop();
});
