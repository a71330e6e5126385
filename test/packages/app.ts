/** The folder in which an app has installed the packages, and the programs that run in it. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Made by `setup.js`. */
export const APP = String(process.env['PACKAGES_APP']);
export const TARBALLS: readonly string[] = JSON.parse(String(process.env['PACKAGES_TARBALLS']));

export const getFolder = (name: string): string => join(APP, 'node_modules', '@metadata-bff', name);

interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

/** Runs a program, and resolves to what it has written. Rejects with its errors. */
export async function run(
  cwd: string,
  program: string,
  { env, args = [] }: RunOptions = {},
): Promise<string> {
  const options = { cwd, env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024 };
  const { stdout } = await promisify(execFile)(program, args, options).catch((failure: unknown) => {
    // The compilers write their errors to the standard output.
    throw new Error(`${String(failure)}\n${String(Object(failure).stdout)}`);
  });
  return stdout.trim();
}

/** Runs a module in the app, and parses the JSON that it prints. Rejects if it prints a warning. */
export async function runModule(text: string, { env, args = [] }: RunOptions = {}): Promise<unknown> {
  const options = { cwd: APP, env: { ...process.env, ...env } };
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '-e', text, ...args],
    options,
  );
  if (stderr !== '') throw new Error(stderr);
  return JSON.parse(stdout);
}
