/**
 * The benchmarks: all of them, or those named on the command line. A run of all writes `bench/results.md`;
 * a part of them is printed only, so that the page never mixes two machines or two versions.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../dev/demo/package-root.ts';
import { benchDocuments } from './documents.ts';
import { benchHerd } from './herd.ts';
import { benchMemory } from './memory.ts';
import { type Bench, machineFacts, type Section } from './report.ts';
import { benchSimulation } from './simulation.ts';

/** In the order in which they run: memory first, while the heap is small. */
const BENCHES: Readonly<Record<string, Bench>> = {
  memory: benchMemory,
  documents: benchDocuments,
  herd: benchHerd,
  simulation: benchSimulation,
};

function page(sections: readonly Section[]): string {
  return [
    '# Benchmark results',
    '',
    `Written by \`npm run bench\` on ${machineFacts()}. Other work shared the machine, so times are medians and`,
    'ratios to a reference of the same run; the simulations run in virtual time and are the same everywhere.',
    ...sections.flatMap(({ title, body }) => ['', `## ${title}`, '', body]),
    '',
  ].join('\n');
}

async function main(names: readonly string[]): Promise<void> {
  const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name));
  if (unknown.length > 0) {
    console.error(`No such benchmark: ${unknown.join(', ')}. There are: ${Object.keys(BENCHES).join(', ')}.`);
    process.exitCode = 1;
    return;
  }
  const sections: Section[] = [];
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (names.length > 0 && !names.includes(name)) continue;
    console.log(`${name} ...`);
    sections.push(await bench((line) => console.log(`  ${line}`)));
  }
  if (names.length > 0) {
    console.log(`\n${page(sections)}`);
    return;
  }
  const path = join('bench', 'results.md');
  writeFileSync(join(packageRoot(import.meta.dirname), path), page(sections));
  console.log(`written: ${path}`);
}

await main(process.argv.slice(2));
