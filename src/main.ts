#!/usr/bin/env node
/**
 * The entry: finds the command, runs it, and turns what went wrong into a message and an exit code. The only place that
 * reads the environment or ends the process.
 */
import { existsSync } from 'node:fs';
import module from 'node:module';
import { join } from 'node:path';
import {
  describeCommand,
  parseCommandLine,
  findPackageRoot,
  readVersion,
  renderUsage,
  UsageError,
} from './commands/command-line.ts';
import { AppError, PolicyError, SafeError } from './lib/app-error.ts';

const ENV_FILE = '.env';
/** Made when the image is built, by `scripts/fill-compile-cache.js`; absent elsewhere. */
const COMPILE_CACHE = join('dist', 'compile-cache');
const USAGE_EXIT_CODE = 2;

/** @returns the exit code; undefined while the service runs. */
async function main(args: readonly string[]): Promise<number | undefined> {
  const parsed = parseCommandLine(args);
  if (parsed.kind === 'version') return print(`${readVersion()}\n`);
  if (parsed.kind === 'help') {
    return print(parsed.command === undefined ? renderUsage() : describeCommand(parsed.command));
  }
  commandName = parsed.name;
  useCompileCache();
  readEnvFile();
  return parsed.run({ env: process.env, exit: (code) => process.exit(code) });
}

let commandName = 'start';

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

/** Lets V8 take the compiled code of an earlier run, for a faster start. Node has this from 22.1 on. */
function useCompileCache(): void {
  const folder = join(findPackageRoot(), COMPILE_CACHE);
  const enable: unknown = Reflect.get(module, 'enableCompileCache');
  if (typeof enable === 'function' && existsSync(folder)) enable(folder);
}

/** Variables of the environment win over those of the file. */
function readEnvFile(): void {
  if (!existsSync(ENV_FILE)) return;
  try {
    process.loadEnvFile(ENV_FILE);
  } catch {
    throw new SafeError(`${ENV_FILE}: the file cannot be read`);
  }
}

/** Our own errors speak for themselves; the message of another might hold a value of the environment. */
async function describeFailure(error: unknown): Promise<string> {
  if (error instanceof PolicyError) return error.errors.map((each) => `  - ${each}`).join('\n');
  if (error instanceof SafeError || error instanceof AppError) return error.message;
  const { ConfigError } = await import('../config/load.ts');
  if (error instanceof ConfigError) return error.message;
  return error instanceof Error ? error.name : 'unknown error';
}

async function fail(error: unknown): Promise<void> {
  if (error instanceof UsageError) {
    process.stderr.write(`metadata-bff: ${error.message}\n`);
    process.exit(USAGE_EXIT_CODE);
  }
  const what = commandName === 'start' ? 'metadata-bff cannot start.' : `metadata-bff ${commandName} failed.`;
  process.stderr.write(`${what}\n${await describeFailure(error)}\n`);
  process.exit(1);
}

// The reader of a pipe may end first, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  const code = await main(process.argv.slice(2));
  // Not by process.exit, which would cut off what a pipe has not taken yet.
  if (code !== undefined) process.exitCode = code;
} catch (error) {
  await fail(error);
}
