import { describe, expect, test } from '@jest/globals';
import { percentile } from '../../bench/report.ts';
import { summarize } from '../../bench/simulation.ts';
import { createHandWritten, createOurs } from '../../bench/simulation/proxies.ts';
import { type Load, simulate } from '../../bench/simulation/simulate.ts';
import { createSimulatedTenant } from '../../bench/simulation/tenant.ts';
import { planBudgets } from '../../packages/local-tenant/src/plans.ts';
import { createRandom, createZipf } from '../support/random.ts';
import { createVirtualTime } from '../support/virtual-time.ts';

const LOAD: Load = {
  users: 50,
  requestsPerSecond: 20,
  writeShare: 0.05,
  minutes: 1,
  seed: 7,
};
const GLOBAL_PLANS = ['free', 'enterprise-nonprod', 'enterprise'] as const;
const REFILLS = ['trickle', 'window'] as const;

describe.each(REFILLS)('a tenant whose buckets refill as a %s', (refill) => {
  test.each(GLOBAL_PLANS)('answers no more on %s than the plan allows', async (plan) => {
    const budget = planBudgets[plan];
    if (budget.kind !== 'global') throw new Error('this plan has several buckets');
    const time = createVirtualTime(Date.UTC(2026, 0, 1));
    const tenant = createSimulatedTenant({ time, random: createRandom(1) }, { plan, refill });
    let answered = 0;
    const seconds = 10;
    for (let index = 0; index < 100 * seconds; index += 1) {
      time.at(time.clock.now() + index * 10, () => {
        void tenant.http
          .send({ method: 'GET', url: `https://tenant.example/api/v2/users/u${index}` })
          .then(({ status }) => (answered += status === 200 ? 1 : 0));
      });
    }
    await time.runUntil(time.clock.now() + (seconds + 5) * 1000);
    const { burst, refill: perSecond } = budget.bucket;
    expect(tenant.calls.reads).toBe(answered);
    expect(answered + tenant.calls.refused).toBe(100 * seconds);
    expect(answered).toBeLessThanOrEqual(burst + perSecond * seconds);
    expect(answered).toBeGreaterThanOrEqual(burst + perSecond * (seconds - 1) - 1);
  });
});

const PLAN = { plan: 'enterprise-nonprod', refill: 'trickle' } as const;

function ours() {
  return simulate((dependencies) => createOurs(dependencies, PLAN.plan), PLAN, LOAD);
}

async function arrivals(course: ReturnType<typeof simulate>): Promise<string[]> {
  return (await course).requests.map(({ kind, atMs }) => `${atMs} ${kind}`).toSorted();
}

describe('a simulation', () => {
  test('is the same in every run', async () => {
    const [first, second] = [await ours(), await ours()];
    expect(second).toEqual(first);
  });

  test('of this service answers every request once, and is never refused by the tenant', async () => {
    const { requests, calls } = await ours();
    const expected = LOAD.requestsPerSecond * 60;
    expect(requests.length).toBeGreaterThan(expected * 0.8);
    expect(requests.length).toBeLessThan(expected * 1.2);
    expect(calls.refused).toBe(0);
    expect(summarize(requests)).toMatchObject({ outdated: 0, failedWithCopy: 0 });
  });

  test('of a hand-written proxy asks the tenant for more than the plan allows', async () => {
    const { requests, calls } = await simulate((dependencies) => createHandWritten(dependencies), PLAN, LOAD);
    expect(calls.reads + calls.writes + calls.refused).toBe(requests.length);
    expect(calls.refused).toBeGreaterThan(calls.reads + calls.writes);
  });

  test('brings the same requests to every proxy', async () => {
    const plain = simulate((dependencies) => createHandWritten(dependencies), PLAN, LOAD);
    const cached = simulate((dependencies) => createHandWritten(dependencies, 60_000), PLAN, LOAD);
    const expected = await arrivals(ours());
    expect(await arrivals(plain)).toEqual(expected);
    expect(await arrivals(cached)).toEqual(expected);
  });
});

test('Zipf draws follow their ranks', () => {
  const draw = createZipf(createRandom(3), 10, 1);
  const counts = Array.from({ length: 10 }, () => 0);
  for (let index = 0; index < 20_000; index += 1) {
    const rank = draw();
    counts[rank] = (counts[rank] ?? 0) + 1;
  }
  const [first = 0, second = 0] = counts;
  expect(first / second).toBeGreaterThan(1.8);
  expect(first / second).toBeLessThan(2.2);
  expect(counts.every((count) => count > 0)).toBe(true);
});

test('log-normal draws have the median and the 95th percentile asked for', () => {
  const random = createRandom(5);
  const draws = Array.from({ length: 20_000 }, () => random.logNormal(120, 470));
  expect(Math.abs(percentile(draws, 0.5) - 120)).toBeLessThan(4);
  expect(Math.abs(percentile(draws, 0.95) - 470)).toBeLessThan(25);
});
