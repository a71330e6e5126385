/** One replica of the service as it is deployed: the compiled program in a process of its own. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseObject } from './json.ts';
import { until } from './until.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const ENTRY = join(ROOT, '.build', 'src', 'main.js');

export interface Health {
  /** Of the HTTP answer. */
  readonly code: number;
  readonly status: unknown;
  readonly redis: unknown;
}

export interface Replica {
  readonly url: string;
  readonly opsUrl: string;
  /** Every line written so far, on either stream. */
  readonly lines: readonly string[];
  /** What `/readyz` says. */
  health(): Promise<Health>;
  /** Resolves when `/readyz` answers with this status. */
  becomes(status: 'ready' | 'degraded' | 'not_ready'): Promise<void>;
  freeze(): void;
  thaw(): void;
  kill(): Promise<void>;
  /** Asks it to stop. Resolves with its exit code when it has ended. */
  terminate(): Promise<number | null>;
  running(): boolean;
}

/** An unprivileged user, where this process may choose one and that one may read the program. */
function getUnprivilegedUser(): { readonly uid?: number; readonly gid?: number } {
  const user = { uid: 65_534, gid: 65_534 };
  if (process.getuid?.() !== 0) return {};
  return spawnSync('test', ['-r', ENTRY], user).status === 0 ? user : {};
}

/**
 * Resolves when the replica listens. `confined`, it runs as a user who owns nothing, in a directory not its
 * own, and cannot write a byte to any file. @throws Error with its output when it ends before that.
 */
export async function startReplica(
  env: Readonly<Record<string, string>>,
  { confined = false } = {},
): Promise<Replica> {
  if (!existsSync(ENTRY)) throw new Error('The compiled service is missing: run npm run compile first.');
  const withoutFiles = ['-c', 'ulimit -f 0; exec "$0" "$@"', process.execPath, ENTRY];
  const [command, args] = confined ? (['/bin/sh', withoutFiles] as const) : [process.execPath, [ENTRY]];
  const child: ChildProcess = spawn(command, args, {
    ...(confined ? { cwd: '/', ...getUnprivilegedUser() } : { cwd: ROOT }),
    env: { PATH: process.env['PATH'], HOST: '127.0.0.1', PORT: '0', OPS_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const killAtExit = () => void child.kill('SIGKILL');
  process.once('exit', killAtExit);
  child.once('exit', () => process.off('exit', killAtExit));
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', (line) => lines.push(line));
  }
  const running = () => child.exitCode === null && child.signalCode === null;
  const started = await until(() => {
    if (!running()) throw new Error(`The service ended before it was ready:\n${lines.join('\n')}`);
    return lines.find((line) => line.includes('"event":"started"'));
  });
  const { port, ops_port: opsPort } = parseObject(started);
  const opsUrl = `http://127.0.0.1:${String(opsPort)}`;

  async function health(): Promise<Health> {
    const response = await fetch(`${opsUrl}/readyz`);
    const { status, checks } = parseObject(await response.text());
    const redis = typeof checks === 'object' && checks !== null ? Reflect.get(checks, 'redis') : undefined;
    return { code: response.status, status, redis };
  }

  return {
    url: `http://127.0.0.1:${String(port)}`,
    opsUrl,
    lines,
    health,
    async becomes(status) {
      await until(async () => ((await health()).status === status ? true : undefined));
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async kill() {
      if (!running()) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
    async terminate() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      return child.exitCode;
    },
    running,
  };
}
