import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { describeWithRedis, openRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { type Fleet, openFleet } from './fleet.ts';
import { contentsOf } from './redis-contents.ts';
import type { Replica } from '../support/replica.ts';

const LATENCY_MS = 40;
const isUser = (text: string) => /^metadata-bff:user:\{.\}[\w-]+ /.test(text);

describeWithRedis('two replicas with one Redis', () => {
  let redis: TestRedis;
  let fleet: Fleet;
  let here: Replica;
  let there: Replica;
  beforeAll(async () => {
    redis = await openRedis();
    fleet = await openFleet({ redisUrls: [redis.url, redis.url], tenant: { latencyMs: LATENCY_MS } });
    [here, there] = fleet.pair;
  });
  afterEach(async () => {
    await fleet.removeFaults();
  });
  afterAll(async () => {
    await fleet.stop();
    await redis.stop();
  });

  test('200 concurrent readers of a user who is not cached cost one upstream read', async () => {
    const person = await fleet.person({ theme: 'dark' });
    const readers = Array.from({ length: 200 }, (_, index) => (index % 2 === 0 ? here : there));
    const answers = await Promise.all(readers.map((replica) => fleet.ask(replica, person)));
    expect(new Set(answers.map(({ status, body }) => JSON.stringify([status, body])))).toEqual(
      new Set([JSON.stringify([200, { theme: 'dark' }])]),
    );
    expect(await fleet.calls(person)).toHaveLength(1);
    expect((await fleet.ask(here, person)).from).toMatch(/^hit; ttl=\d+$/);
    expect((await fleet.ask(there, person)).from).toMatch(/^hit; ttl=\d+$/);
  });

  test('what one has read the other need not ask the tenant for', async () => {
    const person = await fleet.person({ theme: 'dark' });
    expect((await fleet.ask(here, person)).from).toBe('fwd=miss; stored');
    expect((await fleet.ask(there, person)).from).toMatch(/^hit; ttl=\d+$/);
    expect(await fleet.calls(person)).toHaveLength(1);
  });

  test('metadata that is no object is known for that on the other, too, without a second read', async () => {
    const person = await fleet.person({});
    await fleet.edit(person, 'text');
    for (const replica of [here, there]) {
      expect(await fleet.ask(replica, person)).toMatchObject({
        status: 409,
        body: { code: 'metadata_not_an_object' },
      });
    }
    expect(await fleet.calls(person)).toHaveLength(1);
  });

  test('a write on one is seen on the other at once, though that one held the old document', async () => {
    const person = await fleet.person({ theme: 'dark' });
    await fleet.ask(there, person);
    expect((await fleet.ask(there, person)).from).toMatch(/^hit/);
    const written = await fleet.ask(here, person, { patch: { theme: 'light' } });
    expect(written).toMatchObject({ status: 200, body: { theme: 'light' } });
    // Its copy would be fresh for a minute: only the announcement can be why it is gone.
    await until(async () => ((await fleet.ask(there, person)).body['theme'] === 'light' ? true : undefined));
    expect((await fleet.ask(here, person)).body).toEqual({ theme: 'light' });
  });

  test('a reader who asks for the tenant’s word gets it, and later readers with them', async () => {
    const person = await fleet.person({ theme: 'dark' });
    await fleet.ask(here, person);
    await fleet.edit(person, { theme: 'light' });
    expect((await fleet.ask(here, person)).body).toEqual({ theme: 'dark' });
    const asked = await fleet.ask(here, person, { headers: { 'cache-control': 'no-cache' } });
    expect(asked).toMatchObject({ body: { theme: 'light' }, from: 'fwd=request; stored' });
    expect((await fleet.ask(here, person)).body).toEqual({ theme: 'light' });
    expect((await fleet.ask(there, person)).body).toEqual({ theme: 'light' });
    expect(await fleet.calls(person)).toHaveLength(2);
  });

  test('a user who was deleted is gone on both as soon as one has noticed', async () => {
    const person = await fleet.person({ theme: 'dark' });
    await Promise.all([here, there].map((replica) => fleet.ask(replica, person)));
    await fleet.remove(person);
    const noticed = await fleet.ask(here, person, { headers: { 'cache-control': 'no-cache' } });
    expect(noticed).toMatchObject({ status: 404, body: { code: 'user_not_found' } });
    expect(await fleet.ask(here, person)).toMatchObject({ status: 404 });
    const gone = async () => ((await fleet.ask(there, person)).status === 404 ? true : undefined);
    expect(await until(gone, Date.now() + 1_000)).toBe(true);
  });

  test('a slow read that a write on the other replica overtook fills no cache', async () => {
    const person = await fleet.person({ theme: 'dark' });
    await fleet.putFault({ route: 'management.get', delay_ms: 400, times: 1 });
    const slow = fleet.ask(here, person);
    await until(async () => ((await fleet.calls(person)).length > 0 ? true : undefined));
    const written = await fleet.ask(there, person, { patch: { theme: 'light' } });
    expect(written.status).toBe(200);
    expect((await slow).status).toBe(200);
    expect((await fleet.ask(here, person)).body).toEqual({ theme: 'light' });
    expect((await fleet.ask(there, person)).body).toEqual({ theme: 'light' });
  });

  test('nothing in Redis names a user, with a key nothing shows metadata', async () => {
    const open = await fleet.person({ note: 'sentinel-in-the-open' });
    await fleet.ask(here, open);
    const encrypted = await fleet.join({
      REDIS_URL: redis.url,
      CACHE_HASH_KEY: 'another hash key of 16',
      CACHE_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    });
    const hidden = await fleet.person({ note: 'sentinel-that-is-encrypted' });
    await encrypted.becomes('ready');
    const before = (await contentsOf(redis)).filter(isUser).length;
    await fleet.ask(encrypted, hidden);
    await fleet.ask(encrypted, open);
    const contents = await contentsOf(redis);
    const text = contents.join('\n');
    // One more entry for each, the second under another name than before.
    expect(contents.filter(isUser)).toHaveLength(before + 2);
    expect(text).toContain('sentinel-in-the-open');
    expect(text).not.toContain('sentinel-that-is-encrypted');
    for (const { id } of [open, hidden]) expect(text).not.toContain(id.replace('auth0|', ''));
  });

  test('nothing in Redis holds a key of app_metadata that the policy does not list', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'policy-'));
    const policyFile = join(folder, 'policy.json');
    writeFileSync(policyFile, '{"appMetadata":{"readable":["plan"]}}');
    try {
      const replica = await fleet.join({
        REDIS_URL: redis.url,
        CACHE_HASH_KEY: 'a third hash key of 16',
        POLICY_FILE: policyFile,
      });
      await replica.becomes('ready');
      const before = await contentsOf(redis);
      // Of the local tenant, with a plan and roles.
      const jane = { id: 'auth0|jane', token: await fleet.mint({ sub: 'auth0|jane' }) };
      expect((await fleet.ask(replica, jane)).status).toBe(200);
      const entry = (await contentsOf(redis)).find((text) => isUser(text) && !before.includes(text)) ?? '';
      expect(entry).toContain('plan');
      expect(entry).not.toContain('roles');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
