/**
 * The cached read, side by side: in each round every contestant has a process of its own, warms up, and takes
 * its turn. Rounds are compared with themselves, so that other work on the machine weighs on all alike.
 */
import type { Field } from './field.ts';
import { type Program, startProcess } from './process.ts';
import { getRequest } from './requests.ts';
import { ratioOf, type Spread, spreadOf } from './statistics.ts';
import { type Case, measure, type Timing, WINDOW, type WindowOptions } from './window.ts';

export interface Contestant {
  readonly name: string;
  readonly program: Program;
}

export interface Standing {
  readonly name: string;
  readonly rounds: readonly Timing[];
}

export interface ContestOptions {
  readonly rounds: number;
  readonly window?: WindowOptions;
}

/** Every case of every contestant in every round, each contestant's cases one after another in one process. */
export async function contest(
  contestants: ReadonlyArray<Contestant & { readonly cases: readonly Case[] }>,
  readyRequest: string,
  { rounds, window = WINDOW }: ContestOptions,
): Promise<ReadonlyMap<string, Standing>> {
  const standings = new Map<string, { readonly name: string; readonly rounds: Timing[] }>();
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, program, cases } of contestants) {
      await program.prepare?.();
      const server = await startProcess(program, readyRequest);
      try {
        // The compiler is done with what all cases share before the first of them is measured.
        if (cases[0] && cases.length > 1) await measure(server, cases[0], WINDOW);
        for (const one of cases) {
          const key = standingKey(name, one.name);
          const standing = standings.get(key) ?? { name: key, rounds: [] };
          standings.set(key, standing);
          standing.rounds.push(await measure(server, one, window));
        }
      } finally {
        await server.stop();
      }
    }
  }
  return standings;
}

export function standingKey(contestant: string, ofCase: string): string {
  return `${contestant}: ${ofCase}`;
}

/** @throws Error when it did not take part. */
export function standingOf(
  standings: ReadonlyMap<string, Standing>,
  contestant: string,
  ofCase: string,
): Standing {
  const standing = standings.get(standingKey(contestant, ofCase));
  if (!standing) throw new Error(`${standingKey(contestant, ofCase)} was not measured`);
  return standing;
}

export function cpuOf({ rounds }: Standing): Spread {
  return spreadOf(rounds.map(({ cpuMicros }) => cpuMicros));
}

/** CPU, as a multiple of the reference in the same rounds. */
export function timesOf(standing: Standing, reference: Standing): Spread {
  const cpu = ({ rounds }: Standing) => rounds.map(({ cpuMicros }) => cpuMicros);
  return ratioOf(cpu(standing), cpu(reference));
}

/** Reads by users who take turns, each with a token of their own. */
export function readCase(name: string, tokens: readonly string[]): Case {
  const requests = tokens.map((token) => Buffer.from(getRequest(token)));
  return {
    name,
    status: 200,
    requestAt: (index) => requests[index % requests.length] ?? '',
  };
}

export const NAMES = {
  bare: 'bare node:http',
  expressStatic: 'Express 5, static `res.json`',
  fastify: 'fastify, fast-jwt with its cache',
  ours: 'metadata-bff, memory only',
  oursWithRedis: 'metadata-bff, with Redis',
  handWritten: 'hand-written stack, TTL cache',
  naiveProxy: 'naive proxy, no cache',
} as const satisfies Partial<Record<keyof Field, string>>;

/** In the order of the table. @param keys in place of all. */
export function contestantsOf(
  field: Field,
  keys: ReadonlyArray<keyof typeof NAMES> = [
    'bare',
    'expressStatic',
    'fastify',
    'ours',
    'oursWithRedis',
    'handWritten',
    'naiveProxy',
  ],
): Contestant[] {
  return keys.flatMap((key) => {
    const program = field[key];
    return program ? [{ name: NAMES[key], program }] : [];
  });
}
