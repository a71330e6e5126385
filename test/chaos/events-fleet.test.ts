import { expect, test } from '@jest/globals';
import type { Tenant } from '../../packages/local-tenant/src/tenant.ts';
import { describeWithRedisServer, startRedis } from '../support/redis.ts';
import { startRelay } from '../redis/relay.ts';
import { type Replica, startReplica } from '../support/replica.ts';
import { until } from '../support/until.ts';
import {
  afterwards,
  dashboardOf,
  environmentFor,
  eventStreams,
  feedOpen,
  openService,
  openTenant,
  personAt,
} from '../http/events/stage.ts';

const UPDATED = 'metadata.updated';
const CONSUMING = '"event":"change_stream_started"';

async function openRedis() {
  const redis = await startRedis();
  afterwards(() => redis.stop());
  return redis;
}

async function openReplica(tenant: Tenant, redisUrl: string): Promise<Replica> {
  const replica = await startReplica({ ...environmentFor(tenant), REDIS_URL: redisUrl });
  afterwards(() => replica.kill());
  await replica.becomes('ready');
  return replica;
}

const leads = ({ lines }: { readonly lines: readonly string[] }) =>
  lines.some((line) => line.includes(CONSUMING));

describeWithRedisServer('two replicas', () => {
  test('as processes: one consumes, both see, and when it is killed the other goes on', async () => {
    const tenant = await openTenant({ plan: 'self-service' });
    const dashboard = dashboardOf(tenant);
    const redis = await openRedis();
    const replicas = [await openReplica(tenant, redis.url), await openReplica(tenant, redis.url)];
    const leader = await until(() => replicas.find(leads));
    await feedOpen(dashboard);
    const token = await dashboard.token();
    const people = replicas.map((replica) => personAt(replica, token));

    for (const jane of people) await jane.warm();
    await dashboard.edit({ theme: 'one' });
    await Promise.all(people.map((jane) => jane.sees('theme', 'one')));
    expect(replicas.filter(leads)).toEqual([leader]);
    expect(await eventStreams(dashboard)).toHaveLength(1);

    const survivor = await until(() => replicas.find((replica) => replica !== leader));
    const jane = personAt(survivor, token);
    await jane.warm();
    await leader.kill();
    // No replica hears of this one; it is found in what the successor resumes from.
    await dashboard.edit({ theme: 'two' });
    const killedAt = performance.now();
    await jane.sees('theme', 'two');
    expect(performance.now() - killedAt).toBeLessThan(4500);
    // Lines are written a moment later.
    expect(await until(() => leads(survivor) || undefined)).toBe(true);
    expect((await eventStreams(dashboard)).at(-1)).toContain('&from=');
  });

  test('hand over at once when the consumer stops, and lose nothing', async () => {
    const tenant = await openTenant({ plan: 'self-service' });
    const dashboard = dashboardOf(tenant);
    const env = { REDIS_URL: (await openRedis()).url };
    const first = await openService(tenant, { env });
    await feedOpen(dashboard);
    await dashboard.edit({ theme: 'before' });
    const second = await openService(tenant, { env });
    const jane = personAt(second, await dashboard.token());
    await jane.sees('theme', 'before');
    await jane.warm();
    expect(leads(second)).toBe(false);
    const stopped = first.stop();
    await dashboard.edit({ theme: 'during' });
    await jane.sees('theme', 'during');
    expect(leads(second)).toBe(true);
    await stopped;
    expect((await dashboard.calls('/api/v2/events')).every((call) => call.startsWith('200'))).toBe(true);
  });

  test('tell a caller on one of a change made on the other', async () => {
    const tenant = await openTenant();
    const dashboard = dashboardOf(tenant);
    const env = { REDIS_URL: (await openRedis()).url, AUTH0_EVENTS: 'false' };
    const [here, there] = [await openService(tenant, { env }), await openService(tenant, { env })];
    const token = await dashboard.token();
    const reader = await personAt(here, token).follow();
    await personAt(there, token).patch({ theme: 'light' });
    expect(await reader.nextData(UPDATED)).toMatchObject({ keys: ['theme'] });
  });

  test('tell of what was announced while Redis was away as soon as it is back', async () => {
    const tenant = await openTenant();
    const dashboard = dashboardOf(tenant);
    const redis = await openRedis();
    const env = { REDIS_URL: redis.url, AUTH0_EVENTS: 'false' };
    const [here, there] = [await openService(tenant, { env }), await openService(tenant, { env })];
    const token = await dashboard.token();
    const [one, two] = [personAt(here, token), personAt(there, token)];
    const [mine, theirs] = [await one.follow(), await two.follow()];
    await redis.kill();
    // Until no replica can hold the lock of a write any more, it waits, and is then refused.
    await until(async () => ((await one.patch({ theme: 'light' })).status === 200 ? true : undefined));
    // On the replica itself even without Redis.
    expect(await mine.nextData(UPDATED)).toMatchObject({ keys: ['theme'] });
    expect(theirs.waiting().filter(({ event }) => event === UPDATED)).toEqual([]);
    await redis.restart();
    expect(await theirs.nextData(UPDATED)).toMatchObject({ keys: ['theme'] });
  });

  test('that are all gone for a while go on where they were: a copy in Redis from before is not served', async () => {
    const tenant = await openTenant({ plan: 'self-service' });
    const dashboard = dashboardOf(tenant);
    const env = { REDIS_URL: (await openRedis()).url };
    const token = await dashboard.token();
    const before = await openService(tenant, { env });
    await feedOpen(dashboard);
    await dashboard.edit({ theme: 'one' });
    const jane = personAt(before, token);
    await jane.sees('theme', 'one');
    await jane.warm();
    await before.stop();
    await dashboard.edit({ theme: 'two' });
    const after = await openService(tenant, { env });
    // The copy in Redis is fresh for a minute: only the event from before the start can be why it is gone.
    await personAt(after, token).sees('theme', 'two');
    expect((await eventStreams(dashboard)).at(-1)).toContain('&from=');
  });

  test('have one that consumes also after Redis has lost everything, and miss no change', async () => {
    const tenant = await openTenant({ plan: 'self-service' });
    const dashboard = dashboardOf(tenant);
    const redis = await openRedis();
    const env = { REDIS_URL: redis.url };
    const services = [await openService(tenant, { env }), await openService(tenant, { env })];
    const token = await dashboard.token();
    const people = services.map((service) => personAt(service, token));
    await feedOpen(dashboard);
    for (const jane of people) await jane.warm();

    await redis.command('FLUSHALL');
    await dashboard.edit({ theme: 'after the loss' });
    await Promise.all(people.map((jane) => jane.sees('theme', 'after the loss')));
    // Who has consumed until then finds the lock gone, and one of them takes it.
    await feedOpen(dashboard, 2);
    const lock = async () => {
      const keys = await redis.command('KEYS', 'metadata-bff:{change-stream:*}:lock');
      return Array.isArray(keys) && keys.length === 1 ? true : undefined;
    };
    await until(lock);
    for (const jane of people) await jane.warm();
    await dashboard.edit({ theme: 'later' });
    await Promise.all(people.map((jane) => jane.sees('theme', 'later')));
    expect(services.some(leads)).toBe(true);
  });

  test('that started without Redis consume as soon as it is there', async () => {
    const tenant = await openTenant({ plan: 'self-service' });
    const dashboard = dashboardOf(tenant);
    const relay = await startRelay((await openRedis()).port);
    afterwards(() => relay.stop());
    relay.cut();
    const env = { REDIS_URL: `redis://127.0.0.1:${relay.port}` };
    const services = [await openService(tenant, { env }), await openService(tenant, { env })];
    // While no replica can be elected, none consumes.
    expect(services.filter(leads)).toEqual([]);
    relay.mend();
    await until(() => services.find(leads));
    await feedOpen(dashboard);
    const token = await dashboard.token();
    const people = services.map((service) => personAt(service, token));
    for (const jane of people) await jane.warm();
    await dashboard.edit({ theme: 'light' });
    await Promise.all(people.map((jane) => jane.sees('theme', 'light')));
    expect(services.filter(leads)).toHaveLength(1);
    expect(await eventStreams(dashboard)).toHaveLength(1);
  });
});
