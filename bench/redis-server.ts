/** A Redis of our own for as long as a benchmark needs it: on a free port of this machine, storing nothing. */
import { spawn, spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { createClient } from '@redis/client';
import { freePort } from './free-port.ts';

export interface RedisServer {
  readonly url: string;
  readonly pid: number;
  /** Makes it forget everything. */
  empty(): Promise<void>;
  stop(): Promise<void>;
}

/** Not a part of this project: used where a machine has it. */
const PROGRAM = 'redis-server';

/** @returns undefined where there is no `redis-server` on the PATH. */
export async function startRedisServer(): Promise<RedisServer | undefined> {
  if (spawnSync(PROGRAM, ['--version']).error) return undefined;
  const port = await freePort();
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const child = spawn(PROGRAM, [...settings, '--dir', tmpdir()], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const kill = () => void child.kill();
  // A benchmark that fails must not leave it behind.
  process.once('exit', kill);
  const url = `redis://127.0.0.1:${port}`;
  return {
    url,
    pid: child.pid ?? 0,
    async empty() {
      const client = await createClient({ url }).connect();
      await client.flushAll();
      client.destroy();
    },
    async stop() {
      process.removeListener('exit', kill);
      kill();
      await ended;
    },
  };
}
