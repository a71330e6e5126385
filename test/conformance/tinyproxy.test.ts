/** The service behind tinyproxy, which people run as their way out. */
import { afterAll, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTenant } from '../../packages/local-tenant/src/tenant.ts';
import { runProgram } from '../e2e/program.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';

const tenant = await startTenant({ port: 0 });
const folder = mkdtempSync(join(tmpdir(), 'tinyproxy-'));
const allowing = await startTinyproxy([`ConnectPort ${new URL(tenant.url).port}`, 'BasicAuth user LEAKword']);
const refusing = await startTinyproxy(['ConnectPort 443']);
afterAll(async () => {
  await Promise.all([allowing.stop(), refusing.stop(), tenant.stop()]);
  rmSync(folder, { recursive: true });
});

async function startTinyproxy(options: readonly string[]) {
  const port = await freePort();
  const file = join(folder, `${port}.conf`);
  writeFileSync(file, [`Port ${port}`, 'Listen 127.0.0.1', 'Timeout 60', ...options, ''].join('\n'));
  const child = spawn('tinyproxy', ['-d', '-c', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
  }
  const failed = once(child, 'exit').then(() => {
    throw new Error(`tinyproxy ended:\n${log}`);
  });
  failed.catch(() => undefined);
  await Promise.race([failed, until(() => (log.includes('Accepting connections') ? true : undefined))]);
  return {
    address: `127.0.0.1:${port}`,
    async stop() {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
}

function check(proxyUrl: string) {
  return runProgram(
    {
      AUDIENCE: tenant.apiAudience,
      ISSUER_BASE_URL: tenant.url,
      AUTH0_MANAGEMENT_URL: tenant.url,
      AUTH0_CLIENT_ID: 'local-bff',
      AUTH0_CLIENT_SECRET: 'local-secret',
      UPSTREAM_PROXY_URL: proxyUrl,
    },
    'check',
  );
}

test('with the right credentials everything is reached', async () => {
  const program = check(`http://user:LEAKword@${allowing.address}`);
  expect(await program.ends()).toBe(0);
  expect(program.output()).toMatch(/ok +management api +answers/);
  expect(program.output()).not.toContain('LEAK');
});

test('with wrong credentials the check says what tinyproxy answers', async () => {
  const program = check(`http://user:LEAKwrong@${allowing.address}`);
  expect(await program.ends()).toBe(1);
  expect(program.output()).toMatch(/upstream_unavailable \(unreachable \(PROXY_40[17]\)\)/);
  expect(program.output()).not.toContain('LEAK');
});

test('where the proxy does not allow the port the check says PROXY_403', async () => {
  const program = check(`http://${refusing.address}`);
  expect(await program.ends()).toBe(1);
  expect(program.output()).toMatch(/upstream_unavailable \(unreachable \(PROXY_403\)\)/);
});
