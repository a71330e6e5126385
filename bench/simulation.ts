/**
 * Tenants in virtual time: the same thousand users call this service and the proxies that people write by
 * hand, each in front of a tenant with the budget of a plan, and each starting cold.
 */
import { type Bench, type Cell, goal, percent, type Section, table } from './report.ts';
import { batchReads } from './simulation/batched-reads.ts';
import type { Contender } from './simulation/contender.ts';
import { createPlainProxy, createTtlCacheProxy } from './simulation/hand-written.ts';
import { createOurs } from './simulation/ours.ts';
import { type Score, scoreOf } from './simulation/score.ts';
import type { Refill } from './simulation/simulated-tenant.ts';
import { type Course, type Load, simulate, type Surroundings } from './simulation/world.ts';

const PLANS = ['free', 'self-service', 'enterprise-nonprod', 'enterprise'] as const;
type Plan = (typeof PLANS)[number];

/** Where writes alone exceed the budget, it takes half an hour until everybody was read once. */
const LOAD: Load = {
  users: 1_000,
  requestsPerSecond: 100,
  writeShare: 0.05,
  minutes: 40,
  zipfExponent: 1,
  seed: 20_260_101,
};
const PHASE_MS = 10 * 60_000;

const CONTENDERS = {
  'metadata-bff': (plan, { tenant, time, random }) =>
    createOurs({ http: tenant.http, time, random }, { plan }),
  'the same, cold reads batched': (plan, { tenant, time, random }) =>
    createOurs({ http: tenant.http, time, random }, { plan }, batchReads),
  'hand-written': (_plan, { tenant }) => createPlainProxy({ http: tenant.http }),
  'hand-written, TTL cache': (_plan, { tenant, time }) =>
    createTtlCacheProxy({ http: tenant.http, clock: time.clock }),
} as const satisfies Record<string, (plan: Plan, surroundings: Surroundings) => Contender>;
type Name = keyof typeof CONTENDERS;

interface Run {
  readonly plan: Plan;
  readonly name: Name;
  readonly refill: Refill;
  readonly load: Load;
  readonly course: Course;
  readonly cold: Score;
  readonly warm: Score;
}

async function run(
  plan: Plan,
  name: Name,
  refill: Refill = 'trickle',
  change: Partial<Load> = {},
): Promise<Run> {
  const load = { ...LOAD, ...change };
  const course = await simulate(
    (surroundings) => CONTENDERS[name](plan, surroundings),
    { plan, refill },
    load,
  );
  const cold = scoreOf(course.requests.filter(({ atMs }) => atMs < PHASE_MS));
  const warmFromMs = load.minutes * 60_000 - PHASE_MS;
  const warm = scoreOf(course.requests.filter(({ atMs }) => atMs >= warmFromMs));
  return { plan, name, refill, load, course, cold, warm };
}

const HEADERS = [
  'plan',
  'proxy',
  'reads answered',
  'from a copy',
  'stale',
  'outdated',
  'reads failed (served before)',
  'writes answered',
  'writes failed',
  'read p50 / p99 ms',
  'write p50 / p99 ms',
];

function row({ plan, name }: Run, score: Score): Cell[] {
  const { reads, readsAnswered, writes, writesAnswered } = score;
  return [
    plan,
    name,
    percent(readsAnswered, reads),
    percent(score.fromCopy, reads),
    percent(score.stale, readsAnswered),
    score.outdated,
    `${score.readsFailed} (${score.readsFailedThoughServed})`,
    percent(writesAnswered, writes),
    score.writesFailed,
    `${Math.round(score.readP50Ms)} / ${Math.round(score.readP99Ms)}`,
    `${Math.round(score.writeP50Ms)} / ${Math.round(score.writeP99Ms)}`,
  ];
}

function callRow({ plan, name, refill, load, course: { calls } }: Run): Cell[] {
  const share = percent(load.writeShare, 1);
  return [plan, name, refill, share, calls.reads, calls.searches, calls.writes, calls.refused];
}

function goals(runs: readonly Run[]): string[] {
  const ours = runs.filter(({ name }) => name === 'metadata-bff');
  const tight = ours.find(({ plan }) => plan === 'enterprise-nonprod');
  const refusals = Math.max(...ours.map(({ course }) => course.calls.refused));
  const held = ours.reduce(
    (sum, { cold, warm }) => sum + cold.readsFailedThoughHeld + warm.readsFailedThoughHeld,
    0,
  );
  const again = tight?.warm.readsFailedThoughServed ?? 0;
  const share = tight ? tight.warm.fromCopy / tight.warm.reads : 0;
  return [
    goal(
      `after warm-up, at least 99 % of reads need no request to the tenant on enterprise-nonprod (${percent(share, 1)})`,
      share >= 0.99,
    ),
    goal(
      `after warm-up, no read fails on enterprise-nonprod for a user who had been answered before (${again})`,
      again === 0,
    ),
    goal(`no read fails while a copy is held, on any plan (${held})`, held === 0),
    goal(
      `the tenant refuses no more than a stray request of ours in ${LOAD.minutes} minutes (at most ${refusals})`,
      refusals <= 2,
    ),
  ];
}

/** Runs of the brief load on every plan, then the questions that they raise. */
async function runAll(log: (line: string) => void) {
  const main: Run[] = [];
  const others: Run[] = [];
  for (const plan of PLANS) {
    for (const name of [
      'metadata-bff',
      'the same, cold reads batched',
      'hand-written',
      'hand-written, TTL cache',
    ] as const) {
      main.push(await run(plan, name));
    }
    others.push(await run(plan, 'metadata-bff', 'window'));
    log(`simulation: ${plan} done`);
  }
  const lighter: Run[] = [];
  for (const writeShare of [0.01, 0]) {
    for (const name of ['metadata-bff', 'the same, cold reads batched', 'hand-written, TTL cache'] as const) {
      lighter.push(await run('enterprise-nonprod', name, 'trickle', { writeShare }));
    }
  }
  return { main, others, lighter };
}

/** What callers of each proxy experience on each plan. */
export const benchSimulation: Bench = async (log): Promise<Section> => {
  const { main, others, lighter } = await runAll(log);
  const light = lighter.map((each) => [percent(each.load.writeShare, 1), ...row(each, each.warm).slice(1)]);
  return {
    title: 'Simulated tenants',
    body: [
      `${LOAD.users} users of Zipf-like activity, ${LOAD.requestsPerSecond} requests a second, ${percent(LOAD.writeShare, 1)} of them`,
      `writes of one key, for ${LOAD.minutes} virtual minutes from a cold start. The tenant refuses what the plan's buckets`,
      'do not hold, and takes 60 to 1,240 ms (median 120, p95 470). *From a copy*: without a request to the tenant,',
      'own or waited for. *Stale*: of the answered reads, those from a copy older than 60 s. *Outdated*: older than a',
      'write that had been answered before. *Failed*: 5xx; in brackets, those of users who had been answered before.',
      'Callers do not retry. Latencies are those of answered requests, in front of the HTTP edge. Every run is reproducible',
      'exactly. *Batched* is an experiment that does not ship: cold users share one search of the tenant.',
      '',
      '### Minutes 1 to 10: cold start',
      '',
      table(
        HEADERS,
        main.map((each) => row(each, each.cold)),
      ),
      '',
      '### Minutes 31 to 40',
      '',
      table(
        HEADERS,
        main.map((each) => row(each, each.warm)),
      ),
      '',
      '### Minutes 31 to 40 on enterprise-nonprod, with fewer writes',
      '',
      table(['writes', ...HEADERS.slice(1)], light),
      '',
      `### Requests to the tenant in ${LOAD.minutes} minutes`,
      '',
      table(
        ['plan', 'proxy', 'refill', 'writes', 'reads', 'searches', 'writes', '429'],
        [...main, ...others, ...lighter].map(callRow),
      ),
      '',
      ...goals([...main, ...others, ...lighter]),
    ].join('\n'),
  };
};
