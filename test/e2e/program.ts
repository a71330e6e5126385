/** A program in a process of its own: what it printed, and how it ended. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Variables that a platform sets by itself, beside a name with a typing error; none of the values may be printed. */
export const INJECTED = {
  AUTH0_DOMIAN: 'LEAK',
  CACHE_SERVICE_HOST: '10.0.0.1',
  CACHE_PORT: 'tcp://10.0.0.1:6379',
  OPS_PORT: 'tcp://10.0.0.9:80',
  OTEL_TRACES_SAMPLER: 'xray',
  OTEL_TRACES_EXPORTER: 'console',
  OTEL_SDK_DISABLED: 'TRUE',
};

const ROOT = join(import.meta.dirname, '..', '..');
const ENTRY = join(ROOT, '.build', 'src', 'main.js');

export interface Running {
  /** Everything printed so far. */
  output(): string;
  signal(name: NodeJS.Signals): void;
  /** Resolves with the first match in the output. */
  prints(pattern: RegExp): Promise<RegExpExecArray>;
  ends(): Promise<number | null>;
}

type Environment = Readonly<Record<string, string>>;

/** The compiled service. */
export function runProgram(env: Environment, ...args: readonly string[]): Running {
  return runProgramIn(ROOT, env, ...args);
}

/** The same in another working directory. */
export function runProgramIn(folder: string, env: Environment, ...args: readonly string[]): Running {
  if (!existsSync(ENTRY)) throw new Error('The compiled service is missing: run npm run compile first.');
  return runFileIn(folder, ENTRY, env, ...args);
}

export function runFile(path: string, env: Environment, ...args: readonly string[]): Running {
  return runFileIn(ROOT, path, env, ...args);
}

export function runFileIn(cwd: string, path: string, env: Environment, ...args: readonly string[]): Running {
  const child = spawn(process.execPath, [path, ...args], {
    cwd,
    env: { PATH: process.env['PATH'], HOST: '127.0.0.1', PORT: '0', OPS_PORT: '0', ...env },
  });
  let output = '';
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      for (const listener of listeners) listener();
    });
  }
  const ended = once(child, 'close').then(([code]: unknown[]) => (typeof code === 'number' ? code : null));
  return {
    output: () => output,
    signal: (name) => void child.kill(name),
    prints: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const match = pattern.exec(output);
          if (match) resolve(match);
        };
        listeners.add(look);
        look();
        void ended.then(() => reject(new Error(`it ended without printing ${String(pattern)}:\n${output}`)));
      }),
    ends: () => ended,
  };
}
