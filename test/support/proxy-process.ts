/** Starts the proxy of `proxy-program.ts`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface Proxy {
  /** `host:port`. */
  readonly address: string;
  /** The answers so far, such as `200 127.0.0.1:4400`, oldest first. */
  readonly answers: readonly string[];
  stop(): Promise<void>;
}

const PROGRAM = join(import.meta.dirname, '..', '..', '.build', 'test', 'support', 'proxy-program.js');

/** @param env `PROXY_CREDENTIALS` and `PROXY_STATUS`, as the program reads them. */
export async function startProxy(env: Readonly<Record<string, string>> = {}): Promise<Proxy> {
  const child = spawn(process.execPath, [PROGRAM], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  process.once('exit', () => child.kill('SIGKILL'));
  const answers: string[] = [];
  const port = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => reject(new Error('The proxy ended. Was npm run compile run?')));
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('port ')) resolve(line.slice(5));
      else answers.push(line);
    });
  });
  return {
    address: `127.0.0.1:${port}`,
    answers,
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}
