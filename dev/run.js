/**
 * Compiles and runs one of the development programs (`demo`, `tenant/main`) in this very process, so that
 * a signal to the command reaches the program and not a shell in between.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';

const [program] = process.argv.slice(2);
const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.dev.json'], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
await import(new URL(`../.build/dev/${program}.js`, import.meta.url).href);
