/** What replicas count and remember together, and what becomes of it when their Redis does not serve. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { contentsOf } from '../../redis/redis-contents.ts';
import { createDevice } from '../../support/dpop.ts';
import { describeWithRedisServer, type RedisServer, startRedis } from '../../support/redis.ts';
import { openScene, type Person } from '../../support/scene.ts';
import type { TestService } from '../../support/service.ts';
import { mintToken } from '../../support/tokens.ts';
import { until } from '../../support/until.ts';
import { expectLimited, leftIn } from './callers.ts';

const READS = 6;
const WRITES = 4;
const FAILURES = 3;

const { person, startAnother } = await openScene();

const read = ({ url }: TestService, { token }: Person) =>
  fetch(`${url}/me/metadata`, { headers: { authorization: `Bearer ${token}` } });
const deviceOf = ({ user }: Person) => createDevice({ claims: { sub: user.id } });
/** From an address of its own, as a proxy names it. */
const sendFromAfar = ({ url }: TestService, token: string) =>
  fetch(`${url}/me`, { headers: { authorization: `Bearer ${token}`, 'x-forwarded-for': '192.0.2.77' } });
const write = ({ url }: TestService, { jsonHeaders: headers }: Person) =>
  fetch(`${url}/me/metadata`, { method: 'PATCH', headers, body: '{"a":2}' });

async function readiness({ opsUrl }: TestService, status: 'ready' | 'degraded'): Promise<void> {
  await until(async () => {
    const text = await (await fetch(`${opsUrl}/readyz`)).text();
    return text.includes(`"status":"${status}"`) ? true : undefined;
  });
}

describeWithRedisServer('limits and used proofs', () => {
  let redis: RedisServer;
  let here: TestService;
  let there: TestService;

  beforeAll(async () => {
    redis = await startRedis();
    const env = {
      REDIS_URL: redis.url,
      USER_READS_PER_MINUTE: String(READS),
      USER_WRITES_PER_MINUTE: String(WRITES),
      AUTH_FAILURES_PER_MINUTE: String(FAILURES),
      TRUSTED_PROXIES: 'loopback',
    };
    [here, there] = await Promise.all([startAnother({ env }), startAnother({ env })]);
  });
  afterAll(async () => {
    redis.thaw();
    await redis.stop();
  });

  test('writes are counted together', async () => {
    const jane = await person({ a: 1 });
    const left = [];
    for (const service of [here, there, there, here]) {
      left.push(leftIn(await write(service, jane), WRITES).remaining);
    }
    expect(left).toEqual([3, 2, 1, 0]);
    await expectLimited(await write(here, jane), 'writes', WRITES);
    await expectLimited(await write(there, jane), 'writes', WRITES);
  });

  test('reads are counted by each replica for itself', async () => {
    const jane = await person({ a: 1 });
    for (let sent = 0; sent < READS; sent += 1) expect((await read(here, jane)).status).toBe(200);
    await expectLimited(await read(here, jane), 'reads', READS);
    expect(leftIn(await read(there, jane), READS).remaining).toBe(READS - 1);
  });

  test('refused tokens are counted together', async () => {
    const expired = await mintToken({ claims: { exp: 1 } });
    for (const service of [here, there, here])
      expect((await sendFromAfar(service, expired)).status).toBe(401);
    await expectLimited(await sendFromAfar(here, await mintToken()), 'auth-failures', FAILURES);
    // This one learns of it by counting one more.
    expect((await sendFromAfar(there, expired)).status).toBe(401);
    await expectLimited(await sendFromAfar(there, await mintToken()), 'auth-failures', FAILURES);
  });

  test('a proof used on both at once is good on one', async () => {
    const device = await deviceOf(await person({ a: 1 }));
    const forwarded = {
      'x-forwarded-for': '192.0.2.78',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'api.example',
    };
    const rounds = await Promise.all(
      [1, 2, 3].map(async () => {
        const dpop = await device.proof('https://api.example/me');
        const headers = { authorization: `DPoP ${device.token}`, dpop, ...forwarded };
        const answers = await Promise.all([here, there].map(({ url }) => fetch(`${url}/me`, { headers })));
        return answers.map(({ status }) => status).toSorted((a, b) => a - b);
      }),
    );
    expect(rounds).toEqual([
      [200, 401],
      [200, 401],
      [200, 401],
    ]);
  });

  test('Redis holds no user id, address, key or proof in plain form, and nothing for good', async () => {
    const device = await deviceOf(await person({ a: 1 }));
    await fetch(`${here.url}/me`, {
      headers: {
        authorization: `DPoP ${device.token}`,
        dpop: await device.proof(`${here.url}/me`, { claims: { jti: 'plain-number' } }),
      },
    });
    const contents = await contentsOf(redis);
    for (const kind of ['limit:writes', 'limit:auth-failures', 'dpop']) {
      expect(contents.filter((text) => text.startsWith(`metadata-bff:${kind}:`))).not.toEqual([]);
    }
    expect(contents.join('\n')).not.toMatch(/auth0|192\.0\.2|plain-number/);
    const names = contents.flatMap((text) => /^metadata-bff:(?:limit|dpop):\S+/.exec(text)?.[0] ?? []);
    const lives = await Promise.all(names.map(async (name) => Number(await redis.command('PTTL', name))));
    expect(Math.min(...lives)).toBeGreaterThan(0);
    expect(Math.max(...lives)).toBeLessThanOrEqual(150_000);
  });

  test('while Redis is frozen or gone, each goes on by itself', async () => {
    const jane = await person({ a: 1 });
    const device = await deviceOf(jane);
    const dpop = await device.proof(`${here.url}/me`);
    const prove = () => fetch(`${here.url}/me`, { headers: { authorization: `DPoP ${device.token}`, dpop } });
    redis.freeze();
    const first = await Promise.all([write(here, jane), prove()]);
    // Until no replica can hold it any more, a write waits for the lock.
    expect(first.map(({ status }) => status)).toEqual([503, 200]);
    await readiness(here, 'degraded');
    for (let sent = 2; sent <= WRITES; sent += 1) {
      expect(leftIn(await write(here, jane), WRITES).remaining).toBe(WRITES - sent);
    }
    await expectLimited(await write(here, jane), 'writes', WRITES);
    expect((await prove()).status).toBe(401);
    redis.thaw();
    await readiness(here, 'ready');
    expect((await write(here, jane)).status).toBe(200);
    expect((await prove()).status).toBe(401);
  });
});
