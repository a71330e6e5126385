import { describe, expect, test } from '@jest/globals';
import { createMetrics } from '../../src/observability/metrics.ts';
import { samplesOf } from '../support/metrics.ts';
import { openHttpsScene, type Scene } from '../support/scene.ts';
import { until } from '../support/until.ts';

const usual = await openHttpsScene();
const failing = await openHttpsScene();
const short = await openHttpsScene({ env: { UPSTREAM_BUDGET: '1/0.01', UPSTREAM_WAIT_MS: '50' } });
const withoutRedis = await openHttpsScene({ env: { REDIS_URL: 'redis://127.0.0.1:1' }, awaitReady: false });
const { tenant } = usual;

async function valueOf({ service }: Scene, series: string): Promise<number | undefined> {
  return (await samplesOf(service.opsUrl)).get(`metadata_bff_${series}`);
}

describe('requests to the tenant', () => {
  test('are counted one by one, repetitions, refusals and tokens included', async () => {
    const jane = await usual.person({ a: 1 });
    const before = await samplesOf(usual.service.opsUrl);
    tenant.answerWith('read', { status: 429, headers: { 'retry-after': '0' } }, 1);
    expect((await jane.ask('GET')).status).toBe(200);
    const after = await samplesOf(usual.service.opsUrl);
    const grown = (outcome: string) => {
      const series = `metadata_bff_upstream_attempts_total{operation="users.read",outcome="${outcome}"}`;
      return (after.get(series) ?? 0) - (before.get(series) ?? 0);
    };
    expect([grown('429'), grown('2xx')]).toEqual([1, 1]);
    expect(await valueOf(usual, 'upstream_attempts_total{operation="oauth.token",outcome="2xx"}')).toBe(1);
    expect(await valueOf(usual, 'upstream_attempts_total{operation="issuer.keys",outcome="2xx"}')).toBe(2);
  });

  test('that carry the writes of several say of how many', async () => {
    const jane = await usual.person({ n: {} });
    const [changes, writes] = ['count', 'sum'].map((part) => `upstream_write_batch_size_${part}`);
    const before = [await valueOf(usual, changes ?? ''), await valueOf(usual, writes ?? '')];
    const gate = tenant.hold('read');
    const patch = (n: unknown) => jane.ask('PATCH', '', { json: { n } });
    const leading = patch({ a: 1 });
    await gate.arrived;
    const following = [patch({ b: 1 }), patch({ c: 1 }), patch({})];
    const bystander = await usual.person({});
    for (const _ of following) await bystander.ask('GET');
    gate.open();
    await Promise.all([leading, ...following]);
    const after = [await valueOf(usual, changes ?? ''), await valueOf(usual, writes ?? '')];
    expect(after.map((value, index) => (value ?? 0) - (before[index] ?? 0))).toEqual([2, 3]);
  });

  test('whose document is not accepted are counted apart from refusals of this service', async () => {
    const rejected = (status: number) =>
      valueOf(usual, `upstream_rejected_documents_total{status="${status}"}`);
    expect([await rejected(400), await rejected(409), await rejected(413)]).toEqual([0, 0, 0]);
    const jane = await usual.person({});
    for (const status of [400, 413]) {
      tenant.answerWith('change', { status, body: {} }, 1);
      expect((await jane.ask('PATCH', '', { json: { a: 1 } })).status).toBe(status === 400 ? 422 : 413);
      tenant.answerWith('read', { status }, 1);
      const headers = { 'cache-control': 'no-cache' };
      expect((await jane.ask('GET', '', { headers })).status).toBe(502);
    }
    expect([await rejected(400), await rejected(409), await rejected(413)]).toEqual([1, 0, 1]);
    const refused =
      'upstream_operation_duration_seconds_count{operation="users.change",outcome="upstream_refused"}';
    expect((await valueOf(usual, refused)) ?? 0).toBe(0);
  });

  test('stop when the circuit breaker opens, and its state says so', async () => {
    expect(await valueOf(failing, 'circuit_breaker_state{state="closed"}')).toBe(1);
    tenant.answerWith('read', { status: 500 });
    const people = await Promise.all(Array.from({ length: 30 }, () => failing.person({})));
    await Promise.all(people.map((person) => person.ask('GET')));
    expect(await valueOf(failing, 'circuit_breaker_state{state="open"}')).toBe(1);
    expect(await valueOf(failing, 'circuit_breaker_state{state="closed"}')).toBe(0);
  });

  test('that the budget has no room for are counted by who asked', async () => {
    const [jane, omar] = [await short.person({}), await short.person({})];
    expect((await jane.ask('GET')).status).toBe(200);
    expect((await omar.ask('GET')).status).toBe(503);
    expect(
      await valueOf(short, 'upstream_queue_wait_seconds_count{priority="read",outcome="admitted"}'),
    ).toBe(1);
    expect(await valueOf(short, 'upstream_queue_wait_seconds_count{priority="read",outcome="refused"}')).toBe(
      1,
    );
    expect(await valueOf(short, 'upstream_queue_length{priority="read"}')).toBe(0);
    expect(await valueOf(short, 'upstream_budget_remaining{bucket="all"}')).toBeLessThan(1);
    expect(await valueOf(short, 'upstream_budget_capacity{bucket="all"}')).toBe(1);
  });
});

test('the keys held say whether they are fresh, and each look at them what it found', async () => {
  const { clock } = withoutRedis.service;
  const state = () => valueOf(withoutRedis, 'jwks_state{state="fresh"}');
  await until(async () => (await state()) || undefined);
  const jane = await withoutRedis.person({});
  expect((await jane.ask('GET')).status).toBe(200);
  tenant.answerWith('jwks', { status: 500 });
  clock.advance(3000);
  expect(await valueOf(withoutRedis, 'jwks_state{state="stale"}')).toBe(1);
  const omar = await withoutRedis.person({});
  expect((await omar.ask('GET')).status).toBe(200);
  expect(await valueOf(withoutRedis, 'jwks_cache_requests_total{outcome="stale"}')).toBeGreaterThan(0);
  await until(() => valueOf(withoutRedis, 'jwks_fetches_total{outcome="failed"}'));
  clock.advance(5 * 3600);
  expect(await valueOf(withoutRedis, 'jwks_state{state="none"}')).toBe(1);
});

test('a Redis that is not there shows as down, and in its commands', async () => {
  const jane = await withoutRedis.person({});
  await jane.ask('GET');
  expect(await valueOf(withoutRedis, 'redis_up')).toBe(0);
  expect(
    await valueOf(withoutRedis, 'redis_command_duration_seconds_count{outcome="not_connected"}'),
  ).toBeGreaterThan(0);
  expect(await valueOf(withoutRedis, 'health_check_status{check="redis"}')).toBe(0);
});

test('streams of events are counted while they are open', async () => {
  const jane = await usual.person({});
  const leaving = new AbortController();
  const response = await fetch(`${usual.service.url}/me/events`, {
    headers: { authorization: `Bearer ${jane.token}` },
    signal: leaving.signal,
  });
  expect(response.status).toBe(200);
  expect(await valueOf(usual, 'sse_connections')).toBe(1);
  leaving.abort();
  await until(async () => ((await valueOf(usual, 'sse_connections')) === 0 ? true : undefined));
});

test('write locks that are not given in time, or lost before the change, are counted apart', async () => {
  const metrics = createMetrics({ now: () => 0 });
  const grip = { refresh: () => Promise.reject(new Error('lost')), keepForBound: () => undefined };
  const refusing = metrics.redis.withLockMetrics({ withLock: () => Promise.reject(new Error('busy')) });
  const losing = metrics.redis.withLockMetrics({ withLock: (_userId, task) => task(grip) });
  await expect(refusing.withLock('jane', async () => 1)).rejects.toThrow('busy');
  await expect(losing.withLock('jane', (held) => held.refresh())).rejects.toThrow('lost');
  await expect(losing.withLock('jane', () => Promise.reject(new Error('other')))).rejects.toThrow('other');
  const text = await metrics.render();
  expect(text).toContain('metadata_bff_write_lock_failures_total{reason="not_granted"} 1\n');
  expect(text).toContain('metadata_bff_write_lock_failures_total{reason="lost"} 1\n');
  expect(text).toContain('metadata_bff_write_lock_wait_seconds_count 2\n');
});
