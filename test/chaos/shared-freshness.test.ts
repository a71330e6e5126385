import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Replica } from '../support/replica.ts';
import { describeWithRedis, openRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { type Fleet, openFleet, type Person } from '../redis/fleet.ts';

/** Fresh for one second, refreshed behind the reader's back until 3, served in an outage until 5. */
const env = { CACHE_TTL_SECONDS: '1', CACHE_STALE_SECONDS: '2', CACHE_STALE_IF_ERROR_SECONDS: '4' };

describeWithRedis('the age of what two replicas share', () => {
  let redis: TestRedis;
  let fleet: Fleet;
  let here: Replica;
  let there: Replica;
  let readAt = 0;
  /** Read once by one replica, at `readAt`. */
  let expired: Person;
  let rescued: Person;
  beforeAll(async () => {
    redis = await openRedis();
    fleet = await openFleet({ redisUrls: [redis.url, redis.url], env });
    [here, there] = fleet.pair;
    expired = await fleet.person({ theme: 'dark' });
    rescued = await fleet.person({ theme: 'dark' });
    await Promise.all([expired, rescued].map((person) => fleet.ask(here, person)));
    readAt = Date.now();
  });
  afterAll(async () => {
    await fleet.stop();
    await redis.stop();
  });

  const isOld = async (ms: number) => delay(Math.max(0, readAt + ms - Date.now()));

  test('what one refreshes behind a reader’s back, the other takes over without asking', async () => {
    const person = await fleet.person({ theme: 'dark' });
    for (const replica of [here, there]) expect((await fleet.ask(replica, person)).status).toBe(200);
    await fleet.edit(person, { theme: 'light' });
    const stale = await until(async () => {
      const answer = await fleet.ask(here, person);
      return /^hit; ttl=\d+$/.test(answer.from) ? undefined : answer;
    });
    expect(stale).toMatchObject({
      from: expect.stringMatching(/^hit; ttl=-\d+; detail=revalidating$/),
      body: { theme: 'dark' },
    });
    await until(async () => ((await fleet.ask(here, person)).body['theme'] === 'light' ? true : undefined));
    await until(async () => ((await fleet.ask(there, person)).body['theme'] === 'light' ? true : undefined));
    expect(await fleet.calls(person)).toHaveLength(2);
  });

  test('what is older than that is asked for anew, by whichever replica', async () => {
    await fleet.edit(expired, { theme: 'light' });
    await isOld(3_200);
    const answers = await Promise.all([here, there, here, there].map((each) => fleet.ask(each, expired)));
    expect(answers.map(({ body }) => body['theme'])).toEqual(['light', 'light', 'light', 'light']);
    expect(await fleet.calls(expired)).toHaveLength(2);
  });

  test('while the tenant fails, either replica serves what one of them has read, and says so', async () => {
    await isOld(3_200);
    await fleet.putFault({ route: 'management.get', status: 503 });
    for (const replica of [there, here]) {
      const answer = await fleet.ask(replica, rescued);
      expect(answer).toMatchObject({
        status: 200,
        from: expect.stringMatching(/^hit; ttl=-\d+; detail=stale-if-error$/),
        body: { theme: 'dark' },
      });
    }
  });

  test('but not for ever', async () => {
    await isOld(5_200);
    await fleet.putFault({ route: 'management.get', status: 503 });
    const answers = await Promise.all([here, there].map((replica) => fleet.ask(replica, rescued)));
    expect(answers.map(({ status }) => status)).toEqual([503, 503]);
    await fleet.removeFaults();
    expect((await fleet.ask(there, rescued)).status).toBe(200);
  });
});
