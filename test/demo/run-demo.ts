/**
 * Runs the demo as `npm run demo` does, in a process of its own, on free ports unless told otherwise.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');
const ANY_PORT = { TENANT_PORT: '0', PORT: '0', OPS_PORT: '0', WEB_PORT: '0' };
const ENTRY = join(ROOT, 'scripts', 'run-bundled.js');

export interface RunningDemo {
  /** Resolves with all that was printed when the last line of the instructions has come. */
  readonly ready: Promise<string>;
  /** Resolves when the process has ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly output: string }>;
  kill(signal: NodeJS.Signals): void;
}

export function runDemo(environment: Readonly<Record<string, string>> = {}): RunningDemo {
  const env = { ...process.env, ...ANY_PORT, LOG_LEVEL: 'warn', ...environment };
  const child: ChildProcess = spawn(process.execPath, [ENTRY, 'demo'], { cwd: ROOT, env, stdio: 'pipe' });
  let output = '';
  const ready = new Promise<string>((resolve, reject) => {
    const collect = (chunk: unknown) => {
      output += String(chunk);
      if (output.includes('Ctrl-C stops everything.')) resolve(output);
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    child.once('close', () => reject(new Error(`The demo ended before it was ready:\n${output}`)));
  });
  // A test that only waits for the end does not ask for this one.
  ready.catch(() => {});
  const ended = once(child, 'close').then(() => ({ code: child.exitCode, output }));
  return { ready, ended, kill: (signal) => child.kill(signal) };
}
