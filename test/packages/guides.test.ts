/** The guides of docs/guides: their files as an app, built and driven in a browser before the local tenant. */
import { describe, expect, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import express, { type RequestHandler } from 'express';
import { fillLogIn } from '../browser/stage.ts';
import { until } from '../support/until.ts';
import { APP, getFolder, run } from './app.ts';
import { openGuide, openGuideStage, showsTheme, useBrowser, useTheme } from './guide.ts';

const openPage = useBrowser();

/** Compiles the TypeScript of a guide, with TypeScript 7. */
async function compile(folder: string, options: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const compilerOptions = {
    target: 'es2022',
    module: 'esnext',
    moduleResolution: 'bundler',
    lib: ['es2022', 'dom'],
    types: [],
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    ...options,
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*'] }));
  const compiler = join(APP, 'node_modules', 'typescript-7', 'bin', 'tsc');
  expect(await run(APP, process.execPath, { args: [compiler, '-p', folder] })).toBe('');
}

async function buildCapacitor(folder: string): Promise<RequestHandler[]> {
  await compile(folder);
  await build(folder);
  return [express.static(join(folder, 'dist'))];
}

async function build(folder: string): Promise<void> {
  // Vite looks for its configuration in the folder that it is run in.
  const vite = join(APP, 'node_modules', 'vite', 'bin', 'vite.js');
  await run(folder, process.execPath, { args: [vite, 'build', '--logLevel', 'warn'] });
}

describe('the guide', () => {
  test('for React compiles, and its page logs in and keeps the preference in step', async () => {
    const guide = await openGuide('react', 'config.ts', async (folder) => {
      await compile(folder, { jsx: 'react-jsx' });
      await build(folder);
      return [express.static(join(folder, 'dist'))];
    });
    const { page, errors } = await openPage();
    await useTheme(page, guide);
    expect(errors).toEqual([]);
  });

  test('for Vue builds, and its page logs in and keeps the preference in step', async () => {
    const guide = await openGuide('vue', 'config.ts', async (folder) => {
      await build(folder);
      return [express.static(join(folder, 'dist'))];
    });
    const { page, errors } = await openPage();
    await useTheme(page, guide);
    expect(errors).toEqual([]);
  });

  test('for a plain page logs in and keeps the preference in step, as it stands', async () => {
    const sdk = join(APP, 'node_modules/@auth0/auth0-spa-js/dist/auth0-spa-js.production.esm.js');
    const guide = await openGuide('plain-page', 'config.js', async (folder) => [
      express.Router().use('/vendor/metadata-bff-client', express.static(join(getFolder('client'), 'dist'))),
      express.Router().get('/vendor/auth0-spa-js.js', (_req, res) => res.sendFile(sdk)),
      express.static(folder),
    ]);
    const { page, errors } = await openPage();
    await useTheme(page, guide);
    expect(errors).toEqual([]);
  });

  test('for Capacitor compiles, and its web bundle keeps the login and the preference', async () => {
    const guide = await openGuide('capacitor', 'config.ts', buildCapacitor);
    const { page, errors } = await openPage();
    await useTheme(page, guide);
    // As after the end of the app: what it needs is in the storage.
    await page.reload();
    await showsTheme(page, 'system');
    expect(errors).toEqual([]);
  });

  test('for Capacitor logs in on a device, in a browser of its own and by the scheme of the app', async () => {
    const callback = 'com.example.settings://callback';
    const guide = await openGuide('capacitor', 'config.ts', buildCapacitor, {
      clients: [{ client_id: 'local-spa', app_type: 'native', callbacks: [callback] }],
    });
    const { page, context, errors } = await openPage();
    // Capacitor's own hook: a platform that is not the web, with the plugins in their web implementations.
    await page.addInitScript(() =>
      Object.assign(globalThis, { CapacitorCustomPlatform: { name: 'device' } }),
    );
    await page.goto(guide.origin);
    const opened = context.waitForEvent('page');
    await page.getByText('Log in').click();
    const system = await opened;
    const addresses: string[] = [];
    system.on('response', (response) => addresses.push(response.headers()['location'] ?? ''));
    await fillLogIn(system, 'jane');
    const url = await until(async () => addresses.find((address) => address.startsWith(callback)));
    // What the operating system does with that address.
    await page.evaluate(
      (address) =>
        Reflect.get(globalThis, 'Capacitor').Plugins.App.notifyListeners('appUrlOpen', { url: address }),
      url,
    );
    await showsTheme(page, 'dark');
    await until(async () => (system.isClosed() ? true : undefined));
    await page.getByRole('button', { name: 'Use light' }).click();
    await showsTheme(page, 'light');
    await guide.jane.sees('theme', 'light');
    expect(errors).toEqual([]);
  });
});

test.each(['capacitor://localhost', 'https://localhost'])('the service lets %s call', async (origin) => {
  const { service, jane } = await openGuideStage('capacitor://localhost,https://localhost');
  const headers = { origin, authorization: jane.authorization };
  const response = await fetch(`${service.url}/me/metadata`, { headers });
  expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([200, origin]);
});
