import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { createLocalBucket } from '../../src/auth0/request-scheduler.ts';
import { createSharedBucket } from '../../src/redis/shared-bucket.ts';
import { createManualClock } from '../lib/manual-clock.ts';
import { describeWithRedis, openRedis, type TestRedis } from '../support/redis.ts';
import { createConnections } from './connections.ts';
import { type Fleet, openFleet } from './fleet.ts';
import { PATIENT } from './redis-stores.ts';

const SIZE = { burst: 5, perSecond: 0.001 };

describeWithRedis('the shared budget', () => {
  let redis: TestRedis;
  const connections = createConnections();
  beforeAll(async () => {
    redis = await openRedis();
  });
  afterEach(() => connections.stopAll());
  afterAll(() => redis.stop());

  async function openBuckets() {
    const name = randomUUID();
    const { redis: connection } = await connections.openUp(redis.url, PATIENT);
    const clock = createManualClock();
    const create = () =>
      createSharedBucket({ redis: connection, local: createLocalBucket({ clock }, SIZE) }, { name });
    return { here: create(), there: create(), key: `metadata-bff:{budget:${name}}` };
  }

  test('tokens that one replica takes are missing for the other', async () => {
    const { here, there } = await openBuckets();
    for (let taken = 0; taken < 5; taken += 1) expect(await here.take(0)).toBe(0);
    expect(await there.take(0)).toBeGreaterThan(0);
    expect(there.estimate()).toBeLessThan(1);
  });

  test('a block that one replica was told of holds on the other as soon as that one asks', async () => {
    const { here, there } = await openBuckets();
    await here.sync(0, 30_000);
    expect(await there.take(0)).toBeGreaterThanOrEqual(29_000);
    // In tokens: what 30 seconds bring is missing.
    expect(there.estimate()).toBeLessThanOrEqual((-29_000 * SIZE.perSecond) / 1000);
  });

  test('a clock of Redis that has stepped back an hour blocks for as long as the tenant asked, and else not at all', async () => {
    const { here, there, key } = await openBuckets();
    await here.take(0);
    const inAnHour = String(Date.now() + 3_600_000);
    await redis.command('HSET', key, 'at', inAnHour);
    expect(await there.take(0)).toBe(0);
    await here.sync(5, 2_000);
    await redis.command('HSET', key, 'at', inAnHour);
    const waitMs = await there.take(0);
    expect(waitMs).toBeGreaterThan(0);
    expect(waitMs).toBeLessThanOrEqual(2_000);
  });
});

describeWithRedis('two replicas that share the budget', () => {
  let redis: TestRedis;
  let fleet: Fleet;
  beforeAll(async () => {
    redis = await openRedis();
    fleet = await openFleet({ redisUrls: [redis.url, redis.url], env: { UPSTREAM_BUDGET: '10/10' } });
  });
  afterAll(async () => {
    await fleet.stop();
    await redis.stop();
  });

  test('after a 429 on one, the other refuses at once, with a true time, however often it is asked', async () => {
    const [here, there] = fleet.pair;
    const people = await Promise.all([1, 2, 3, 4].map(() => fleet.person({ theme: 'dark' })));
    const [first, ...others] = people;
    if (first === undefined) throw new Error('there is no first');
    const reset = String(Math.ceil(Date.now() / 1000) + 30);
    await fleet.putFault({
      route: 'management.get',
      status: 429,
      headers: { 'x-ratelimit-reset': reset },
      times: 1,
    });
    expect((await fleet.ask(here, first)).status).toBe(503);
    for (const person of others) {
      const answer = await fleet.ask(there, person);
      expect(answer).toMatchObject({ status: 503, body: { code: 'upstream_rate_limited' } });
      expect(answer.retryAfterSeconds).toBeGreaterThanOrEqual(25);
      expect(answer.retryAfterSeconds).toBeLessThanOrEqual(32);
    }
  });
});
