/**
 * The benchmarks: all of them, or those named on the command line. A run of all writes `bench/results.md`; a part is
 * printed, and takes its place on the page with `--write`. Each section names the machine on which it was measured.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../demo/package-root.ts';
import { benchMemory } from './memory.ts';
import { type Bench, describeMachine, page, type Section, withSection } from './report.ts';
import { benchRequests } from './requests.ts';
import { benchSimulation } from './simulation.ts';
import { benchStampede } from './stampede.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    write: { type: 'boolean', default: false },
    /** Of the requests. */
    rounds: { type: 'string', default: '3' },
    soak: { type: 'string', default: '100000' },
  },
});

/** In the order in which they run: memory first, while the heap is small. */
const BENCHES: Readonly<Record<string, Bench>> = {
  memory: benchMemory,
  stampede: benchStampede,
  simulation: benchSimulation,
  // Last: it keeps this process on one core.
  requests: benchRequests(Number(values.rounds), Number(values.soak)),
};

async function main(names: readonly string[]): Promise<void> {
  const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name));
  if (unknown.length > 0) {
    console.error(`No such benchmark: ${unknown.join(', ')}. There are: ${Object.keys(BENCHES).join(', ')}.`);
    process.exitCode = 1;
    return;
  }
  const machine = describeMachine();
  const sections: Section[] = [];
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (names.length > 0 && !names.includes(name)) continue;
    console.log(`${name} ...`);
    const { title, body } = await bench((line) => console.log(`  ${line}`));
    sections.push({ title, body: `Measured on ${machine}.\n\n${body}` });
  }
  if (names.length > 0) console.log(`\n${page(sections)}`);
  if (names.length > 0 && !values.write) return;
  const file = join(packageRoot(import.meta.dirname), 'bench', 'results.md');
  const kept = names.length > 0 ? readFileSync(file, 'utf8') : page([]);
  writeFileSync(file, sections.reduce(withSection, kept));
  console.log('written: bench/results.md');
}

await main(positionals);
