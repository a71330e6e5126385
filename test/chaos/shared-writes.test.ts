import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Replica } from '../support/replica.ts';
import { describeWithRedis, openRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { type Answer, type Fleet, openFleet, type Person } from '../redis/fleet.ts';

/** The bounds of src/composition/constants.ts, and what a busy machine may add. */
const LEASE_MS = 3_000;
const LOCK_MS = 4_000;
const MARGIN_MS = 1_500;

/** Longer than any test waits. Takes effect once, and is called off by `removeFaults`. */
const HELD = { delay_ms: 60_000, times: 1 };

const slowest = (answers: readonly Answer[]) => Math.max(...answers.map(({ tookMs }) => tookMs));
const statuses = (answers: readonly Answer[]) => [...new Set(answers.map(({ status }) => status))];

describeWithRedis('writers and readers on several replicas', () => {
  let redis: TestRedis;
  let fleet: Fleet;
  let doomed: Replica;
  let here: Replica;
  let there: Replica;
  beforeAll(async () => {
    redis = await openRedis();
    fleet = await openFleet({
      redisUrls: [redis.url, redis.url, redis.url],
      tenant: { latencyMs: 40 },
      env: { UPSTREAM_TIMEOUT_MS: '30000', UPSTREAM_WAIT_MS: '6000' },
    });
    [here, there] = fleet.pair;
    doomed = fleet.replicas[2] ?? here;
  });
  afterAll(async () => {
    await fleet.stop();
    await redis.stop();
  });

  const survivor = (index: number) => (index % 2 === 0 ? here : there);
  /** Waits until the tenant has got this request about the person. */
  const reached = (person: Person, method: string) =>
    until(async () => (await fleet.calls(person)).find((call) => call.method === method));

  test('40 writers of neighbouring keys lose nothing, and share a few upstream writes', async () => {
    const person = await fleet.person({ prefs: { kept: true } });
    const keys = Array.from({ length: 40 }, (_, index) => `key-${index}`);
    const answers = await Promise.all(
      keys.map((key, index) => fleet.ask(survivor(index), person, { patch: { prefs: { [key]: index } } })),
    );
    expect(statuses(answers)).toEqual([200]);
    const prefs = Object.fromEntries(keys.map((key, index) => [key, index]));
    expect(await fleet.stored(person)).toEqual({ prefs: { kept: true, ...prefs } });
    // Each caller is answered with a document that holds their own change.
    answers.forEach(({ body }, index) => {
      expect(body).toMatchObject({ prefs: { [`key-${index}`]: index } });
    });
    const patches = (await fleet.calls(person)).filter(({ method }) => method === 'PATCH');
    expect(patches.length).toBeGreaterThanOrEqual(2);
    expect(patches.length).toBeLessThanOrEqual(8);
    for (const replica of [here, there]) {
      expect((await fleet.ask(replica, person)).body).toEqual(await fleet.stored(person));
    }
  });

  test('a replica that dies while it reads and writes delays the others by the bounds at most', async () => {
    const read = await fleet.person({ theme: 'dark' });
    const written = await fleet.person({ prefs: { kept: true } });
    await fleet.putFault({ route: 'management.get', ...HELD });
    await fleet.putFault({ route: 'management.patch', ...HELD });
    const lostRead = fleet.ask(doomed, read);
    await reached(read, 'GET');
    const outcomes = Promise.allSettled([lostRead, fleet.ask(doomed, written, { patch: { sent: true } })]);
    await reached(written, 'PATCH');
    await doomed.kill();
    await fleet.removeFaults();
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);

    const [readers, writers] = await Promise.all([
      Promise.all(Array.from({ length: 20 }, (_, index) => fleet.ask(survivor(index), read))),
      Promise.all(
        Array.from({ length: 4 }, (_, index) =>
          fleet.ask(survivor(index), written, { patch: { prefs: { [`key-${index}`]: index } } }),
        ),
      ),
    ]);
    expect(statuses([...readers, ...writers])).toEqual([200]);
    expect(slowest(readers)).toBeLessThan(LEASE_MS + MARGIN_MS);
    expect(slowest(writers)).toBeLessThan(LOCK_MS + MARGIN_MS);
    // The dead one's read, and one more: the others waited for that.
    expect(await fleet.calls(read)).toHaveLength(2);
    // What the dead one had sent was applied, and what came after kept it.
    const prefs = { kept: true, 'key-0': 0, 'key-1': 1, 'key-2': 2, 'key-3': 3 };
    expect(await fleet.stored(written)).toEqual({ sent: true, prefs });
  });

  test('a replica that was frozen with the lock overwrites nothing that others wrote meanwhile', async () => {
    const unsent = await fleet.person({ prefs: { kept: true } });
    const sent = await fleet.person({ prefs: { kept: true } });
    await fleet.putFault({ route: 'management.get', ...HELD });
    const begunAnew = fleet.ask(here, unsent, { patch: { prefs: { here: 1 } } });
    await reached(unsent, 'GET');
    await fleet.putFault({ route: 'management.patch', ...HELD });
    const accepted = fleet.ask(here, sent, { patch: { prefs: { here: 1 } } });
    await reached(sent, 'PATCH');

    here.freeze();
    const others = await Promise.all(
      [unsent, sent].map((person) => fleet.ask(there, person, { patch: { prefs: { there: 2 } } })),
    );
    await fleet.removeFaults();
    here.thaw();

    expect(statuses(others)).toEqual([200]);
    expect(slowest(others)).toBeLessThan(LOCK_MS + MARGIN_MS);
    // It had read, and not yet sent: it finds the lock gone, sends nothing of that, and begins anew.
    expect(await begunAnew).toMatchObject({ status: 200 });
    expect((await fleet.calls(unsent)).map(({ method }) => method)).toEqual([
      'GET',
      'GET',
      'PATCH',
      'GET',
      'PATCH',
    ]);
    expect(await fleet.stored(unsent)).toEqual({ prefs: { kept: true, here: 1, there: 2 } });
    // It had sent: the tenant had applied that before the other one read.
    expect(await accepted).toMatchObject({ status: 200 });
    expect(await fleet.stored(sent)).toEqual({ prefs: { kept: true, here: 1, there: 2 } });

    for (const replica of [here, there]) {
      expect((await fleet.ask(replica, sent)).body).toEqual(await fleet.stored(sent));
    }
  });
});
