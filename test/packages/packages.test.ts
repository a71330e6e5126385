/** The packages as an app installs them: what is in them, their types under each compiler, in Node and in a browser. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { minify } from '@swc/core';
import express from 'express';
import { openListener } from '../../packages/local-tenant/src/listener.ts';
import { launchChromium } from '../browser/chromium.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { userMetadataTypes } from '../../src/commands/types.ts';
import { ROOT } from '../docs/documents.ts';
import { openStage } from '../http/events/stage.ts';
import { parseObject } from '../support/json.ts';
import { until } from '../support/until.ts';
import { APP, getFolder, run, runModule, TARBALLS } from './app.ts';

const MAX_BYTES = 4000;
const NAMES = ['client', 'form', 'local-tenant'];
/** The modules of the client that `.` does not load, or not before an option asks for them. */
const OTHER_ENTRIES = new Set([
  'react.js',
  'tanstack-query.js',
  'metadata-store.js',
  'claims.js',
  'index.js',
]);
const TSC_7 = join(APP, 'node_modules', 'typescript-7', 'bin', 'tsc');
const TSC_5 = join(APP, 'node_modules', 'typescript', 'bin', 'tsc');

const SCHEMA: JsonObject = JSON.parse(
  readFileSync(join(ROOT, 'config', 'user-metadata.schema.json'), 'utf8'),
);

const readManifest = (name: string) =>
  parseObject(readFileSync(join(getFolder(name), 'package.json'), 'utf8'));

describe('client and form', () => {
  test('bring no other package', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'empty-'));
    writeFileSync(join(empty, 'package.json'), JSON.stringify({ private: true }));
    const packed = TARBALLS.filter((path) => !path.includes('tenant')).map((path) => join(APP, path));
    await run(empty, 'npm', { args: ['install', '--offline', '--no-audit', '--no-fund', ...packed] });
    const installed = readdirSync(join(empty, 'node_modules')).filter((name) => !name.startsWith('.'));
    rmSync(empty, { recursive: true });
    expect(installed).toEqual(['@metadata-bff']);
  });

  test('let a bundler leave out what an app does not use', () => {
    for (const name of ['client', 'form']) {
      const { dependencies, sideEffects } = readManifest(name);
      expect([dependencies, sideEffects]).toEqual([undefined, false]);
    }
  });
});

describe.each(NAMES)('%s', (name) => {
  test('holds its compiled files, licence and README only', () => {
    const files = readdirSync(getFolder(name)).filter((file) => file !== 'node_modules');
    expect(files.toSorted()).toEqual(['LICENSE', 'README.md', 'dist', 'package.json']);
    const compiled = readdirSync(join(getFolder(name), 'dist'), { recursive: true, withFileTypes: true });
    const others = compiled.filter((entry) => entry.isFile() && !/\.(?:d\.ts|js)$/.test(entry.name));
    expect(others.map((entry) => entry.name)).toEqual([]);
  });

  test('has nothing that publint finds wrong', async () => {
    const found = await runModule(
      `import { publint } from 'publint';
       const { messages } = await publint({ pkgDir: process.argv[1], strict: true });
       console.log(JSON.stringify(messages));`,
      { args: [getFolder(name)] },
    );
    // Where the repository is, is known when the package is published: the workflow for releases writes it.
    const wrong = Array.isArray(found) ? found.filter(({ code }) => !/REPOSITORY/.test(String(code))) : found;
    expect(wrong).toEqual([]);
  });

  test('has types that are not wrong for any resolution of ES modules', async () => {
    const tarball = TARBALLS.find((path) => path.includes(name)) ?? '';
    const problems = await runModule(
      `import { readFileSync } from 'node:fs';
       import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
       const { problems } = await checkPackage(createPackageFromTarballData(readFileSync(process.argv[1])));
       console.log(JSON.stringify(problems));`,
      { args: [join(APP, tarball)] },
    );
    // The packages are ES modules with "exports", as Node 20 and all bundlers understand them.
    const accepted = new Set(['node10', 'node16-cjs']);
    const wrong = Array.isArray(problems)
      ? problems.filter(
          ({ kind, resolutionKind }) => kind !== 'CJSResolvesToESM' && !accepted.has(resolutionKind),
        )
      : problems;
    expect(wrong).toEqual([]);
  });
});

describe('under Node', () => {
  test('the client reads and writes', async () => {
    const { service, token } = await openStage({ env: { AUTH0_EVENTS: 'false' } });
    const program = `
      import { createMetadataClient, isMetadataError } from '@metadata-bff/client';
      const [baseUrl, token] = process.argv.slice(1);
      const client = createMetadataClient({ baseUrl, getAccessToken: async () => token });
      const { value } = await client.patch({ theme: 'light' });
      const isKnown = isMetadataError(await client.readKey('none').catch((error) => error));
      console.log(JSON.stringify([value.theme, isKnown]));
    `;
    expect(await runModule(program, { args: [service.url, token] })).toEqual(['light', true]);
  });

  test('a server can load the form and render the hooks', async () => {
    const program = `
      import { createMergePatch, defineUserMetadataForm } from '@metadata-bff/form';
      import { MetadataProvider, useMetadata } from '@metadata-bff/client/react';
      import { createElement } from 'react';
      import { renderToString } from 'react-dom/server';
      const Status = () => useMetadata().status;
      const html = renderToString(createElement(MetadataProvider, { baseUrl: '' }, createElement(Status)));
      console.log(JSON.stringify([typeof defineUserMetadataForm, createMergePatch({ a: 1 }, {}), html]));
    `;
    expect(await runModule(program)).toEqual(['function', { a: null }, 'loading']);
  });

  test('the module of the hooks says that it is for the client', () => {
    const text = readFileSync(join(getFolder('client'), 'dist', 'react.js'), 'utf8');
    expect(text).toMatch(/^'use client';/);
  });

  test('the local tenant starts, issues a token and stops, without a warning', async () => {
    const program = `
      import { createTenant } from '@metadata-bff/local-tenant';
      const tenant = await createTenant({ users: { 'auth0|ada': { user_metadata: { theme: 'dark' } } } });
      const token = tenant.token({
        sub: 'auth0|ada', audience: tenant.managementAudience, scope: 'read:current_user'
      });
      const headers = { authorization: 'Bearer ' + token };
      const response = await fetch(tenant.url + '/api/v2/users/auth0%7Cada', { headers });
      console.log(JSON.stringify([response.status, (await response.json()).user_metadata]));
      await tenant.close();
    `;
    expect(await runModule(program)).toEqual([200, { theme: 'dark' }]);
  });

  test('the command of the local tenant prints the environment of the service, without a warning', async () => {
    const program = `
      import { spawn } from 'node:child_process';
      const tenant = spawn('npx', ['--no-install', 'local-tenant'], {
        env: { ...process.env, TENANT_PORT: '0' }, stdio: ['ignore', 'pipe', 'pipe'], detached: true,
      });
      let said = '';
      for (const stream of [tenant.stdout, tenant.stderr]) stream.setEncoding('utf8').on('data', (text) => {
        said += text;
        if (said.includes('AUTH0_EVENTS')) process.kill(-tenant.pid, 'SIGTERM');
      });
      tenant.on('close', () => console.log(JSON.stringify(said)));
    `;
    const said = String(await runModule(program));
    expect(said).toMatch(/^Local tenant on http:\/\/localhost:\d+ /);
    expect(said).toMatch(/\n {2}AUTH0_CLIENT_SECRET=local-secret\n/);
    expect(said).not.toMatch(/warn/i);
  });
});

const USE = `
  import { createMetadataClient, ConflictError, type MergePatch, type MetadataClient, type Snapshot } from '@metadata-bff/client';
  import { MetadataProvider, useMetadata } from '@metadata-bff/client/react';
  import { createMetadataQuery } from '@metadata-bff/client/tanstack-query';
  import { defineUserMetadataForm, type UserMetadataForm } from '@metadata-bff/form';
  import type { UserMetadataFormProps } from '@metadata-bff/form/react';
  import { createTenant, type PostLoginFunction } from '@metadata-bff/local-tenant';
  import type { UserMetadata } from './user-metadata.js';
  import type { UserMetadata as ClosedMetadata } from './closed-metadata.js';
  interface Preferences { theme?: 'light' | 'dark' }
  const client = createMetadataClient<Preferences>({ baseUrl: '', getAccessToken: async () => 'token' });
  export const patch: MergePatch<Preferences> = { theme: null };
  type Is<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false;
  export const typed: Is<Awaited<ReturnType<typeof client.read>>, Snapshot<Preferences>> = true;
  export const value: Is<Snapshot<Preferences>['value'], Preferences> = true;
  export const conflict = (error: unknown) => error instanceof ConflictError && error.etag;
  export const provider: Parameters<typeof MetadataProvider>[0] = {
    baseUrl: '', getAccessToken: async ({ forceRefresh }) => String(forceRefresh),
  };
  export const usesMetadata = () => useMetadata<Preferences>().value?.theme;
  export const theme: Is<ReturnType<typeof usesMetadata>, 'light' | 'dark' | undefined> = true;
  export const query = createMetadataQuery(client, 'auth0|jane');
  export const queried: Is<Awaited<ReturnType<typeof query.queryFn>>, Snapshot<Preferences>> = true;
  defineUserMetadataForm();
  const element = document.createElement('user-metadata-form');
  export const form: Is<typeof element, UserMetadataForm> = true;
  element.addEventListener('user-metadata-submit', ({ detail }) => element.applyPatch(detail.patch));
  const doc: UserMetadata = { theme: 'dark', notifications: { email: true } };
  const closed: ClosedMetadata = { theme: 'dark', notifications: { email: true } };
  for (const stored of [doc, closed]) {
    element.value = stored;
    element.rebase(stored);
  }
  export const props: readonly Pick<UserMetadataFormProps, 'value'>[] = [{ value: doc }, { value: closed }];
  const save = async <T extends UserMetadata | ClosedMetadata>(typed: MetadataClient<T>) => {
    element.rebase((await typed.read()).value);
  };
  const openClient = createMetadataClient<UserMetadata>({ baseUrl: '', getAccessToken: async () => '' });
  const closedClient = createMetadataClient<ClosedMetadata>({ baseUrl: '', getAccessToken: async () => '' });
  export const saved = [save(openClient), save(closedClient)];
  element.addEventListener('user-metadata-submit', async ({ detail }) => {
    element.rebase((await openClient.patch(detail.patch)).value);
    element.rebase((await closedClient.patch(detail.patch)).value);
  });
  // @ts-expect-error: no document
  element.rebase('dark');
  // @ts-expect-error: no theme
  void closedClient.patch({ theme: 'pink' });
  const addPlan: PostLoginFunction = ({ user }, api) => {
    api.accessToken.setCustomClaim('https://app.example.com/plan', user.app_metadata['plan']);
  };
  export const tenant = createTenant({
    users: { 'auth0|ada': { password: 'secret', app_metadata: { plan: 'free' } } },
    clients: [{ client_id: 'web', client_secret: 'secret', grants: { management: ['read:users'] } }],
    apis: [{ identifier: 'https://api.example.com', scopes: ['read:metadata'], token_lifetime: 60 }],
    actions: [addPlan, 'exports.onExecutePostLogin = async () => {};'],
    plan: 'free',
  });
  export const env: Promise<Readonly<Record<string, string>>> = tenant.then((started) => started.env);
`;

describe.each([
  ['5.9', TSC_5],
  ['7', TSC_7],
])('under TypeScript %s', (version, compiler) => {
  test.each([
    ['bundler', 'esnext'],
    ['nodenext', 'nodenext'],
  ])('all types are as promised with moduleResolution %s', async (resolution, module) => {
    expect(await run(APP, process.execPath, { args: [compiler, '--version'] })).toContain(
      `Version ${version}.`,
    );
    writeFileSync(join(APP, 'use.ts'), USE);
    // As `metadata-bff types` prints it, of a schema that allows other keys and of one that does not.
    writeFileSync(join(APP, 'user-metadata.ts'), await userMetadataTypes(SCHEMA));
    const closed = { ...SCHEMA, additionalProperties: false };
    writeFileSync(join(APP, 'closed-metadata.ts'), await userMetadataTypes(closed));
    const compilerOptions = {
      target: 'es2022',
      module,
      moduleResolution: resolution,
      lib: ['es2022', 'dom'],
      types: [],
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
    };
    const project = join(APP, `tsconfig-${version}-${resolution}.json`);
    writeFileSync(project, JSON.stringify({ compilerOptions, files: ['use.ts'] }));
    expect(await run(APP, process.execPath, { args: [compiler, '-p', project] })).toBe('');
  });
});

describe('bundled with Vite, in a browser', () => {
  const page = join(APP, 'page');
  let web: Awaited<ReturnType<typeof openListener>>;
  let browser: Awaited<ReturnType<typeof launchChromium>>;

  beforeAll(async () => {
    mkdirSync(page);
    writeFileSync(join(page, 'index.html'), '<!doctype html><script type="module" src="./main.js"></script>');
    writeFileSync(
      join(page, 'main.js'),
      `
      import { createMetadataClient } from '@metadata-bff/client';
      import { createMetadataQuery } from '@metadata-bff/client/tanstack-query';
      import { MetadataProvider, useMetadata } from '@metadata-bff/client/react';
      import { defineUserMetadataForm } from '@metadata-bff/form';
      import { createElement } from 'react';
      import { createRoot } from 'react-dom/client';
      const query = new URLSearchParams(location.search);
      const options = { baseUrl: query.get('service'), getAccessToken: async () => query.get('token') };
      const client = createMetadataClient(options);
      const { value } = await createMetadataQuery(client, 'jane').queryFn({ signal: new AbortController().signal });
      defineUserMetadataForm();
      const form = document.body.appendChild(document.createElement('user-metadata-form'));
      form.schema = await client.schema();
      form.value = value;
      form.addEventListener('user-metadata-submit', ({ detail }) => client.patch(detail.patch));
      const View = () => 'theme ' + useMetadata().value?.theme;
      const root = createRoot(document.body.appendChild(document.createElement('p')));
      root.render(createElement(MetadataProvider, options, createElement(View)));
      `,
    );
    await run(APP, process.execPath, {
      args: [join(APP, 'node_modules', 'vite', 'bin', 'vite.js'), 'build', page, '--logLevel', 'warn'],
    });
    web = await openListener(0);
    web.serve(express().use(express.static(join(page, 'dist'))));
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser.close();
    await web.close();
  });

  test('client, hooks and form work together', async () => {
    const origin = `http://localhost:${web.port}`;
    const { service, token, jane } = await openStage({
      env: { CORS_ORIGINS: origin },
      policy: { userMetadata: { schema: 'user-metadata.schema.json' } },
    });
    const tab = await browser.newPage();
    const errors: string[] = [];
    tab.on('pageerror', (error) => errors.push(String(error)));
    await tab.goto(`${origin}/?${new URLSearchParams({ service: service.url, token }).toString()}`);
    await tab.getByText('theme dark').waitFor();
    await tab.getByRole('combobox', { name: 'Theme' }).selectOption('light');
    await tab.getByRole('button', { name: 'Save' }).click();
    await tab.getByText('theme light').waitFor();
    await until(async () => ((await jane.read()).body['theme'] === 'light' ? true : undefined));
    expect(errors).toEqual([]);
    await tab.close();
  });
});

test(`the client is smaller than ${MAX_BYTES} bytes, minified and compressed`, async () => {
  const folder = join(getFolder('client'), 'dist');
  const texts = readdirSync(folder)
    .filter((name) => name.endsWith('.js') && !OTHER_ENTRIES.has(name))
    .map((name) => readFileSync(join(folder, name), 'utf8'));
  // As one module, which is what a bundler makes of it.
  const own = texts.join('\n').replaceAll(/^(?:import|export) [^;]*?from '[^']+';$|^export (?=\w)/gm, '');
  const entry = `${own}\nexport { createMetadataClient, ConflictError, isMetadataError, OutcomeUnknownError, StepUpRequiredError };`;
  const { code } = await minify(entry, { module: true });
  const bytes = gzipSync(code, { level: 9 }).byteLength;
  expect(bytes).toBeGreaterThan(2000);
  expect(bytes).toBeLessThan(MAX_BYTES);
});
