/** Measured processes: each is started anew, alone on its core where the system allows that, and says what it used. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../demo/package-root.ts';
import { freePort } from '../test/support/free-port.ts';
import { until } from '../test/support/until.ts';
import type { Usage } from './probe.ts';

export interface Program {
  /** The compiled file. */
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
  /** What runs Node, such as `ip netns exec NAME`. By default, what binds it to the second core. */
  readonly prefix?: readonly string[];
  readonly nodeOptions?: readonly string[];
  /** Whether it serves. Called again and again until it does. */
  readonly isReady: (port: number, output: string) => boolean | Promise<boolean>;
}

export interface MeasuredProcess {
  readonly port: number;
  /** From its start until it was ready. */
  readonly startMs: number;
  usage(): Promise<Usage>;
  stop(): Promise<void>;
}

const ROOT = packageRoot(import.meta.dirname);
export const SERVICE_FILE = join(ROOT, '.build', 'src', 'main.js');
export const POLICY_FILE = join(ROOT, 'config', 'policy.json');

/** Resolves once it is ready. @throws Error with its output when it ends before, or is not ready within 50 s. */
export async function startProcess(program: Program): Promise<MeasuredProcess> {
  const { prefix = canPin() ? ['taskset', '-c', '1'] : [], nodeOptions = [], env, isReady } = program;
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'metadata-bff-bench-'));
  // Lines go to a file, as in production.
  const logFile = join(folder, 'log');
  const log = openSync(logFile, 'w');
  const probe = pathToFileURL(join(import.meta.dirname, 'probe.js')).href;
  const [file, ...args] = [...prefix, process.execPath, ...nodeOptions, '--import', probe, program.file];
  const base = { PATH: process.env['PATH'], NODE_ENV: 'production', HOST: '127.0.0.1', OPS_PORT: '0' };
  const startedAt = performance.now();
  const child = spawn(file, args, {
    cwd: ROOT,
    env: { ...base, PORT: String(port), ...env },
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  const end = () => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', end);
  await until(async () => {
    const output = readFileSync(logFile, 'utf8');
    if (child.exitCode !== null) throw new Error(`${program.file} ended:\n${output}`);
    return (await isReady(port, output)) || undefined;
  });
  return {
    port,
    startMs: performance.now() - startedAt,
    async usage() {
      const reply = once(child, 'message');
      child.send('usage');
      const [usage]: Usage[] = await reply;
      if (!usage) throw new Error('the probe did not answer');
      return usage;
    },
    async stop() {
      process.removeListener('exit', end);
      const ended = once(child, 'exit');
      end();
      await ended;
    },
  };
}

/** Whether a generator and a server can have a core each. */
export function canPin(): boolean {
  return ['0', '1'].every((core) => spawnSync('taskset', ['-c', core, 'true']).status === 0);
}

/** Keeps this process on the first core, where the system allows that. */
export function pinGenerator(): void {
  if (canPin()) spawnSync('taskset', ['-acp', '0', String(process.pid)]);
}
