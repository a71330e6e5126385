import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeWithRedis, openRedis, type TestRedis } from '../support/redis.ts';
import type { Replica } from '../support/replica.ts';
import { until } from '../support/until.ts';
import { type Answer, type Fleet, openFleet, type Person } from '../redis/fleet.ts';

/** A write spends two requests of a budget of two a second: readers behind it need longer than the default. */
const WAIT_MS = 4_000;
const MARGIN_MS = 1_000;

describeWithRedis('two replicas that share the budget of the free plan', () => {
  let redis: TestRedis;
  let fleet: Fleet;
  let here: Replica;
  let there: Replica;
  beforeAll(async () => {
    redis = await openRedis();
    fleet = await openFleet({
      redisUrls: [redis.url, redis.url],
      tenant: { plan: 'free' },
      env: { UPSTREAM_BUDGET: 'free', UPSTREAM_WAIT_MS: String(WAIT_MS) },
    });
    [here, there] = fleet.pair;
  });
  afterAll(async () => {
    await fleet.stop();
    await redis.stop();
  });

  const people = (count: number) =>
    Promise.all(Array.from({ length: count }, () => fleet.person({ theme: 'dark' })));
  const refusedUpstream = async () => (await fleet.calls()).filter(({ status }) => status === 429).length;

  async function burst(crowd: readonly Person[]): Promise<Answer[]> {
    return Promise.all(crowd.map((person, index) => fleet.ask(index % 2 === 0 ? here : there, person)));
  }

  test('a burst is served as far as the budget goes; the others are told when to come back', async () => {
    const crowd = await people(60);
    const answers = await burst(crowd);
    const served = answers.filter(({ status }) => status === 200);
    const refused = answers.filter(({ status }) => status === 503);
    expect(served.length + refused.length).toBe(60);
    expect(served.length).toBeGreaterThanOrEqual(3);
    expect(await refusedUpstream()).toBeLessThanOrEqual(1);
    for (const { body, retryAfterSeconds, tookMs } of refused) {
      expect(body['code']).toBe('upstream_rate_limited');
      expect(retryAfterSeconds).toBeGreaterThanOrEqual(1);
      expect(retryAfterSeconds).toBeLessThanOrEqual(60);
      expect(tookMs).toBeLessThan(WAIT_MS + MARGIN_MS);
    }
    // The time is true: who comes back then, alone, is served.
    const index = answers.findIndex(({ status }) => status === 503);
    const [answer, person] = [answers[index], crowd[index]];
    if (!answer || !person) throw new Error('no caller was refused');
    await delay(answer.retryAfterSeconds * 1_000);
    expect((await fleet.ask(here, person)).status).toBe(200);
    expect(await refusedUpstream()).toBeLessThanOrEqual(1);
  });

  test('a write goes before the reads that wait', async () => {
    const crowd = await people(4);
    const [writer] = await people(1);
    if (!writer) throw new Error('no caller writes');
    const before = (await fleet.calls()).length;
    const reads = Promise.all(crowd.map((person) => fleet.ask(here, person)));
    await until(async () => ((await fleet.calls()).length > before ? true : undefined));
    const written = await fleet.ask(here, writer, { patch: { theme: 'light' } });
    await reads;
    expect(written.status).toBe(200);
    const [first] = await fleet.calls(writer);
    if (!first) throw new Error('nothing was asked for the writer');
    const readsOfOthers = (await Promise.all(crowd.map((person) => fleet.calls(person)))).flat();
    expect(readsOfOthers.filter(({ at }) => at > first.at).length).toBeGreaterThanOrEqual(1);
    expect(await refusedUpstream()).toBeLessThanOrEqual(1);
  });
});
