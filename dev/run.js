/**
 * Compiles and runs one of the development programs (`demo`, `tenant/main`) in this very process, so that
 * a signal to the command reaches the program and not a shell in between.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const [program] = process.argv.slice(2);
const compiler = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
// The form is for browsers, and so has a project of its own.
for (const project of ['../tsconfig.dev.json', '../src/form/tsconfig.json']) {
  const path = fileURLToPath(new URL(project, import.meta.url));
  const { status } = spawnSync(process.execPath, [compiler, '-p', path], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
await import(new URL(`../.build/dev/${program}.js`, import.meta.url).href);
