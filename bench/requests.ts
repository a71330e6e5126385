/**
 * What a cached read costs in CPU time, beside the least that Node can do and what people would run instead. In each
 * round every program has a process of its own, warms up, and takes its turn. Figures are compared within a round: on a
 * machine that does other work, nothing else can be compared.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sendLoad, toRequest } from './load.ts';
import { canPin, pinGenerator, type Program, startProcess } from './process.ts';
import { type Bench, formatRange, goal, median, ratios, table } from './report.ts';
import { profileDocument } from './service.ts';
import { openTenant } from './tenant.ts';

const DOCUMENT_BYTES = 500;
/** Few enough that all have a copy, and a verified token, early in the warm-up. */
const USERS = 100;
/** A number, not a time: a busy machine must not end the warm-up before the compiler is done. */
const WARM_UP_REQUESTS = 20_000;
const GOALS = { timesBare: 3, timesLess: 8, timesClaims: 1.05, startMs: 700, growthMegabytes: 5 };
const NAMESPACE = 'https://app.example.com';
/** Keys of the document that claims of all tokens mirror. */
const CLAIMED = ['theme', 'birthday', 'notifications'] as const;

const NAMES = [
  'bare node:http',
  'metadata-bff',
  'metadata-bff, three mapped claims',
  'hand-written stack, TTL cache',
  'naive proxy, no cache',
] as const;
type Name = (typeof NAMES)[number];

export interface Contestants {
  readonly tokens: readonly string[];
  readonly programs: Readonly<Record<Name, Program>>;
  stop(): Promise<void>;
}

/** One figure for each round. */
export interface Result {
  readonly cpuMicros: number[];
  readonly perSecond: number[];
  /** From the start of the process to the first read that it answered, and its resident memory then. */
  readonly startMs: number[];
  readonly startMegabytes: number[];
}

/** A tenant with users, a token for each, and the programs that are compared before it. */
export async function openContestants(): Promise<Contestants> {
  const tenant = await openTenant();
  const document = profileDocument(DOCUMENT_BYTES);
  const claims = Object.fromEntries(CLAIMED.map((key) => [`${NAMESPACE}/${key}`, document[key]]));
  const tokens: string[] = [];
  for (let index = 0; index < USERS; index += 1) {
    const id = `auth0|${String(index).padStart(24, '0')}`;
    await tenant.putUser(id, document);
    tokens.push(await tenant.createToken(id, claims));
  }
  const [token = ''] = tokens;
  const ours = tenant.createService(token);
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const policyFile = join(folder, 'policy.json');
  const mapped = Object.fromEntries(CLAIMED.map((key) => [`${NAMESPACE}/${key}`, `/user_metadata/${key}`]));
  writeFileSync(policyFile, JSON.stringify({ claims: mapped }));
  const env = {
    DOCUMENT: JSON.stringify(document),
    HEADERS: JSON.stringify(await readHeaders(ours, token)),
    TENANT_URL: tenant.url,
    ISSUER: tenant.issuer,
    AUDIENCE: tenant.audience,
    MANAGEMENT_TOKEN: await tenant.createManagementToken(),
  };
  const server = (name: string, ttlMs = 0): Program => ({
    file: join(import.meta.dirname, 'servers', `${name}.js`),
    env: { ...env, CACHE_TTL_MS: String(ttlMs) },
    isReady: ours.isReady,
  });
  const programs = {
    'bare node:http': server('bare'),
    'metadata-bff': ours,
    'metadata-bff, three mapped claims': { ...ours, env: { ...ours.env, POLICY_FILE: policyFile } },
    'hand-written stack, TTL cache': server('hand-written', 60_000),
    'naive proxy, no cache': server('hand-written'),
  };
  async function stop(): Promise<void> {
    rmSync(folder, { recursive: true });
    await tenant.stop();
  }
  return { tokens, programs, stop };
}

/** The headers of an answer, without those that node:http adds itself. */
async function readHeaders(program: Program, token: string): Promise<Record<string, string>> {
  const server = await startProcess(program);
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`http://127.0.0.1:${server.port}/me/metadata`, { headers });
  await server.stop();
  const own = /^(?:date|connection|keep-alive)$/;
  return Object.fromEntries([...response.headers].filter(([name]) => !own.test(name)));
}

/** Every program in every round. */
export async function compare(
  { tokens, programs }: Contestants,
  names: readonly Name[],
  { rounds = 3, windowSeconds = 2 },
): Promise<ReadonlyMap<Name, Result>> {
  pinGenerator();
  const requests = tokens.map((token) => toRequest(token));
  const results = new Map<Name, Result>();
  for (const name of names)
    results.set(name, { cpuMicros: [], perSecond: [], startMs: [], startMegabytes: [] });
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, result] of results) {
      const server = await startProcess(programs[name]);
      result.startMs.push(server.startMs);
      result.startMegabytes.push((await server.usage()).rssBytes / 1e6);
      await sendLoad(server.port, requests, { amount: WARM_UP_REQUESTS });
      const before = await server.usage();
      const { answered, perSecond } = await sendLoad(server.port, requests, { duration: windowSeconds });
      const after = await server.usage();
      result.cpuMicros.push((after.cpuMicros - before.cpuMicros) / answered);
      result.perSecond.push(perSecond);
      await server.stop();
    }
  }
  return results;
}

/** Heap and external memory after collection, in MB, when a fifth of the requests was served, and after all. */
async function soak(
  program: Program,
  tokens: readonly string[],
  requests: number,
): Promise<[number, number]> {
  const env = { ...program.env, LOG_LEVEL: 'warn' };
  const server = await startProcess({ ...program, env, nodeOptions: ['--expose-gc'] });
  // Every twentieth request is a write, with another value than the one before it.
  const mix = ['light', 'system'].flatMap((theme) =>
    tokens.map((token, index) => toRequest(token, index % 20 === 0 ? { theme } : undefined)),
  );
  const first = Math.ceil(requests / 5);
  await sendLoad(server.port, mix, { amount: first });
  const early = await server.usage();
  await sendLoad(server.port, mix, { amount: requests - first });
  const late = await server.usage();
  await server.stop();
  return [early.heapBytes / 1e6, late.heapBytes / 1e6];
}

function toTable(results: ReadonlyMap<Name, Result>): string {
  const bare = results.get('bare node:http')?.cpuMicros ?? [];
  const headers = ['', 'CPU us a request', 'times bare', 'requests/s', 'start ms', 'MB at the start'];
  const rows = [...results].map(([name, { cpuMicros, perSecond, startMs, startMegabytes }]) => [
    name,
    formatRange(cpuMicros),
    formatRange(ratios(cpuMicros, bare)),
    Math.round(median(perSecond)),
    formatRange(startMs),
    Math.round(median(startMegabytes)),
  ]);
  return table(headers, rows);
}

function toGoals(results: ReadonlyMap<Name, Result>): string[] {
  const cpu = (name: Name) => results.get(name)?.cpuMicros ?? [];
  const bare = ratios(cpu('metadata-bff'), cpu('bare node:http'));
  const less = ratios(cpu('hand-written stack, TTL cache'), cpu('metadata-bff'));
  const claims = ratios(cpu('metadata-bff, three mapped claims'), cpu('metadata-bff'));
  const startMs = results.get('metadata-bff')?.startMs ?? [];
  const { timesBare, timesLess, timesClaims } = GOALS;
  const startText = `start to first answered read under ${GOALS.startMs} ms (${formatRange(startMs)} ms)`;
  return [
    goal(
      `at most ${timesBare} times the CPU of bare node:http (${formatRange(bare)})`,
      median(bare) <= timesBare,
    ),
    goal(
      `at least ${timesLess} times less than the hand-written stack (${formatRange(less)})`,
      median(less) >= timesLess,
    ),
    goal(
      `with three mapped claims at most ${timesClaims} times the CPU of a read without (${formatRange(claims)})`,
      median(claims) <= timesClaims,
    ),
    goal(startText, median(startMs) < GOALS.startMs),
  ];
}

/** @returns the benchmark of requests. From then on this process stays on one core. */
export function benchRequests(rounds: number, soakRequests: number): Bench {
  return async (log) => {
    const contestants = await openContestants();
    const { programs, tokens } = contestants;
    const results = await compare(contestants, NAMES, { rounds });
    log(`${soakRequests} requests of a soak ...`);
    const [early, late] = await soak(programs['metadata-bff'], tokens, soakRequests);
    await contestants.stop();
    const megabytes = `${early.toFixed(1)} MB, then ${late.toFixed(1)} MB`;
    const growth = `no growth over ${soakRequests} requests, 5 % of them writes (after collection ${megabytes})`;
    return {
      title: 'Requests',
      body: [
        'CPU microseconds of the server process, all threads, for one cached GET: median of the rounds',
        '(lowest–highest), and as a multiple of bare node:http in the same rounds.',
        `${rounds} rounds; in each, every program is started anew and takes`,
        'its turn: warm-up, then a window. 20 connections that wait for each answer; generator and server',
        `${canPin() ? 'on' : 'not on'} a core each. The generator never sleeps.`,
        `Documents of ${DOCUMENT_BYTES} bytes, ${USERS} users, RS256 tokens.`,
        'Bare node:http answers one text with the headers of metadata-bff, which is the compiled program with',
        'everything on, its log lines in a file. All tokens carry the same claims.',
        '',
        toTable(results),
        '',
        ...toGoals(results),
        goal(growth, late - early < GOALS.growthMegabytes),
      ].join('\n'),
    };
  };
}
