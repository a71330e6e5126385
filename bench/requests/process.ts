/**
 * A measured process: started anew, alone on its core where the system allows that, and asked what it has
 * used. Nothing of it outlives the benchmark.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync, readSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { freePort } from '../free-port.ts';
import { ask } from './load.ts';
import type { Usage } from './probe.ts';

export interface Program {
  /** The compiled file. */
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
  /** Another Node than the one that runs the benchmark. */
  readonly node?: string | undefined;
  readonly nodeOptions?: readonly string[];
  /** Where it runs, of the cores that there are; the generator has the first, 0. */
  readonly core?: number;
  /** What makes its surroundings as they were before it ran for the first time. */
  readonly prepare?: () => Promise<void>;
  /** Measured processes are probed. Start-up is measured without. */
  readonly probed?: boolean;
}

export interface MeasuredProcess {
  readonly port: number;
  usage(): Promise<Usage>;
  /** After collecting garbage, where the process was started with `--expose-gc`. */
  collected(): Promise<Usage>;
  stop(): Promise<void>;
}

const READY_MS_MAX = 30_000;
const PROBE = pathToFileURL(join(import.meta.dirname, 'probe.js')).href;
/** As many as this process was given: it binds itself to one of them later. */
export const CORES = availableParallelism();
export const GENERATOR_CORE = 0;
const SERVER_CORE = 1;
/** Not a part of this project: used where a machine has it. */
const PINNER = 'taskset';
let known: readonly number[] | undefined;

/**
 * The cores that this process was given, by the numbers of the system. Empty where nothing can be bound. Asked
 * once, because it gives itself fewer later.
 */
function givenCores(): readonly number[] {
  known ??= askCores();
  return known;
}

function canPin(): boolean {
  return givenCores().length > 1;
}

function askCores(): readonly number[] {
  const { status, stdout } = spawnSync(PINNER, ['-cp', String(process.pid)], { encoding: 'utf8' });
  return status === 0 ? coresIn(stdout) : [];
}

/** The cores that the last word of a text lists, such as `0-2,6`. */
export function coresIn(text: string): number[] {
  const list = text.trim().split(' ').at(-1) ?? '';
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** Keeps the whole of a running process, this one for example, on one core. Does nothing where it cannot. */
export function pin(pid: number, core: number): void {
  if (canPin()) spawnSync(PINNER, ['-acp', String(givenCores()[core] ?? 0), String(pid)]);
}

export function pinning(): string {
  return canPin()
    ? 'generator and server on a core each'
    : `generator and server not bound to cores: no \`${PINNER}\` here`;
}

/** Resolves once it answers `request` with 200. @throws Error when it ends or does not within 30 s. */
export async function startProcess(program: Program, request: string): Promise<MeasuredProcess> {
  const port = await freePort();
  const { probed = true, core = SERVER_CORE, nodeOptions = [], node = process.execPath } = program;
  const options = [...nodeOptions, ...(probed ? ['--import', PROBE] : [])];
  const command = [node, ...options, program.file];
  const [file = node, ...args] = canPin()
    ? [PINNER, '-c', String(givenCores()[core] ?? 0), ...command]
    : command;
  const log = openLog();
  const child = spawn(file, args, {
    env: {
      PATH: process.env['PATH'],
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      PORT: String(port),
      OPS_PORT: String(await freePort()),
      ...program.env,
    },
    stdio: ['ignore', log, log, ...(probed ? (['ipc'] as const) : [])],
  });
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  try {
    await answers(child, port, request);
  } catch (error) {
    kill();
    throw new Error(`${program.file} does not serve:\n${endOf(log)}`, { cause: error });
  } finally {
    closeSync(log);
  }
  return {
    port,
    usage: () => question(child, 'usage'),
    collected: () => question(child, 'collect'),
    async stop() {
      process.removeListener('exit', kill);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      kill();
      await ended;
    },
  };
}

/** Lines go to a real file, as in production, which is gone with the process. */
function openLog(): number {
  const path = join(tmpdir(), `metadata-bff-bench-${process.pid}-${performance.now()}.log`);
  const descriptor = openSync(path, 'w+');
  rmSync(path);
  return descriptor;
}

function endOf(log: number): string {
  const end = Buffer.alloc(2_000);
  const length = readSync(log, end, 0, end.length, Math.max(0, fstatSync(log).size - end.length));
  return end.toString('utf8', 0, length);
}

async function answers(child: ChildProcess, port: number, request: string): Promise<void> {
  const startedAt = performance.now();
  let last = 'it does not listen';
  while (performance.now() - startedAt < READY_MS_MAX) {
    if (child.exitCode !== null) throw new Error(`${child.spawnargs.join(' ')} ended`);
    const answer = await ask(port, request).catch(() => undefined);
    if (answer?.status === 200) return;
    if (answer) last = answer.text;
    await delay(3);
  }
  throw new Error(`${child.spawnargs.join(' ')} is not ready: ${last}`);
}

async function question(child: ChildProcess, message: 'usage' | 'collect'): Promise<Usage> {
  const answer = once(child, 'message');
  child.send(message);
  const [usage]: unknown[] = await answer;
  if (!isUsage(usage)) throw new Error('the probe answered something else');
  return usage;
}

function isUsage(value: unknown): value is Usage {
  return typeof value === 'object' && value !== null && 'cpuMicros' in value;
}
