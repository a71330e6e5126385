/** The local tenant as `npm run tenant` starts it, in a process that can be frozen. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TenantServer } from '../redis/fleet.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';

const ENTRY = join(import.meta.dirname, '..', '..', '.build', 'packages', 'local-tenant', 'src', 'main.js');

export interface TenantProcess extends TenantServer {
  /** It keeps its connections and answers nothing. */
  freeze(): void;
  thaw(): void;
}

export async function startTenantProcess(): Promise<TenantProcess> {
  const port = await freePort();
  const env = { PATH: process.env['PATH'], TENANT_PORT: String(port) };
  const child = spawn(process.execPath, [ENTRY], { env, stdio: 'ignore' });
  process.once('exit', () => child.kill('SIGKILL'));
  const url = `http://localhost:${port}`;
  await until(async () => {
    if (child.exitCode !== null) throw new Error('The tenant ended before it was ready: is it compiled?');
    const answer = await fetch(`${url}/.well-known/jwks.json`).catch(() => undefined);
    return answer?.ok;
  });
  return {
    url,
    apiAudience: 'https://metadata-bff.local',
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}
