/**
 * The packages as an app installs them: packed, installed from the tarballs, compiled against and run. It needs npm and
 * takes some seconds; `npm run test:packages` runs it.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { minify } from '@swc/core';
import { isJsonObject } from '../../src/lib/json.ts';
import { parseObject } from '../support/json.ts';
import { openScene } from '../support/scene.ts';

const { person, service } = await openScene();

const ROOT = join(import.meta.dirname, '..', '..');
const MAX_BYTES = 4000;
const WORKSPACES = ['client', 'form', 'local-tenant'].flatMap((name) => ['-w', `packages/${name}`]);
/** The modules of the client that `.` does not load. */
const OTHER_ENTRIES = new Set(['react.js', 'tanstack-query.js', 'metadata-store.js', 'index.js']);

const app = mkdtempSync(join(tmpdir(), 'app-'));
const getFolder = (name: string) => join(app, 'node_modules', '@metadata-bff', name);
let installed: readonly string[] = [];
afterAll(() => rmSync(app, { recursive: true }));

async function run(cwd: string, program: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { cwd });
  return stdout.trim();
}

const readManifest = (name: string) =>
  parseObject(readFileSync(join(getFolder(name), 'package.json'), 'utf8'));

beforeAll(async () => {
  await run(ROOT, 'npm', 'run', '--silent', 'build:packages');
  const packed: unknown = JSON.parse(
    await run(ROOT, 'npm', 'pack', ...WORKSPACES, '--json', '--pack-destination', app),
  );
  const files = [packed].flat().flatMap((entry) => {
    const name = isJsonObject(entry) ? entry['filename'] : undefined;
    return typeof name === 'string' ? [name] : [];
  });
  if (files.length !== 3) throw new Error(`npm packed ${files.length} packages`);
  writeFileSync(join(app, 'package.json'), JSON.stringify({ type: 'module', private: true }));
  // The dependencies of the local tenant are those of this checkout: the test must not depend on a registry.
  const [tenant, ...others] = files.toSorted(
    (a, b) => Number(b.includes('tenant')) - Number(a.includes('tenant')),
  );
  await run(
    app,
    'npm',
    'install',
    '--offline',
    '--no-audit',
    '--no-fund',
    ...others.map((file) => `./${file}`),
  );
  installed = readdirSync(join(app, 'node_modules')).filter((name) => !name.startsWith('.'));
  for (const name of ['@types', 'csstype']) {
    symlinkSync(join(ROOT, 'node_modules', name), join(app, 'node_modules', name));
  }
  await run(app, 'tar', '-xzf', String(tenant), '-C', join(app, 'node_modules', '@metadata-bff'));
  await run(join(app, 'node_modules', '@metadata-bff'), 'mv', 'package', 'local-tenant');
  symlinkSync(join(ROOT, 'node_modules'), join(getFolder('local-tenant'), 'node_modules'));
});

describe('client and form', () => {
  test('bring no other package', () => {
    expect(installed).toEqual(['@metadata-bff']);
    for (const name of ['client', 'form']) {
      const manifest = readManifest(name);
      expect([manifest['dependencies'], manifest['sideEffects']]).toEqual([undefined, false]);
    }
  });
});

test.each(['client', 'form', 'local-tenant'])(
  '%s holds its compiled files, licence and README only',
  (name) => {
    const files = readdirSync(getFolder(name)).filter((file) => file !== 'node_modules');
    expect(files.toSorted()).toEqual(['LICENSE', 'README.md', 'dist', 'package.json']);
    expect(
      readdirSync(join(getFolder(name), 'dist')).filter((file) => !/\.(?:d\.ts|js)$/.test(file)),
    ).toEqual([]);
  },
);

test('the client runs under Node', async () => {
  const jane = await person({ theme: 'dark' });
  const program = `
    import { createMetadataClient, isMetadataError } from '@metadata-bff/client';
    const [baseUrl, token] = process.argv.slice(1);
    const client = createMetadataClient({ baseUrl, getAccessToken: async () => token });
    const { value } = await client.patch({ theme: 'light' });
    console.log(JSON.stringify([value, isMetadataError(await client.readKey('none').catch((error) => error))]));
  `;
  const args = ['--input-type=module', '-e', program, service.url, jane.token];
  expect(JSON.parse(await run(app, process.execPath, ...args))).toEqual([{ theme: 'light' }, true]);
});

test('a server can load the form', async () => {
  const program = `
    import { createMergePatch, defineUserMetadataForm } from '@metadata-bff/form';
    console.log(typeof defineUserMetadataForm, JSON.stringify(createMergePatch({ a: 1 }, {})));
  `;
  expect(await run(app, process.execPath, '--input-type=module', '-e', program)).toBe('function {"a":null}');
});

test('the local tenant starts, issues a token and stops', async () => {
  const program = `
    import { createTenant } from '@metadata-bff/local-tenant';
    const tenant = await createTenant({ users: { 'auth0|ada': { user_metadata: { theme: 'dark' } } } });
    const token = tenant.token({
      sub: 'auth0|ada', audience: tenant.managementAudience, scope: 'read:current_user'
    });
    const headers = { authorization: 'Bearer ' + token };
    const response = await fetch(tenant.url + '/api/v2/users/auth0%7Cada', { headers });
    console.log(response.status, JSON.stringify((await response.json()).user_metadata));
    await tenant.close();
  `;
  expect(await run(app, process.execPath, '--input-type=module', '-e', program)).toBe('200 {"theme":"dark"}');
});

const USE = `
  import { createMetadataClient, ConflictError, type MergePatch, type Snapshot } from '@metadata-bff/client';
  import { MetadataProvider, useMetadata } from '@metadata-bff/client/react';
  import { createMetadataQuery } from '@metadata-bff/client/tanstack-query';
  import { defineUserMetadataForm, type UserMetadataForm } from '@metadata-bff/form';
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
`;

test.each([
  ['bundler', 'esnext'],
  ['nodenext', 'nodenext'],
])('client and form are typed under moduleResolution %s', async (resolution, module) => {
  const file = join(app, `use-${resolution}.ts`);
  writeFileSync(file, USE);
  const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const flags = ['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2022,dom', '--types', ''];
  const modules = ['--module', module, '--moduleResolution', resolution];
  expect(await run(app, process.execPath, compiler, ...flags, ...modules, file)).toBe('');
});

test(`the client is smaller than ${MAX_BYTES} bytes, minified and compressed`, async () => {
  const folder = join(getFolder('client'), 'dist');
  const texts = readdirSync(folder)
    .filter((name) => name.endsWith('.js') && !OTHER_ENTRIES.has(name))
    .map((name) => readFileSync(join(folder, name), 'utf8'));
  // As one module, which is what a bundler makes of it.
  const own = texts.join('\n').replaceAll(/^(?:import|export) [^;]*?from '[^']+';$|^export (?=\w)/gm, '');
  const entry = `${own}\nexport { createMetadataClient, ConflictError, isMetadataError, OutcomeUnknownError };`;
  const { code } = await minify(entry, { module: true });
  const bytes = gzipSync(code, { level: 9 }).byteLength;
  expect(bytes).toBeGreaterThan(2000);
  expect(bytes).toBeLessThan(MAX_BYTES);
});
