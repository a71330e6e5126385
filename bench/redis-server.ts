/** A Redis of a benchmark's own: on a free port of this machine, storing nothing. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { freePort } from '../test/support/free-port.ts';

export interface RedisServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** @returns undefined where there is no `redis-server` on the PATH. */
export async function startRedisServer(): Promise<RedisServer | undefined> {
  if (spawnSync('redis-server', ['--version']).error) return undefined;
  const port = String(await freePort());
  const settings = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', tmpdir()];
  const child = spawn('redis-server', ['--port', port, ...settings], { stdio: 'ignore' });
  const kill = () => void child.kill();
  // A benchmark that fails must not leave it behind.
  process.once('exit', kill);
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      process.removeListener('exit', kill);
      const ended = once(child, 'exit');
      kill();
      await ended;
    },
  };
}
