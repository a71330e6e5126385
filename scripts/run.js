/**
 * Compiles and runs one of the development programs (such as `demo/main`) in this process, so that a signal to the
 * command reaches the program and not a shell in between.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const [program] = process.argv.slice(2);
const compiler = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
// The demo page imports the compiled packages.
const PROJECTS = [
  '../tsconfig.dev.json',
  '../packages/client/tsconfig.json',
  '../packages/form/tsconfig.json',
];
for (const project of PROJECTS) {
  const path = fileURLToPath(new URL(project, import.meta.url));
  const { status } = spawnSync(process.execPath, [compiler, '-p', path], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
process.argv.splice(2, 1);
await import(new URL(`../.build/${program}.js`, import.meta.url).href);
