/**
 * `npm run bench:check`: whether the cached read still costs about what it did, as a multiple of bare node:http
 * in the same rounds. Says so, and fails only with `--enforce`: other work on the machine weighs on both alike,
 * but not exactly.
 */
import { parseArgs } from 'node:util';
import { profileDocument } from './documents/samples.ts';
import { contest, contestantsOf, cpuOf, NAMES, readCase, standingOf, timesOf } from './requests/contest.ts';
import { openField } from './requests/field.ts';
import { GENERATOR_CORE, pin } from './requests/process.ts';
import { getRequest } from './requests/requests.ts';
import { written } from './requests/statistics.ts';
import { openIssuer } from './requests/tokens.ts';
import { WINDOW } from './requests/window.ts';

/** What was measured when this was last set, half as much again. To be lowered whenever that gets better. */
const TIMES_MAX = 4;
const ROUNDS = 5;
/** Short, so that all takes well under a minute. */
const SHORT_WINDOW = { ...WINDOW, warmUpMs: 2_000, windowMs: 1_000 };
const TOKENS = 100;
const DOCUMENT_BYTES = 500;
const READ = 'GET';

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { enforce: { type: 'boolean', default: false } } });
  const issuer = openIssuer(console.log);
  const tokens = await issuer.tokens(TOKENS, TOKENS);
  const field = await openField(issuer, profileDocument(DOCUMENT_BYTES));
  pin(process.pid, GENERATOR_CORE);
  try {
    const cases = [readCase(READ, tokens)];
    const contestants = contestantsOf(field, ['bare', 'ours']).map((one) => ({ ...one, cases }));
    const standings = await contest(contestants, getRequest(tokens[0] ?? ''), {
      rounds: ROUNDS,
      window: SHORT_WINDOW,
    });
    const [bare, ours] = [standingOf(standings, NAMES.bare, READ), standingOf(standings, NAMES.ours, READ)];
    const times = timesOf(ours, bare);
    console.log(`${NAMES.bare}: ${written(cpuOf(bare))} us of CPU a request`);
    console.log(`${NAMES.ours}: ${written(cpuOf(ours))} us, ${written(times)} times as much`);
    const within = times.median <= TIMES_MAX;
    console.log(within ? `within ${TIMES_MAX} times` : `MORE than ${TIMES_MAX} times`);
    if (!within && values.enforce) process.exitCode = 1;
  } finally {
    await field.stop();
  }
}

await main();
