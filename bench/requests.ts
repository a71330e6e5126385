/**
 * Requests: what each costs in CPU time, side by side with bare node:http and with what people would run instead;
 * and the service's start, memory and growth. CPU time, because on a machine that others use, too, nothing else
 * can be compared.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../demo/package-root.ts';
import { profileDocument } from './documents/samples.ts';
import { type Bench, type Cell, goal, table } from './report.ts';
import { type Added, measureAdded } from './requests/added.ts';
import { CASES, commonCases, etagOf, ownCases, type Tokens } from './requests/cases.ts';
import {
  contest,
  type Contestant,
  contestantsOf,
  cpuOf,
  NAMES,
  readCase,
  type Standing,
  standingKey,
  standingOf,
  timesOf,
} from './requests/contest.ts';
import { type Field, openField } from './requests/field.ts';
import { measureGrowth } from './requests/growth.ts';
import { measureStartUp, soak } from './requests/lifetime.ts';
import { fetchNode } from './requests/other-node.ts';
import { drawPanels } from './requests/picture.ts';
import { CORES, GENERATOR_CORE, pin, pinning } from './requests/process.ts';
import { getRequest } from './requests/requests.ts';
import { CORES_WANTED, measureScale } from './requests/scale.ts';
import { spreadOf, written } from './requests/statistics.ts';
import { openIssuer } from './requests/tokens.ts';
import { WINDOW } from './requests/window.ts';

export interface RequestsOptions {
  readonly rounds: number;
  readonly soakRequests: number;
  /** The most that are shown to the service; signing a hundred thousand takes minutes, once. */
  readonly tokensMax: number;
}

type Log = (line: string) => void;
type Standings = ReadonlyMap<string, Standing>;

const DOCUMENT_BYTES = 500;
const USERS = 1_000;
/** A process that runs longer than this has entries that end; each round starts anew. */
const CASE_WINDOW = { ...WINDOW, warmUpMs: 500, windowMs: 1_000 };
const NODE_LTS = 24;
const PICTURE = join('docs', 'images', 'cost-of-a-read.svg');
const GOALS = {
  timesBare: 3,
  timesLess: 8,
  addedMs: 1,
  startUpMs: 700,
  idleMegabytes: 90,
  growthMegabytes: 5,
  scale: 1.7,
};
const READ = 'GET';

function contestTable(standings: Standings, contestants: readonly Contestant[]): string {
  const bare = standingOf(standings, NAMES.bare, READ);
  const rows = contestants.map(({ name }): Cell[] => {
    const standing = standingOf(standings, name, READ);
    const of = (pick: (timing: Standing['rounds'][number]) => number) => spreadOf(standing.rounds.map(pick));
    return [
      name,
      written(cpuOf(standing)),
      written(timesOf(standing, bare)),
      Math.round(of(({ perSecond }) => perSecond).median),
      Number(of(({ p50Ms }) => p50Ms).median.toFixed(1)),
      Number(of(({ p99Ms }) => p99Ms).median.toFixed(1)),
    ];
  });
  return table(['', 'CPU us a request', 'times bare', 'requests/s', 'p50 ms', 'p99 ms'], rows);
}

async function cachedReads(field: Field, tokens: readonly string[], rounds: number, log: Log) {
  const contestants = contestantsOf(field);
  const cases = [readCase(READ, tokens)];
  const options = { rounds, window: { ...WINDOW, warmUpRequests: tokens.length } };
  const ready = getRequest(tokens[0] ?? '');
  const standings = await contest(
    contestants.map((one) => ({ ...one, cases })),
    ready,
    options,
  );
  const ours = standingOf(standings, NAMES.ours, READ);
  const handWritten = standingOf(standings, NAMES.handWritten, READ);
  const timesBare = timesOf(ours, standingOf(standings, NAMES.bare, READ));
  const timesLess = timesOf(handWritten, ours);
  const p99 = spreadOf(ours.rounds.map(({ p99Ms }) => p99Ms)).median;
  const p50 = spreadOf(handWritten.rounds.map(({ p50Ms }) => p50Ms)).median;
  log(`cached read: ${written(timesBare)} times bare, hand-written ${written(timesLess)} times ours`);
  return [
    contestTable(standings, contestants),
    '',
    goal(
      `a cached GET takes at most ${GOALS.timesBare} times the CPU of bare node:http (${written(timesBare)})`,
      timesBare.median <= GOALS.timesBare,
    ),
    goal(
      `and at least ${GOALS.timesLess} times less than the hand-written stack (${written(timesLess)})`,
      timesLess.median >= GOALS.timesLess,
    ),
    goal(
      `its p99 is no worse than the p50 of the hand-written stack (${p99.toFixed(1)} and ${p50.toFixed(1)} ms)`,
      p99 <= p50,
    ),
  ];
}

async function onOtherNode(field: Field, tokens: readonly string[], rounds: number, log: Log) {
  const node = fetchNode(NODE_LTS);
  if (!node) return [`Node ${NODE_LTS} not measured: it cannot be fetched here, or runs this benchmark.`];
  log(`on Node ${node.version} ...`);
  const keys = ['bare', 'expressStatic', 'fastify', 'ours', 'handWritten'] as const;
  const contestants = contestantsOf(field, keys).map(({ name, program }) => ({
    name,
    program: { ...program, node: node.path },
    cases: [readCase(READ, tokens)],
  }));
  const standings = await contest(contestants, getRequest(tokens[0] ?? ''), {
    rounds,
    window: { ...WINDOW, warmUpRequests: tokens.length },
  });
  return [`The same on Node ${node.version}:`, '', contestTable(standings, contestants)];
}

async function everyCase(field: Field, tokens: Tokens, rounds: number, log: Log) {
  const ready = getRequest(tokens.known[0] ?? '');
  const common = async ({ name, program }: Contestant) => ({
    name,
    program,
    cases: commonCases(tokens, await etagOf(program, ready)),
  });
  const [bare, ...others] = contestantsOf(field, ['bare', 'ours', 'oursWithRedis', 'handWritten']);
  const contestants = await Promise.all(others.map(common));
  const entries = [
    ...(bare ? [{ ...bare, cases: [readCase(READ, tokens.known)] }] : []),
    ...contestants.map((one) =>
      one.name === NAMES.handWritten ? one : { ...one, cases: [...one.cases, ...ownCases(tokens)] },
    ),
  ];
  const window = { ...CASE_WINDOW, warmUpRequests: USERS };
  const standings = await contest(entries, ready, { rounds, window });
  const floor = standingOf(standings, NAMES.bare, READ);
  const rows = Object.values(CASES).map((name): Cell[] => [
    name,
    ...contestants.map((contestant) => {
      const standing = standings.get(standingKey(contestant.name, name));
      return standing ? `${written(cpuOf(standing))}; ${written(timesOf(standing, floor))}` : '–';
    }),
  ]);
  const ratio = (name: string, to: string) =>
    timesOf(standingOf(standings, NAMES.ours, name), standingOf(standings, NAMES.ours, to));
  const cheaper = (name: string, to: string) =>
    goal(`${name} is cheaper than ${to} (${written(ratio(name, to))} times)`, ratio(name, to).median < 1);
  log(`cases: ${rows.map((row) => row.slice(0, 2).join(' ')).join('; ')}`);
  return [
    table(['', ...contestants.map(({ name }) => name)], rows),
    '',
    cheaper(CASES.notModified, CASES.read),
    ...[CASES.forged, CASES.expired, CASES.garbage].map((name) => cheaper(name, CASES.firstSight)),
  ];
}

async function waiting(field: Field, tokens: Tokens, rounds: number) {
  const { cold, patch } = await measureAdded(field, tokens, rounds);
  return [
    'Milliseconds for a single caller, medians. The tenant of the benchmark answers at once, so that nothing is hidden behind it.',
    '',
    table(
      ['', 'tenant', 'metadata-bff', 'added'],
      [addedRow(CASES.cold, cold), addedRow(CASES.flatPatch, patch)],
    ),
    '',
    addsLittle('a cold GET', cold),
    addsLittle('a PATCH', patch),
  ];
}

function addedRow(name: string, { direct, through, added }: Added): Cell[] {
  return [name, ...[direct, through, added].map((spread) => written(spread))];
}

function addsLittle(name: string, { added }: Added): string {
  const what = `${name} adds less than a millisecond to the time of the tenant (${written(added)} ms)`;
  return goal(what, added.median < GOALS.addedMs);
}

async function lifetime(field: Field, tokens: readonly string[], options: RequestsOptions, log: Log) {
  const ready = getRequest(tokens[0] ?? '');
  const { firstAnswerMs, cpuMs, startedMegabytes, idleMegabytes } = await measureStartUp(
    field.ours,
    ready,
    options.rounds,
  );
  log(`start-up ${written(firstAnswerMs)} ms; ${options.soakRequests} requests of a soak ...`);
  const long = await soak(field, tokens, options.soakRequests);
  const grown = long.lateMegabytes - long.earlyMegabytes;
  return [
    goal(
      `start to first answered read under ${GOALS.startUpMs} ms (${written(firstAnswerMs)} ms, with ${written(cpuMs)} ms of CPU)`,
      firstAnswerMs.median < GOALS.startUpMs,
    ),
    goal(
      `an idle process under ${GOALS.idleMegabytes} MB (RSS ${written(idleMegabytes)} MB, right after the start ${written(startedMegabytes)} MB)`,
      idleMegabytes.median < GOALS.idleMegabytes,
    ),
    goal(
      `no growth over ${long.requests} requests, 5 % of them writes (after collection ${long.earlyMegabytes.toFixed(1)} MB, then ${long.lateMegabytes.toFixed(1)} MB; RSS ${Math.round(long.rssMegabytes)} MB)`,
      grown < GOALS.growthMegabytes,
    ),
  ];
}

async function replicas(field: Field, tokens: readonly string[], rounds: number, log: Log) {
  if (!field.oursWithRedis) return ['Replicas not measured: there is no `redis-server` on the PATH.'];
  const scaling = await measureScale(field.oursWithRedis, tokens, { rounds });
  log(`scale: ${written(scaling.scale)}`);
  const rows = [
    ['one replica', written(scaling.oneCpuMicros), Math.round(scaling.onePerSecond.median)],
    ['each of two', written(scaling.twoCpuMicros), Math.round(scaling.twoPerSecond.median / 2)],
  ];
  return [
    table(['', 'CPU us a request', 'requests/s'], rows),
    '',
    `On ${CORES} cores, which generator and Redis use, too${CORES < CORES_WANTED ? ', the second replica shares one of them with both' : ''}. The scale is that of CPU`,
    'time: what two replicas serve with a core each, against what one serves.',
    '',
    goal(
      `two replicas serve at least ${GOALS.scale} times as many reads as one (${written(scaling.scale)})`,
      scaling.scale.median >= GOALS.scale,
    ),
  ];
}

/** Draws the picture, and says the same in a table. */
async function growth(issuer: ReturnType<typeof openIssuer>, field: Field, options: RequestsOptions) {
  const lines = await measureGrowth(issuer, field, options);
  const panels = lines.map(({ title, unit, points }) => ({
    title,
    unit,
    points: points.map(({ at, times }) => ({ at, value: times })),
  }));
  const picture = drawPanels(panels, {
    title: 'What a cached GET costs',
    unit: 'CPU, as a multiple of bare node:http with a document of the same size',
  });
  const root = packageRoot(import.meta.dirname);
  mkdirSync(join(root, 'docs', 'images'), { recursive: true });
  writeFileSync(join(root, PICTURE), picture);
  const rows = lines.flatMap(({ title, points }) =>
    points.map(({ at, cpuMicros, times }) => [title, at, Math.round(cpuMicros), Number(times.toFixed(1))]),
  );
  return [table(['', 'at', 'CPU us a request', 'times bare'], rows)];
}

/** @returns the benchmark with these bounds. It draws `docs/images/cost-of-a-read.svg`, too. */
export function benchRequests(options: RequestsOptions): Bench {
  return async (log) => {
    const { rounds } = options;
    const issuer = openIssuer(log);
    const tokens: Tokens = {
      known: (await issuer.tokens(10_000, USERS)).slice(0, USERS),
      more: (await issuer.tokens(10_000, USERS)).slice(USERS),
      strangers: await issuer.tokens(10_000, 10_000).then((all) => all.slice(USERS, -USERS)),
      writers: await issuer.tokens(10_000, 10_000).then((all) => all.slice(-USERS)),
      expired: await issuer.expired(USERS),
    };
    await issuer.tokens(options.tokensMax, USERS);
    const field = await openField(issuer, profileDocument(DOCUMENT_BYTES));
    pin(process.pid, GENERATOR_CORE);
    try {
      const sections = {
        'Cached reads': [
          ...(await cachedReads(field, tokens.known, rounds, log)),
          '',
          ...(await onOtherNode(field, tokens.known, rounds, log)),
        ],
        'Every kind of request': await everyCase(field, tokens, rounds, log),
        'What is added to the time of the tenant': await waiting(field, tokens, rounds),
        'Start, memory, a long run': await lifetime(field, tokens.known, options, log),
        Replicas: await replicas(field, tokens.known, rounds, log),
        Growth: await growth(issuer, field, options),
      };
      return { title: 'Requests', body: bodyOf(sections, rounds) };
    } finally {
      await field.stop();
    }
  };
}

function bodyOf(sections: Readonly<Record<string, readonly string[]>>, rounds: number): string {
  return [
    'CPU microseconds of the server process, all threads, for one request: median of the rounds (lowest–highest),',
    `and as a multiple of bare node:http in the same rounds. ${rounds} rounds; in each, every program is started anew`,
    `and takes its turn: warm-up, then a window. ${WINDOW.connections} connections on 127.0.0.1 that wait for each answer; ${pinning()}.`,
    'The generator never sleeps: to wake it would be charged to whichever server leaves it time to.',
    `Documents of ${DOCUMENT_BYTES} bytes, ${USERS} users, RS256 tokens. Bare node:http answers one text with as many bytes of header`,
    'fields. metadata-bff is the compiled program with everything on, its log lines in a file.',
    ...Object.entries(sections).flatMap(([title, lines]) => ['', `### ${title}`, '', ...lines]),
  ].join('\n');
}
