import { expect, test } from '@jest/globals';
import { batchReads } from '../../bench/simulation/batched-reads.ts';
import { createOurs } from '../../bench/simulation/ours.ts';
import { scoreOf } from '../../bench/simulation/score.ts';
import { simulate } from '../../bench/simulation/world.ts';
import { compareTasks } from '../../bench/timing.ts';

test('searches that answer several cold users never answer older data than a writer was promised', async () => {
  const { requests, calls } = await simulate(
    ({ time, tenant, random }) =>
      createOurs({ time, http: tenant.http, random }, { plan: 'enterprise' }, batchReads),
    { plan: 'enterprise', refill: 'trickle' },
    { users: 200, requestsPerSecond: 50, writeShare: 0.1, minutes: 1, zipfExponent: 1, seed: 11 },
  );
  expect(calls.searches).toBeGreaterThan(0);
  expect(scoreOf(requests)).toMatchObject({ outdated: 0, readsFailed: 0 });
});

test('a task is compared with the first of its own turns', () => {
  const sums: number[] = [];
  const sum = (count: number) => () => {
    let total = 0;
    for (let index = 0; index < count; index += 1) total += index % 7;
    sums.push(total);
  };
  const [reference, tenfold] = compareTasks(
    [
      { name: 'reference', run: sum(20_000) },
      { name: 'tenfold', run: sum(200_000) },
    ],
    { turns: 5, turnMs: 2 },
  );
  expect(reference?.ratio).toBe(1);
  expect(tenfold?.ratio).toBeGreaterThan(3);
  expect(sums.length).toBeGreaterThan(10);
});
