/** The issuer of tokens fails, or changes its keys, and what callers see of it: never a 401 for an outage. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type Answer, type Fleet, openFleet, type Person } from '../redis/fleet.ts';
import type { Replica } from '../support/replica.ts';
import { until } from '../support/until.ts';
import { startTenantProcess, type TenantProcess } from './tenant-process.ts';

let tenant: TenantProcess;
let fleet: Fleet;
let replica: Replica;

beforeAll(async () => {
  tenant = await startTenantProcess();
  fleet = await openFleet({ redisUrls: [undefined], tenant, env: { UPSTREAM_TIMEOUT_MS: '1500' } });
  [replica] = fleet.pair;
});
afterEach(async () => {
  tenant.thaw();
  await fleet.removeFaults();
});
afterAll(() => fleet.stop());

const served = (target: Replica, person: Person) =>
  until(async () => ((await fleet.ask(target, person)).status === 200 ? true : undefined));

function expectKeysUnavailable(answer: Answer): void {
  expect(answer).toMatchObject({ status: 503, body: { code: 'keys_unavailable' } });
  expect(answer.retryAfterSeconds).toBeGreaterThanOrEqual(1);
}

describe('no key is held, because at the start', () => {
  test.each([
    ['discovery fails', { route: 'discovery', status: 500 }],
    ['the keys fail', { route: 'jwks', status: 503 }],
    ['the keys are nonsense', { route: 'jwks', status: 200, body: '<html>' }],
    ['there are no keys', { route: 'jwks', status: 200, body: '{"keys":[]}' }],
    [
      'another issuer answers',
      {
        route: 'discovery',
        status: 200,
        body: '{"issuer":"https://else.example/","jwks_uri":"https://else.example/keys"}',
      },
    ],
    ['the connection ends without a word', { route: 'jwks', drop: true }],
  ])('%s: 503 keys_unavailable and not ready, until it is well again', async (_name, fault) => {
    await fleet.putFault(fault);
    const early = await fleet.join({});
    await early.becomes('not_ready');
    expect((await early.health()).code).toBe(503);
    const person = await fleet.person({ theme: 'dark' });
    expectKeysUnavailable(await fleet.ask(early, person));
    await fleet.removeFaults();
    await served(early, person);
    await early.becomes('ready');
    await early.kill();
  });
});

describe('keys are held, and the issuer', () => {
  test('is frozen: tokens of known keys go on, at the usual speed', async () => {
    const person = await fleet.person({ theme: 'dark' });
    await fleet.ask(replica, person);
    tenant.freeze();
    const answer = await fleet.ask(replica, person);
    expect(answer).toMatchObject({ status: 200, body: { theme: 'dark' } });
    expect((await replica.health()).code).toBe(200);
  });

  test('rotates its keys: tokens of the old key and of the new one are served, without a restart', async () => {
    const old = await fleet.person({ theme: 'dark' });
    await fleet.rotateKeys();
    const fresh = await fleet.person({ theme: 'light' });
    expect((await fleet.ask(replica, fresh)).status).toBe(200);
    expect((await fleet.ask(replica, old)).status).toBe(200);
  });

  test('rotates them while its keys cannot be fetched: 503 for the new one, never 401, and the old one goes on', async () => {
    const old = await fleet.person({ theme: 'dark' });
    expect((await fleet.ask(replica, old)).status).toBe(200);
    await fleet.rotateKeys();
    const fresh = await fleet.person({ theme: 'light' });
    await fleet.putFault({ route: 'jwks', status: 500 });
    expectKeysUnavailable(await fleet.ask(replica, fresh));
    expect((await fleet.ask(replica, old)).status).toBe(200);
    await fleet.removeFaults();
    await served(replica, fresh);
  });

  test('retires a key: its tokens are 401 as soon as the keys have been fetched again', async () => {
    const old = await fleet.person({ theme: 'dark' });
    expect((await fleet.ask(replica, old)).status).toBe(200);
    await fleet.rotateKeys({ retire: true });
    const fresh = await fleet.person({ theme: 'light' });
    await served(replica, fresh);
    expect(await fleet.ask(replica, old)).toMatchObject({ status: 401, body: { code: 'token_invalid' } });
  });
});

const now = () => Math.floor(Date.now() / 1000);

describe('the clock of the issuer differs from ours', () => {
  test.each<[string, () => Record<string, number>, number]>([
    ['a token that ended a moment ago is served', () => ({ exp: now() - 1 }), 200],
    ['one that ended a minute ago is 401', () => ({ exp: now() - 60 }), 401],
    ['one that begins in a moment is served', () => ({ nbf: now() + 3 }), 200],
    ['one that begins in a minute is 401', () => ({ nbf: now() + 60 }), 401],
  ])('%s', async (_name, claims, status) => {
    const { id } = await fleet.person({ theme: 'dark' });
    const token = await fleet.mint({ sub: id, ...claims() });
    expect((await fleet.ask(replica, { id, token })).status).toBe(status);
  });
});
