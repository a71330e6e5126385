/**
 * Two replicas over one Redis against one. Where there are no cores to spare, the generator, Redis and the
 * replicas are in each other's way, and throughput says more about the machine than about the service; so
 * what a request costs is compared, which is what a second core of its own would bring.
 */
import { CORES, GENERATOR_CORE, type MeasuredProcess, type Program, startProcess } from './process.ts';
import { getRequest } from './requests.ts';
import { type Spread, spreadOf } from './statistics.ts';
import { type Case, measure, WINDOW } from './window.ts';

export interface Scaling {
  readonly oneCpuMicros: Spread;
  readonly twoCpuMicros: Spread;
  readonly onePerSecond: Spread;
  readonly twoPerSecond: Spread;
  /** Twice what each of two can serve with a core of its own, as a multiple of what one serves. */
  readonly scale: Spread;
}

/** Fewer, and the second replica shares one with the generator and Redis. */
export const CORES_WANTED = 3;

export async function measureScale(
  program: Program,
  tokens: readonly string[],
  { rounds }: { readonly rounds: number },
): Promise<Scaling> {
  const ready = getRequest(tokens[0] ?? '');
  const one: Case = {
    name: 'read',
    status: 200,
    requestAt: (index) => getRequest(tokens[index % tokens.length] ?? ''),
  };
  const readAll = {
    ...WINDOW,
    connections: WINDOW.connections / 2,
    warmUpRequests: 5 * tokens.length,
    // It may share its core with a replica.
    awake: CORES >= CORES_WANTED,
  };
  const cpu: [number[], number[]] = [[], []];
  const perSecond: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    const first = await startProcess(program, ready);
    const replicas: MeasuredProcess[] = [first];
    try {
      // Once for the compiler: the same process is measured again beside another.
      await measure(first, one, readAll);
      const alone = await measure(first, one, readAll);
      cpu[0].push(alone.cpuMicros);
      perSecond[0].push(alone.perSecond);
      const core = CORES >= CORES_WANTED ? 2 : GENERATOR_CORE;
      replicas.push(await startProcess({ ...program, core }, ready));
      const both = await Promise.all(replicas.map((replica) => measure(replica, one, readAll)));
      cpu[1].push(both.reduce((sum, { cpuMicros }) => sum + cpuMicros, 0) / both.length);
      perSecond[1].push(both.reduce((sum, result) => sum + result.perSecond, 0));
    } finally {
      for (const replica of replicas) await replica.stop();
    }
  }
  const scale = cpu[0].map((micros, round) => (2 * micros) / (cpu[1][round] ?? micros));
  return {
    oneCpuMicros: spreadOf(cpu[0]),
    twoCpuMicros: spreadOf(cpu[1]),
    onePerSecond: spreadOf(perSecond[0]),
    twoPerSecond: spreadOf(perSecond[1]),
    scale: spreadOf(scale),
  };
}
