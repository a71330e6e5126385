/** Replicas are stopped, killed and frozen under load; and one that may write nothing. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Fleet, openFleet, type Person } from '../redis/fleet.ts';
import { describeWithRedisServer, type RedisServer, startRedis } from '../support/redis.ts';
import { type Replica, startReplica } from '../support/replica.ts';
import { until } from '../support/until.ts';
import { startTenantProcess } from './tenant-process.ts';

/** Of src/composition/constants.ts: settling, and what requests under way are given. */
const DRAIN_MS_MAX = 250 + 10_000;
const WRITERS = 6;

describeWithRedisServer('two replicas', () => {
  let redis: RedisServer;
  let fleet: Fleet;
  let here: Replica;
  let there: Replica;
  beforeAll(async () => {
    redis = await startRedis();
    fleet = await openFleet({ redisUrls: [redis.url], tenant: await startTenantProcess() });
  });
  afterAll(async () => {
    await fleet.stop();
    await redis.stop();
  });

  /** A replica for a test to end, beside one that lives on. */
  async function pair(): Promise<void> {
    here = await fleet.join({ REDIS_URL: redis.url });
    [there] = fleet.pair;
    await here.becomes('ready');
  }

  test('SIGTERM under load: no request fails, streams end, it exits with 0 before the deadline', async () => {
    await pair();
    const person = await fleet.person({ prefs: { kept: true } });
    const streams = await Promise.all([1, 2].map(() => openStream(here, person)));
    const statuses: number[] = [];
    let terminated: Promise<number | null> | undefined;
    let askedAt = 0;

    /** Reads and writes until asked to leave, as the connections of a load balancer are. */
    async function caller(key: string): Promise<void> {
      for (let count = 0; ; count += 1) {
        const response = await fetch(`${here.url}/me/metadata`, {
          method: count % 2 === 0 ? 'PATCH' : 'GET',
          headers: { authorization: `Bearer ${person.token}`, 'content-type': 'application/json' },
          ...(count % 2 === 0 ? { body: JSON.stringify({ prefs: { [key]: count } }) } : {}),
        });
        await response.arrayBuffer();
        statuses.push(response.status);
        if (statuses.length >= 40 && !terminated) {
          askedAt = performance.now();
          terminated = here.terminate();
        }
        if (response.headers.get('connection') === 'close') return;
      }
    }

    await Promise.all(Array.from({ length: WRITERS }, (_, index) => caller(`key-${index}`)));
    expect(await terminated).toBe(0);
    expect(performance.now() - askedAt).toBeLessThan(DRAIN_MS_MAX);
    expect(new Set(statuses)).toEqual(new Set([200]));
    await Promise.all(streams.map(({ ended }) => ended));
    expect(here.lines.filter((line) => line.includes('"event":"stopped"'))).toHaveLength(1);
  });

  test('SIGKILL of one under load: its callers go to the other, and no acknowledged write is lost', async () => {
    await pair();
    const person = await fleet.person({ prefs: { kept: true } });
    let acknowledged = 0;
    const death = new AbortController();

    /** Counts up under a key of its own; what is not acknowledged is sent again, to the other replica. */
    async function writer(key: string): Promise<number> {
      let last = 0;
      for (let count = 1; acknowledged < 150 || !death.signal.aborted; count += 1) {
        for (let target = here; ; target = there) {
          const status = await fleet.ask(target, person, { patch: { prefs: { [key]: count } } }).then(
            (answer) => answer.status,
            () => 'broken',
          );
          if (status === 200) break;
          // Of the one that lives, a write may have to wait for the lock of the dead one, and no more.
          expect([target === here ? 'broken' : 503, 503]).toContain(status);
        }
        acknowledged += 1;
        last = count;
      }
      return last;
    }

    const writers = Array.from({ length: WRITERS }, (_, index) => writer(`key-${index}`));
    await until(() => acknowledged >= 40 || undefined);
    await here.kill();
    death.abort();
    const lasts = await Promise.all(writers);
    const prefs = Object.fromEntries(lasts.map((last, index) => [`key-${index}`, last]));
    expect(await fleet.stored(person)).toEqual({ prefs: { kept: true, ...prefs } });
    expect((await fleet.ask(there, person)).body).toEqual(await fleet.stored(person));
    expect(there.running()).toBe(true);
  });

  test('one stalls for seconds: callers of the other lose nothing, and it serves nothing old for longer than a moment', async () => {
    await pair();
    const person = await fleet.person({ theme: 'dark' });
    await until(async () => ((await fleet.ask(here, person)).from.startsWith('hit') ? true : undefined));
    here.freeze();
    const stalled = fleet.ask(here, person, { patch: { late: true } });
    expect((await fleet.ask(there, person, { patch: { theme: 'light' } })).status).toBe(200);
    const frozenAt = Date.now();
    await until(() => Date.now() - frozenAt > 5_000 || undefined);
    here.thaw();
    const theme = async () => (await fleet.ask(here, person)).body['theme'];
    await until(async () => ((await theme()) === 'light' ? true : undefined), Date.now() + 2_000);
    // From then on the old one never comes back.
    for (let count = 0; count < 20; count += 1) expect(await theme()).toBe('light');
    expect((await stalled).status).toBe(200);
    expect(await fleet.stored(person)).toEqual({ theme: 'light', late: true });
    expect((await fleet.ask(here, person, { patch: { after: 1 } })).status).toBe(200);
    await until(async () => ((await here.health()).status === 'ready' ? true : undefined));
    await here.kill();
  });

  test('Redis is restarted empty under a load of writers: no acknowledged write is lost', async () => {
    await pair();
    const person = await fleet.person({ prefs: { kept: true } });
    const over = new AbortController();
    const writer = async (key: string) => {
      let last = 0;
      // Each goes to one replica: without Redis, order is kept within each only.
      for (let count = 1; !over.signal.aborted; count += 1) {
        const { status } = await fleet.ask(there, person, { patch: { prefs: { [key]: count } } });
        // While no one knows who holds a lock, writes wait for it, and are refused if that takes too long.
        expect([200, 503]).toContain(status);
        if (status === 200) last = count;
      }
      return last;
    };
    const writers = [0, 1, 2].map((index) => writer(`key-${index}`));
    await redis.kill();
    await there.becomes('degraded');
    await redis.restart();
    await there.becomes('ready');
    over.abort();
    const prefs = Object.fromEntries(
      (await Promise.all(writers)).map((last, index) => [`key-${index}`, last]),
    );
    expect(await fleet.stored(person)).toEqual({ prefs: { kept: true, ...prefs } });
    expect((await fleet.ask(here, person)).body).toEqual(await fleet.stored(person));
    await here.kill();
  });
});

/** A stream, and when the service has ended it in good order. */
async function openStream(replica: Replica, { token }: Person): Promise<{ readonly ended: Promise<string> }> {
  const response = await fetch(`${replica.url}/me/events`, {
    headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' },
  });
  expect(response.status).toBe(200);
  return { ended: response.text() };
}

test('a process that may write to no file starts and serves: it needs no disk', async () => {
  const server = await startTenantProcess();
  const environment = {
    AUDIENCE: server.apiAudience,
    ISSUER_BASE_URL: server.url,
    AUTH0_MANAGEMENT_URL: server.url,
    AUTH0_CLIENT_ID: 'local-bff',
    AUTH0_CLIENT_SECRET: 'local-secret',
    POLICY_FILE: join(import.meta.dirname, '..', '..', 'config', 'policy.json'),
    TMPDIR: '/nonexistent',
    HOME: '/nonexistent',
  };
  const replica = await startReplica(environment, { confined: true });
  await replica.becomes('ready');
  const answer = await fetch(`${replica.url}/docs/swagger-ui.css`);
  expect(answer.status).toBe(200);
  expect(await replica.terminate()).toBe(0);
  await server.stop();
});
