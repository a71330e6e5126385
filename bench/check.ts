/**
 * `npm run bench:check`: whether the cached read still costs about what it did, as a multiple of bare node:http in the
 * same rounds. It fails only with `--enforce`: other work on the machine weighs on both alike, but not exactly.
 */
import { parseArgs } from 'node:util';
import { formatRange, median, ratios } from './report.ts';
import { compare, openContestants } from './requests.ts';

/** What was measured when this was last set, half as much again. To be lowered when that gets better. */
const MAX_TIMES = 4;

const { values } = parseArgs({ options: { enforce: { type: 'boolean', default: false } } });
const contestants = await openContestants();
// Short, so that all takes well under a minute.
const bounds = { rounds: 5, windowSeconds: 1 };
const results = await compare(contestants, ['bare node:http', 'metadata-bff'], bounds);
await contestants.stop();
const [bare = [], ours = []] = [...results.values()].map(({ cpuMicros }) => cpuMicros);
const times = ratios(ours, bare);
console.log(`bare node:http: ${formatRange(bare)} us of CPU a request`);
console.log(`metadata-bff: ${formatRange(ours)} us, ${formatRange(times)} times as much`);
const isWithin = median(times) <= MAX_TIMES;
console.log(isWithin ? `within ${MAX_TIMES} times` : `MORE than ${MAX_TIMES} times`);
if (!isWithin && values.enforce) process.exitCode = 1;
