/** The guides of docs/guides: their files as an app, built and driven in a browser before the local tenant. */
import { describe, expect, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import express from 'express';
import { APP, getFolder, run } from './app.ts';
import { openGuide, useBrowser, useTheme } from './guide.ts';

const openPage = useBrowser();

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
      const compiler = join(APP, 'node_modules', 'typescript-7', 'bin', 'tsc');
      expect(await run(APP, process.execPath, { args: [compiler, '-p', folder] })).toBe('');
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
});
