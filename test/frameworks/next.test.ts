/** The guide for Next.js: its files built and started by Next.js, with Auth0's SDK before the local tenant. */
import { expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openListener } from '../../packages/local-tenant/src/listener.ts';
import { afterwards } from '../http/events/stage.ts';
import { until } from '../support/until.ts';
import { APP, run } from '../packages/app.ts';
import { openGuideStage, useBrowser, useTheme, writeGuide } from '../packages/guide.ts';

const openPage = useBrowser();
const next = join(APP, 'node_modules', 'next', 'dist', 'bin', 'next');
const env = { NEXT_TELEMETRY_DISABLED: '1' };

async function findFreePort(): Promise<number> {
  const listener = await openListener(0);
  await listener.close();
  return listener.port;
}

/** Resolves as soon as the server listens, to what it has printed since. */
async function startNext(folder: string, port: number): Promise<() => string> {
  const server = spawn(process.execPath, [next, 'start', '-H', 'localhost', '-p', String(port)], {
    cwd: folder,
    env: { ...process.env, ...env, NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [server.stdout, server.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (printed += text));
  const closed = once(server, 'close');
  afterwards(async () => {
    server.kill('SIGTERM');
    await Promise.race([closed, delay(10_000, undefined, { ref: false })]);
    server.kill('SIGKILL');
  });
  await until(async () => {
    if (server.exitCode !== null) throw new Error(printed);
    return printed.includes('Ready') ? true : undefined;
  });
  return () => printed;
}

test('the guide for Next.js builds, and its app logs in, renders on the server, stays in step and logs out', async () => {
  const port = await findFreePort();
  const origin = `http://localhost:${port}`;
  const stage = await openGuideStage(origin, {
    tenant: { clients: [{ client_id: 'web', client_secret: 'web-secret' }] },
  });
  const folder = join(APP, 'next');
  const settings = {
    APP_BASE_URL: origin,
    AUTH0_DOMAIN: stage.tenant.url,
    AUTH0_CLIENT_ID: 'web',
    AUTH0_CLIENT_SECRET: 'web-secret',
    AUTH0_SECRET: '0123456789abcdef'.repeat(4),
    METADATA_AUDIENCE: stage.tenant.apiAudience,
    METADATA_URL: stage.service.url,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  writeGuide('next', folder, { '.env.local': lines.join('') });
  await run(folder, process.execPath, { args: [next, 'build'], env: { ...env, NODE_ENV: 'production' } });
  const readPrinted = await startNext(folder, port);

  const { page, context, errors } = await openPage();
  await useTheme(page, { ...stage, origin });
  // The first rendering is the server's.
  await stage.dashboard.edit({ theme: 'dark' });
  await stage.jane.sees('theme', 'dark');
  const html = await (await context.request.get(origin)).text();
  expect(html).toMatch(/Theme: (?:<!-- -->)?dark/);
  const route = await context.request.get(`${origin}/api/theme`);
  expect([route.status(), await route.json()]).toEqual([200, { theme: 'dark' }]);

  await page.getByText('Log out').click();
  await page.getByText('Log in').waitFor();
  expect((await context.request.get(`${origin}/api/theme`)).status()).toBe(401);
  expect(errors).toEqual([]);
  expect(readPrinted()).not.toMatch(/error/i);
});
