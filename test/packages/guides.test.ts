/** The guides of docs/guides: their files as an app, built and driven in a browser before the local tenant. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import express, { type RequestHandler } from 'express';
import { openListener } from '../../packages/local-tenant/src/listener.ts';
import { fillLogIn } from '../browser/stage.ts';
import { launchChromium } from '../browser/chromium.ts';
import { pageAt } from '../docs/documents.ts';
import { afterwards, openStage } from '../http/events/stage.ts';
import { until } from '../support/until.ts';
import { APP, getFolder, run } from './app.ts';

let browser: Awaited<ReturnType<typeof launchChromium>>;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

/** The blocks of a guide by the file that their first line names. */
function readFiles(guide: string): ReadonlyMap<string, string> {
  return new Map(
    pageAt(`docs/guides/${guide}.md`).fences.map(({ text }) => {
      const [, name = '', body = ''] = /^(?:\/\/|<!--) ([\w.-]+)(?: -->)?\n([\s\S]*)$/.exec(text) ?? [];
      return [name, body];
    }),
  );
}

/** Tenant, service and the page's own origin. The files are those of the guide, with the addresses of this test. */
async function openGuide(
  guide: string,
  configFile: string,
  getHandlers: (folder: string) => Promise<RequestHandler[]>,
) {
  const web = await openListener(0);
  afterwards(() => web.close());
  const origin = `http://localhost:${web.port}`;
  const { tenant, service, jane, dashboard } = await openStage({
    env: { CORS_ORIGINS: origin },
    policy: { userMetadata: { schema: 'user-metadata.schema.json' } },
  });
  const config = {
    domain: tenant.url,
    clientId: 'local-spa',
    audience: tenant.apiAudience,
    baseUrl: service.url,
  };
  const folder = join(APP, guide);
  mkdirSync(folder, { recursive: true });
  const files = readFiles(guide);
  expect([...files.keys()]).toEqual(expect.arrayContaining(['index.html', configFile]));
  for (const [name, text] of files) writeFileSync(join(folder, name), text);
  const lines = Object.entries(config).map(
    ([name, value]) => `export const ${name} = ${JSON.stringify(value)};\n`,
  );
  writeFileSync(join(folder, configFile), lines.join(''));
  web.serve(express().use(...(await getHandlers(folder))));
  const context = await browser.newContext();
  afterwards(() => context.close());
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  return { page, origin, jane, dashboard, errors };
}

/** Logs in and changes the preference, here and elsewhere. Resolves to the errors of the page. */
async function useTheme({ page, origin, jane, dashboard, errors }: Awaited<ReturnType<typeof openGuide>>) {
  const shows = (theme: string) => page.getByText(`Theme: ${theme}`).waitFor();
  await page.goto(origin);
  await page.getByRole('button', { name: 'Log in' }).click();
  await fillLogIn(page, 'jane');
  await shows('dark');
  await page.getByRole('button', { name: 'Use light' }).click();
  await shows('light');
  await until(async () => ((await jane.read()).body['theme'] === 'light' ? true : undefined));
  // A change that was made elsewhere arrives.
  await dashboard.edit({ theme: 'system' });
  await shows('system');
  return errors;
}

async function build(folder: string): Promise<void> {
  // Vite looks for its configuration in the folder that it is run in.
  const vite = join(APP, 'node_modules', 'vite', 'bin', 'vite.js');
  await run(folder, process.execPath, { args: [vite, 'build', '--logLevel', 'warn'] });
}

describe('the guide', () => {
  test('for React compiles, and its page logs in and keeps the preference in step', async () => {
    const guide = await openGuide('react', 'config.ts', async (folder) => {
      const compilerOptions = {
        target: 'es2022',
        module: 'esnext',
        moduleResolution: 'bundler',
        lib: ['es2022', 'dom'],
        types: [],
        jsx: 'react-jsx',
        strict: true,
        noEmit: true,
        allowImportingTsExtensions: true,
        skipLibCheck: true,
      };
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*'] }));
      const compiler = join(APP, 'node_modules', 'typescript', 'bin', 'tsc');
      expect(await run(APP, process.execPath, { args: [compiler, '-p', folder] })).toBe('');
      await build(folder);
      return [express.static(join(folder, 'dist'))];
    });
    expect(await useTheme(guide)).toEqual([]);
  });

  test('for Vue builds, and its page logs in and keeps the preference in step', async () => {
    const guide = await openGuide('vue', 'config.ts', async (folder) => {
      await build(folder);
      return [express.static(join(folder, 'dist'))];
    });
    expect(await useTheme(guide)).toEqual([]);
  });

  test('for a plain page logs in and keeps the preference in step, as it stands', async () => {
    const sdk = join(APP, 'node_modules/@auth0/auth0-spa-js/dist/auth0-spa-js.production.esm.js');
    const guide = await openGuide('plain-page', 'config.js', async (folder) => [
      express.Router().use('/vendor/metadata-bff-client', express.static(join(getFolder('client'), 'dist'))),
      express.Router().get('/vendor/auth0-spa-js.js', (_req, res) => res.sendFile(sdk)),
      express.static(folder),
    ]);
    expect(await useTheme(guide)).toEqual([]);
  });
});
