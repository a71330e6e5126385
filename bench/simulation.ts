/**
 * The request budget in virtual time: the same thousand users call this service and the proxies that people write by
 * hand, each in front of a tenant with the budget of a plan, and each starting cold.
 */
import { type Bench, type Cell, goal, percent, percentile, table } from './report.ts';
import { createHandWritten, createOurs, type Dependencies, type Proxy } from './simulation/proxies.ts';
import { type Load, type Request, simulate } from './simulation/simulate.ts';

const PLANS = ['free', 'self-service', 'enterprise-nonprod', 'enterprise'] as const;
const PROXIES = ['metadata-bff', 'hand-written', 'hand-written, TTL cache'] as const;
type Plan = (typeof PLANS)[number];
type ProxyName = (typeof PROXIES)[number];

/** Where writes alone exceed the budget, it takes half an hour until every user was read once. */
const LOAD: Load = { users: 1_000, requestsPerSecond: 100, writeShare: 0.05, minutes: 40, seed: 20_260_101 };
const PHASE_MS = 10 * 60_000;
const TTL_MS = 60_000;

function createProxy(name: ProxyName, plan: Plan, dependencies: Dependencies): Proxy {
  if (name === 'metadata-bff') return createOurs(dependencies, plan);
  return createHandWritten(dependencies, name === 'hand-written' ? 0 : TTL_MS);
}

async function run(
  plan: Plan,
  name: ProxyName,
  writeShare: number,
  refill: 'trickle' | 'window' = 'trickle',
) {
  const { requests, calls } = await simulate(
    (dependencies) => createProxy(name, plan, dependencies),
    { plan, refill },
    { ...LOAD, writeShare },
  );
  const cold = summarize(requests.filter(({ atMs }) => atMs < PHASE_MS));
  const warm = summarize(requests.filter(({ atMs }) => atMs >= LOAD.minutes * 60_000 - PHASE_MS));
  const title = [plan, refill, percent(writeShare, 1), name];
  return { plan, name, title, calls, cold, warm };
}

type Run = Awaited<ReturnType<typeof run>>;

const isAnswered = ({ status }: Request) => status === 200;

function toLatencies(requests: readonly Request[]): string {
  const values = requests.map(({ latencyMs }) => latencyMs);
  return `${Math.round(percentile(values, 0.5))} / ${Math.round(percentile(values, 0.99))}`;
}

/** What the callers experienced. Latencies are those of answered requests. */
export function summarize(requests: readonly Request[]) {
  const reads = requests.filter(({ kind }) => kind === 'read');
  const writes = requests.filter(({ kind }) => kind === 'write');
  const [answered, written] = [reads.filter(isAnswered), writes.filter(isAnswered)];
  const failed = reads.filter((request) => !isAnswered(request));
  const copied = answered.filter(({ isCopy }) => isCopy).length;
  const stale = answered.filter(({ ageSeconds }) => ageSeconds * 1_000 >= TTL_MS).length;
  const outdated = answered.filter(({ isOutdated }) => isOutdated).length;
  const failedWithCopy = failed.filter(({ hadCopy }) => hadCopy).length;
  const failedOfServed = failed.filter(({ wasServed }) => wasServed).length;
  const cells: Cell[] = [
    percent(answered.length, reads.length),
    percent(copied, reads.length),
    percent(stale, answered.length),
    outdated,
    `${failed.length} (${failedOfServed})`,
    percent(written.length, writes.length),
    toLatencies(answered),
    toLatencies(written),
  ];
  return { cells, copiedShare: copied / reads.length, outdated, failedOfServed, failedWithCopy };
}

const TITLE = ['plan', 'refill', 'writes', 'proxy'];
const HEADERS = [
  'reads answered',
  'from a copy',
  'stale',
  'outdated',
  'reads failed (served before)',
  'writes answered',
  'read p50 / p99 ms',
  'write p50 / p99 ms',
];

function toGoals(runs: readonly Run[]): string[] {
  const ours = runs.filter(({ name }) => name === 'metadata-bff');
  const tight = ours.filter(({ plan }) => plan === 'enterprise-nonprod').map(({ warm }) => warm);
  const copied = Math.min(...tight.map(({ copiedShare }) => copiedShare));
  const ofServed = Math.max(...tight.map(({ failedOfServed }) => failedOfServed));
  const withCopy = Math.max(...ours.flatMap(({ cold, warm }) => [cold.failedWithCopy, warm.failedWithCopy]));
  const refused = Math.max(...ours.map(({ calls }) => calls.refused));
  const after = 'after warm-up, on enterprise-nonprod,';
  return [
    goal(
      `${after} at least 99 % of reads need no request to the tenant (${percent(copied, 1)})`,
      copied >= 0.99,
    ),
    goal(`${after} no read fails for a user who had been answered before (${ofServed})`, ofServed === 0),
    goal(`no read fails while a copy is held, on any plan (${withCopy})`, withCopy === 0),
    goal(
      `the tenant refuses at most two requests of ours in ${LOAD.minutes} minutes (${refused})`,
      refused <= 2,
    ),
  ];
}

/** What callers of each proxy experience on each plan. */
export const benchSimulation: Bench = async (log) => {
  const runs: Run[] = [];
  for (const plan of PLANS) {
    for (const name of PROXIES) runs.push(await run(plan, name, LOAD.writeShare));
    runs.push(await run(plan, 'metadata-bff', LOAD.writeShare, 'window'));
    log(`${plan} done`);
  }
  for (const writeShare of [0.01, 0]) {
    runs.push(await run('enterprise-nonprod', 'metadata-bff', writeShare));
    runs.push(await run('enterprise-nonprod', 'hand-written, TTL cache', writeShare));
  }
  const phase = (key: 'cold' | 'warm') =>
    table(
      [...TITLE, ...HEADERS],
      runs.map(({ title, [key]: { cells } }) => [...title, ...cells]),
    );
  const calls = runs.map(({ title, calls: { reads, writes, refused } }) => [
    ...title,
    reads,
    writes,
    refused,
  ]);
  return {
    title: 'Simulated tenants',
    body: [
      `${LOAD.users} users of Zipf-like activity, ${LOAD.requestsPerSecond} requests a second, some of them writes of`,
      `one key, for ${LOAD.minutes} virtual minutes from a cold start. The tenant refuses what the plan's`,
      'buckets do not hold, and takes 60 to 1,240 ms (median 120, p95 470). *From a copy*: without a request to the',
      'tenant, own or waited for. *Stale*: of the answered reads, those from a copy older than 60 s. *Outdated*:',
      'older than a write that had been answered before. *Failed*: 5xx; in brackets, those of users who had been',
      'answered before. Callers do not retry. Latencies are those of answered requests, in front of the HTTP edge.',
      'Every run is reproducible exactly.',
      '',
      '### Minutes 1 to 10: cold start',
      '',
      phase('cold'),
      '',
      '### Minutes 31 to 40',
      '',
      phase('warm'),
      '',
      `### Requests to the tenant in ${LOAD.minutes} minutes`,
      '',
      table([...TITLE, 'tenant reads', 'tenant writes', '429'], calls),
      '',
      ...toGoals(runs),
    ].join('\n'),
  };
};
