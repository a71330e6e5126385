import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/lib/json.ts';
import { describeWithRedisServer, type RedisServer, startRedis } from '../support/redis.ts';
import type { Replica } from '../support/replica.ts';
import { until } from '../support/until.ts';
import { type Fleet, openFleet, type Person } from '../redis/fleet.ts';
import { type Relay, startRelay } from '../redis/relay.ts';
import { median, startTraffic } from './traffic.ts';

const LATENCY_MS = 20;
const PASSWORD = 'LEAK-redis-password';
/**
 * How many times as long as a read from the tenant the median read may take while Redis fails. The replica refuses to
 * wait for Redis once it knows; a wait for each command would cost at least ten times as much.
 */
const SLOWER_MAX = 5;
/** The bound of a write lock: after so long without an answer of Redis, writes go on without. */
const LOCK_MS = 4_000;

/** Lines about Redis that an operator should look at. */
const warnings = (replica: Replica) =>
  replica.lines.filter((line) => line.includes('redis_unavailable')).length;

/** One line for the outage; a machine that is busy may lose Redis once more. Far less than one a request. */
function expectFewWarnings(replicas: readonly Replica[], before: readonly number[]): void {
  replicas.forEach((replica, index) => {
    const added = warnings(replica) - (before[index] ?? 0);
    expect(added).toBeGreaterThanOrEqual(1);
    expect(added).toBeLessThanOrEqual(3);
  });
}

describeWithRedisServer('Redis fails under traffic', () => {
  let server: RedisServer;
  let relay: Relay;
  let fleet: Fleet;
  /** Reaches Redis through the relay; the other one directly. */
  let relayed: Replica;
  let direct: Replica;
  beforeAll(async () => {
    server = await startRedis({ password: PASSWORD });
    relay = await startRelay(server.port);
    const viaRelay = server.url.replace(String(server.port), String(relay.port));
    fleet = await openFleet({ redisUrls: [viaRelay, server.url], tenant: { latencyMs: LATENCY_MS } });
    [relayed, direct] = fleet.pair;
  });
  afterEach(async () => {
    relay.mend();
    server.thaw();
    await Promise.all(fleet.replicas.map((replica) => replica.becomes('ready')));
  });
  afterAll(async () => {
    await fleet.stop();
    await relay.stop();
    await server.stop();
  });

  const both = () => [relayed, direct];
  const onlyRelayed = () => [relayed];

  /** The median of reads that no cache serves, in milliseconds, on this machine with the load it has now. */
  async function timeReadsFromTenant(replica: Replica): Promise<number> {
    const person = await fleet.person({ theme: 'dark' });
    const reads: { readonly tookMs: number }[] = [];
    while (reads.length < 9) {
      reads.push(await fleet.ask(replica, person, { headers: { 'cache-control': 'no-cache' } }));
    }
    return median(reads);
  }

  async function isHit(replica: Replica, person: Person): Promise<true | undefined> {
    return (await fleet.ask(replica, person)).from.startsWith('hit') ? true : undefined;
  }

  /** Redis still answers, if only to refuse or too late, so that it may serve other replicas. */
  async function expectWaiting(
    replica: Replica,
    person: Person,
    patch: JsonObject,
    _begunAt: number,
  ): Promise<void> {
    const refused = await fleet.ask(replica, person, { patch });
    expect(refused).toMatchObject({ status: 503, body: { code: 'lock_unavailable' } });
    expect(refused.retryAfterSeconds).toBeGreaterThanOrEqual(1);
  }

  /** Redis answers nothing: once no replica can hold a lock any more, writes go on without. */
  async function expectUnlocked(
    replica: Replica,
    person: Person,
    patch: JsonObject,
    begunAt: number,
  ): Promise<void> {
    const written = async () =>
      (await fleet.ask(replica, person, { patch })).status === 200 ? true : undefined;
    await until(written, begunAt + 2 * LOCK_MS);
    expect(Date.now() - begunAt).toBeGreaterThanOrEqual(LOCK_MS);
    expect((await fleet.ask(replica, person)).body).toMatchObject(patch);
    await until(() => replica.lines.some((line) => line.includes('writes_without_lock')) || undefined);
  }

  const outages: ReadonlyArray<{
    readonly name: string;
    readonly begin: () => unknown;
    readonly end: () => unknown;
    readonly hit: () => Replica[];
    readonly expectWrites: typeof expectWaiting;
  }> = [
    {
      name: 'is killed',
      begin: () => server.kill(),
      end: () => server.restart(),
      hit: both,
      expectWrites: expectUnlocked,
    },
    {
      name: 'freezes',
      begin: () => server.freeze(),
      end: () => server.thaw(),
      hit: both,
      expectWrites: expectUnlocked,
    },
    {
      name: 'is slow',
      begin: () => relay.slowDown(300),
      end: () => relay.mend(),
      hit: onlyRelayed,
      expectWrites: expectWaiting,
    },
    {
      name: 'is cut off',
      begin: () => relay.cut(),
      end: () => relay.mend(),
      hit: onlyRelayed,
      expectWrites: expectUnlocked,
    },
    {
      name: 'refuses the password',
      begin: () => server.lockOut('another'),
      end: () => server.lockOut(PASSWORD),
      hit: both,
      expectWrites: expectWaiting,
    },
  ];

  test.each(outages)(
    'it $name: readers are served, in time, with nothing old, writers wait, and it heals',
    async (outage) => {
      const affected = outage.hit();
      const warningsBefore = affected.map(warnings);
      const person = await fleet.person({ theme: 'dark' });
      await Promise.all(affected.map((replica) => until(() => isHit(replica, person))));
      const traffic = await startTraffic(fleet);
      await until(() => (traffic.exchanges.length >= 40 ? true : undefined));
      const fromTenantMs = await timeReadsFromTenant(direct);

      const begunAt = Date.now();
      await outage.begin();
      await Promise.all(affected.map((replica) => replica.becomes('degraded')));
      const noticedAt = Date.now();
      for (const replica of affected) {
        expect(await replica.health()).toEqual({ code: 200, status: 'degraded', redis: 'failing' });
      }
      // The replicas cannot hear of a change in the dashboard: they have to ask.
      await fleet.edit(person, { theme: 'light' });
      for (const replica of affected) {
        expect((await fleet.ask(replica, person)).body).toEqual({ theme: 'light' });
      }
      for (const replica of affected) {
        const patch = { by: replica.url };
        await outage.expectWrites(replica, person, patch, begunAt);
      }
      await until(() => (traffic.since(noticedAt, 'read').length >= 20 ? true : undefined));
      await outage.end();
      await Promise.all(fleet.replicas.map((replica) => replica.becomes('ready')));
      await traffic.stop();

      expect(traffic.exchanges.filter(({ kind, status }) => kind === 'read' && status !== 200)).toEqual([]);
      expect(new Set(traffic.exchanges.map(({ status }) => status))).toEqual(new Set([200, 503]));
      expect(median(traffic.since(noticedAt, 'read'))).toBeLessThan(SLOWER_MAX * fromTenantMs);
      expectFewWarnings(affected, warningsBefore);
      expect(fleet.replicas.map((replica) => replica.running())).toEqual([true, true]);
      await expectSharing();
    },
  );

  async function expectSharing(): Promise<void> {
    const person = await until(async () => {
      const user = await fleet.person({ theme: 'dark' });
      await fleet.ask(relayed, user);
      return (await isHit(direct, user)) && user;
    });
    expect(await fleet.calls(person)).toHaveLength(1);
    expect((await fleet.ask(relayed, person, { patch: { theme: 'light' } })).status).toBe(200);
    const seen = async () => ((await fleet.ask(direct, person)).body['theme'] === 'light' ? true : undefined);
    await until(seen, Date.now() + 1_000);
  }

  test('it is full: all are served, writes are seen by the other replica, and it is said', async () => {
    const warningsBefore = both().map(warnings);
    const person = await fleet.person({ theme: 'dark' });
    await fleet.ask(direct, person);
    const traffic = await startTraffic(fleet);
    await server.command('CONFIG', 'SET', 'maxmemory', '100kb');
    const fullAt = Date.now();
    await until(() => (traffic.since(fullAt, 'write').length >= 20 ? true : undefined));
    expect((await fleet.ask(relayed, person, { patch: { theme: 'light' } })).status).toBe(200);
    const seen = async () => ((await fleet.ask(direct, person)).body['theme'] === 'light' ? true : undefined);
    await until(seen, Date.now() + 1_000);
    const health = await Promise.all(both().map((replica) => replica.health()));
    await server.command('CONFIG', 'SET', 'maxmemory', '0');
    await traffic.stop();
    expect(traffic.exchanges.filter(({ status }) => status !== 200)).toEqual([]);
    expect(traffic.since(fullAt, 'read').length).toBeGreaterThan(0);
    await expectSharing();
    expect(health.map(({ code, status }) => ({ code, status }))).toEqual([
      { code: 200, status: 'degraded' },
      { code: 200, status: 'degraded' },
    ]);
    expectFewWarnings(both(), warningsBefore);
  });

  test('it was never there: a replica starts without it, says so once, and takes it when it comes', async () => {
    relay.cut();
    const viaRelay = server.url.replace(String(server.port), String(relay.port));
    const late = await fleet.join({ REDIS_URL: viaRelay });
    await late.becomes('degraded');
    const person = await fleet.person({ theme: 'dark' });
    expect((await fleet.ask(late, person)).body).toEqual({ theme: 'dark' });
    const written = async () =>
      (await fleet.ask(late, person, { patch: { theme: 'light' } })).status === 200 ? true : undefined;
    await until(written, Date.now() + 2 * LOCK_MS);
    expect((await fleet.ask(late, person)).body).toEqual({ theme: 'light' });
    await until(() => (warnings(late) > 0 ? true : undefined), Date.now() + 3_000);
    relay.mend();
    await late.becomes('ready');
    expect(warnings(late)).toBe(1);
    await late.kill();
  });

  test('no line of any replica shows the address or the password of Redis', () => {
    const lines = fleet.replicas.flatMap((replica) => replica.lines);
    expect(lines.length).toBeGreaterThan(100);
    expect(lines.filter((line) => /LEAK|redis:\/\//.test(line))).toEqual([]);
    expect(lines.filter((line) => /crashed|nhandled/.test(line))).toEqual([]);
  });
});
