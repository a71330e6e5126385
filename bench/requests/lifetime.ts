/**
 * What is not a matter of one request: the time until the first answer, the memory of an idle process, and
 * whether a long run leaves something behind.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Field } from './field.ts';
import { sendLoad } from './load.ts';
import { type Program, startProcess } from './process.ts';
import { getRequest, patchRequest, PATH } from './requests.ts';
import { type Spread, spreadOf } from './statistics.ts';

export interface StartUp {
  readonly firstAnswerMs: Spread;
  /** What the machine's other work does not change much. */
  readonly cpuMs: Spread;
  /** Resident, right after that read, with the garbage of starting. */
  readonly startedMegabytes: Spread;
  /** And when it has had nothing to do for a while. */
  readonly idleMegabytes: Spread;
}

/** V8 collects some ten to thirty seconds after the last work. */
const IDLE_MS = 45_000;
const CONNECTIONS = 20;
const FOREVER_MS = 3_600_000;

/** From the start of the process, as shipped, to the first read of a person that is answered with 200. */
export async function measureStartUp(program: Program, request: string, rounds: number): Promise<StartUp> {
  const times: number[] = [];
  const cpu: number[] = [];
  const started: number[] = [];
  const idle: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const startedAt = performance.now();
    const asShipped = await startProcess({ ...program, probed: false }, request);
    times.push(performance.now() - startedAt);
    await asShipped.stop();
    const probed = await startProcess(program, request);
    const { cpuMicros, rssBytes } = await probed.usage();
    cpu.push(cpuMicros / 1000);
    started.push(rssBytes / 1e6);
    await delay(IDLE_MS);
    idle.push((await probed.usage()).rssBytes / 1e6);
    await probed.stop();
  }
  return {
    firstAnswerMs: spreadOf(times),
    cpuMs: spreadOf(cpu),
    startedMegabytes: spreadOf(started),
    idleMegabytes: spreadOf(idle),
  };
}

export interface Soak {
  readonly requests: number;
  /** Heap and external memory after collection, when a fifth of the requests was served, and after all. */
  readonly earlyMegabytes: number;
  readonly lateMegabytes: number;
  readonly rssMegabytes: number;
}

/** Reads, conditional reads, reads of a key and writes of the same users, again and again. */
export async function soak(
  { ours }: Pick<Field, 'ours'>,
  tokens: readonly string[],
  requests: number,
): Promise<Soak> {
  const tokenAt = (index: number) => tokens[index % tokens.length] ?? '';
  const server = await startProcess(
    { ...ours, nodeOptions: ['--expose-gc'], env: { ...ours.env, LOG_LEVEL: 'warn' } },
    getRequest(tokenAt(0)),
  );
  const send = (count: number) =>
    sendLoad({
      port: server.port,
      status: 200,
      connections: CONNECTIONS,
      requestsMax: count,
      msMax: FOREVER_MS,
      requestAt(index) {
        const token = tokenAt(index);
        if (index % 20 === 0) return patchRequest(token, { theme: index % 40 === 0 ? 'light' : 'system' });
        return getRequest(token, index % 3 === 0 ? `${PATH}/theme` : PATH);
      },
    });
  try {
    const first = await send(Math.ceil(requests / 5));
    const early = await server.collected();
    const rest = await send(requests - first.requests);
    const late = await server.collected();
    return {
      requests: first.requests + rest.requests,
      earlyMegabytes: early.heapBytes / 1e6,
      lateMegabytes: late.heapBytes / 1e6,
      rssMegabytes: late.rssBytes / 1e6,
    };
  } finally {
    await server.stop();
  }
}
