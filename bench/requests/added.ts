/**
 * What the service adds to the time that the tenant itself takes, for one caller on a machine that does nothing else: the same
 * operation asked of the tenant directly and through the service, in turns.
 */
import type { Tokens } from './cases.ts';
import type { Field } from './field.ts';
import { type Load, sendLoad } from './load.ts';
import { startProcess } from './process.ts';
import { getRequest, patchRequest, tenantRequest } from './requests.ts';
import { type Spread, spreadOf } from './statistics.ts';

export interface Added {
  readonly direct: Spread;
  readonly through: Spread;
  /** Of the medians of each round. */
  readonly added: Spread;
}

/** Enough for the compiler, in the first round; what is measured is a service that has been up for a while. */
const WARM_UP_REQUESTS = 1_500;
const REQUESTS = 300;
const MS_MAX = 30_000;
const PATCHES = [{ theme: 'light' }, { theme: 'system' }];

type Ask = (index: number) => string;

/** Milliseconds of a GET of somebody unknown, and of a PATCH. */
export async function measureAdded(
  field: Field,
  { strangers, writers }: Pick<Tokens, 'strangers' | 'writers'>,
  rounds: number,
): Promise<{ readonly cold: Added; readonly patch: Added }> {
  const server = await startProcess(field.ours, getRequest(writers[0] ?? ''));
  const write = (index: number) => PATCHES[Math.floor(index / writers.length) % PATCHES.length] ?? {};
  try {
    const cold = await compare(
      { port: field.tenantPort, ask: () => tenantRequest('GET') },
      { port: server.port, ask: (index) => getRequest(strangers[index] ?? '') },
      Math.min(rounds, Math.floor((strangers.length - WARM_UP_REQUESTS) / REQUESTS)),
    );
    const patch = await compare(
      { port: field.tenantPort, ask: (index) => tenantRequest('PATCH', { user_metadata: write(index) }) },
      {
        port: server.port,
        ask: (index) => patchRequest(writers[index % writers.length] ?? '', write(index)),
      },
      rounds,
    );
    return { cold, patch };
  } finally {
    await server.stop();
  }
}

interface Side {
  readonly port: number;
  readonly ask: Ask;
}

async function compare(direct: Side, through: Side, rounds: number): Promise<Added> {
  const asked = new Map<Side, number>();
  const medianOf = async (side: Side, requestsMax: number): Promise<number> => {
    const from = asked.get(side) ?? 0;
    asked.set(side, from + requestsMax);
    const load: Load = {
      port: side.port,
      status: 200,
      connections: 1,
      msMax: MS_MAX,
      requestsMax,
      requestAt: (index) => side.ask(from + index),
    };
    return (await sendLoad(load)).p50Ms;
  };
  for (const side of [direct, through]) await medianOf(side, WARM_UP_REQUESTS);
  const [alone, behind]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    alone.push(await medianOf(direct, REQUESTS));
    behind.push(await medianOf(through, REQUESTS));
  }
  const added = behind.map((ms, round) => ms - (alone[round] ?? 0));
  return { direct: spreadOf(alone), through: spreadOf(behind), added: spreadOf(added) };
}
