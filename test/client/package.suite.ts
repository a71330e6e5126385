/**
 * The client as an app installs it: packed, installed from the tarball, compiled against and run. It needs npm and
 * takes some seconds; `npm run test:client-package` runs it.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { minify } from '@swc/core';
import { parseObject } from '../support/json.ts';
import { openScene } from '../support/scene.ts';

const { person, service } = await openScene();

const ROOT = join(import.meta.dirname, '..', '..');
const BYTES_MAX = 4000;

const app = mkdtempSync(join(tmpdir(), 'app-'));
const installed = join(app, 'node_modules', 'metadata-bff');
afterAll(() => rmSync(app, { recursive: true }));

async function run(program: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { cwd: app });
  return stdout.trim();
}

beforeAll(async () => {
  const tarball = await run(process.execPath, join(ROOT, 'scripts', 'pack-client.js'), app);
  writeFileSync(join(app, 'package.json'), JSON.stringify({ type: 'module', private: true }));
  await run('npm', 'install', '--offline', '--no-audit', '--no-fund', tarball);
});

test('brings no other package, and nothing but itself', () => {
  expect(readdirSync(join(app, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
    'metadata-bff',
  ]);
  const manifest = parseObject(readFileSync(join(installed, 'package.json'), 'utf8'));
  expect([manifest['dependencies'], manifest['sideEffects']]).toEqual([undefined, false]);
  expect(readdirSync(join(installed, 'dist', 'src'))).toEqual(['client']);
});

test('runs under Node', async () => {
  const jane = await person({ theme: 'dark' });
  const program = `
    import { createMetadataClient, isMetadataError } from 'metadata-bff/client';
    const [baseUrl, token] = process.argv.slice(1);
    const client = createMetadataClient({ baseUrl, getAccessToken: async () => token });
    const { value } = await client.patch({ theme: 'light' });
    console.log(JSON.stringify([value, isMetadataError(await client.readKey('none').catch((error) => error))]));
  `;
  const printed = await run(process.execPath, '--input-type=module', '-e', program, service.url, jane.token);
  expect(JSON.parse(printed)).toEqual([{ theme: 'light' }, true]);
});

const USE = `
  import { createMetadataClient, ConflictError, type MergePatch, type Snapshot } from 'metadata-bff/client';
  interface Preferences { theme?: 'light' | 'dark' }
  const client = createMetadataClient<Preferences>({ baseUrl: '', getAccessToken: async () => 'token' });
  export const patch: MergePatch<Preferences> = { theme: null };
  type Is<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false;
  export const typed: Is<Awaited<ReturnType<typeof client.read>>, Snapshot<Preferences>> = true;
  export const value: Is<Snapshot<Preferences>['value'], Preferences> = true;
  export const conflict = (error: unknown) => error instanceof ConflictError && error.etag;
`;

test.each([
  ['bundler', 'esnext'],
  ['nodenext', 'nodenext'],
])('is typed under moduleResolution %s', async (resolution, module) => {
  const file = join(app, `use-${resolution}.ts`);
  writeFileSync(file, USE);
  const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const flags = ['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2022,dom', '--types', ''];
  const modules = ['--module', module, '--moduleResolution', resolution];
  expect(await run(process.execPath, compiler, ...flags, ...modules, file)).toBe('');
});

test(`is smaller than ${BYTES_MAX} bytes, minified and compressed`, async () => {
  const folder = join(installed, 'dist', 'packages', 'client', 'src');
  const texts = readdirSync(folder)
    .filter((name) => name.endsWith('.js'))
    .map((name) => readFileSync(join(folder, name), 'utf8'));
  // As one module, which is what a bundler makes of it.
  const own = texts.join('\n').replaceAll(/^(?:import|export) [^;]*?from '[^']+';$|^export (?=\w)/gm, '');
  const entry = `${own}\nexport { createMetadataClient, ConflictError, isMetadataError, OutcomeUnknownError };`;
  const { code } = await minify(entry, { module: true });
  const bytes = gzipSync(code, { level: 9 }).byteLength;
  expect(bytes).toBeGreaterThan(2000);
  expect(bytes).toBeLessThan(BYTES_MAX);
});
