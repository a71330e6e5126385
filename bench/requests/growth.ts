/**
 * How the cost of a cached read grows: with the size of the document, with tokens in use, and with users. Each
 * is moved alone, and everything is warm: every token and every user has been seen before the window.
 */
import { profileDocument } from '../documents/samples.ts';
import { cpuOf, NAMES, readCase, timesOf } from './contest.ts';
import { type Field, openField } from './field.ts';
import { type Program, startProcess } from './process.ts';
import { getRequest } from './requests.ts';
import type { Issuer } from './tokens.ts';
import { measure, type Timing, WINDOW } from './window.ts';

export interface Point {
  readonly at: number;
  readonly cpuMicros: number;
  /** Of bare node:http with a document of the same size, in the same rounds. */
  readonly times: number;
}

export interface Line {
  readonly title: string;
  readonly unit: string;
  readonly points: readonly Point[];
}

interface Setting {
  readonly field: Field;
  readonly tokens: readonly string[];
}

const SIZES = [500, 2_000, 8_000];
const TOKEN_COUNTS = [1, 1_000, 10_000, 100_000];
const USER_COUNTS = [1, 1_000, 10_000];
/** For the line of tokens: who has so many has had them renewed for years. */
const USERS = 1_000;

async function pointAt(at: number, { field, tokens }: Setting, rounds: number): Promise<Point> {
  const ready = getRequest(tokens[0] ?? '');
  const one = readCase('read', tokens);
  const run = async (program: Program, warmUpRequests: number): Promise<Timing> => {
    const server = await startProcess(program, ready);
    try {
      return await measure(server, one, { ...WINDOW, warmUpRequests, warmUpMs: 2_000, windowMs: 1_000 });
    } finally {
      await server.stop();
    }
  };
  const bare = { name: NAMES.bare, rounds: new Array<Timing>() };
  const ours = { name: NAMES.ours, rounds: new Array<Timing>() };
  for (let round = 0; round < rounds; round += 1) {
    bare.rounds.push(await run(field.bare, 1));
    ours.rounds.push(await run(field.ours, tokens.length));
  }
  return { at, cpuMicros: cpuOf(ours).median, times: timesOf(ours, bare).median };
}

export async function measureGrowth(
  issuer: Issuer,
  field: Field,
  { rounds, tokensMax }: { readonly rounds: number; readonly tokensMax: number },
): Promise<Line[]> {
  const many = await issuer.tokens(tokensMax, USERS);
  const bySize: Point[] = [];
  for (const size of SIZES) {
    const ofSize = await openField(issuer, profileDocument(size));
    try {
      bySize.push(await pointAt(size, { field: ofSize, tokens: many.slice(0, USERS) }, rounds));
    } finally {
      await ofSize.stop();
    }
  }
  const byTokens: Point[] = [];
  for (const count of TOKEN_COUNTS.filter((value) => value <= tokensMax)) {
    // A hundred thousand have to be shown to the service before they are all known: once is enough.
    const once = count > 10_000 ? 1 : rounds;
    byTokens.push(await pointAt(count, { field, tokens: many.slice(0, count) }, once));
  }
  const byUsers: Point[] = [];
  for (const count of USER_COUNTS) {
    byUsers.push(await pointAt(count, { field, tokens: await issuer.tokens(10_000, count) }, rounds));
  }
  return [
    { title: 'size of the document', unit: 'bytes, 1,000 users', points: bySize },
    { title: 'tokens in use', unit: 'tokens of at most 1,000 users', points: byTokens },
    { title: 'users', unit: 'users, 10,000 tokens', points: byUsers },
  ];
}
