/**
 * The service as someone installs it: built, packed, installed in an empty folder and run from there. `npm run
 * test:service` runs it, with or without a `redis-server` on the PATH.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startTenant, type Tenant } from '../../packages/local-tenant/src/tenant.ts';
import { type Running, runFileIn } from '../e2e/program.ts';
import { parseObject } from '../support/json.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'installed-'));
const installed = join(folder, 'node_modules', 'metadata-bff');
const running = new Set<Running>();
let tenant: Tenant;

async function npm(cwd: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('npm', args, { cwd });
  return stdout;
}

/** Runs the installed program, in the folder that it is installed in. */
function run(env: Readonly<Record<string, string>>, ...args: readonly string[]): Running {
  const program = runFileIn(folder, join(folder, 'node_modules', '.bin', 'metadata-bff'), env, ...args);
  running.add(program);
  return program;
}

async function getOutput(env: Readonly<Record<string, string>>, ...args: readonly string[]) {
  const program = run(env, ...args);
  return { code: await program.ends(), output: program.output() };
}

beforeAll(async () => {
  tenant = await startTenant();
  await npm(ROOT, 'run', '--silent', 'build:service');
  const [packed]: Array<{ filename: string }> = JSON.parse(
    await npm(ROOT, 'pack', '--json', '--pack-destination', folder),
  );
  writeFileSync(join(folder, 'package.json'), '{"private":true}');
  await npm(folder, 'install', '--offline', '--no-audit', '--no-fund', `./${packed?.filename}`);
  const variables = Object.entries(tenant.env).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(join(folder, '.env'), variables.join(''));
}, 120_000);

afterAll(async () => {
  for (const program of running) program.signal('SIGKILL');
  await tenant.stop();
  rmSync(folder, { recursive: true });
});

describe('the package', () => {
  test('brings no other package', () => {
    expect(readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
      'metadata-bff',
    ]);
  });

  test('has what a user needs, and no sources, source maps, tests or bench', () => {
    const files = readdirSync(installed, { recursive: true, encoding: 'utf8' });
    expect(files.filter((name) => /\.(?:map|ts)$/.test(name))).toEqual([]);
    expect(readdirSync(installed).toSorted()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'config',
      'dist',
      'docs',
      'package.json',
    ]);
    const licences = readFileSync(join(installed, 'dist', 'THIRD-PARTY-LICENSES.txt'), 'utf8');
    for (const name of ['express', '@redis/client', 'swagger-ui-dist']) {
      expect(licences).toMatch(new RegExp(`^${name} \\d`, 'm'));
    }
    expect(existsSync(join(installed, 'dist', 'sbom.cdx.json'))).toBe(true);
  });
});

describe('the installed program', () => {
  test('prints its version and its help', async () => {
    const { version } = parseObject(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(await getOutput({}, '--version')).toEqual({ code: 0, output: `${String(version)}\n` });
    expect((await getOutput({}, '--help')).output).toContain('claims-action');
  });

  test('checks the configuration in .env', async () => {
    const { code, output } = await getOutput({}, 'check');
    expect([code, output]).toEqual([0, expect.stringMatching(/ok +management api +answers/)]);
  });

  test('prints types, an Action, and the id in the audit', async () => {
    const policy = join(ROOT, 'demo', 'policy.json');
    expect((await getOutput({}, 'types', policy)).output).toContain("theme?: 'system' | 'light' | 'dark';");
    const mapped = join(folder, 'policy.json');
    writeFileSync(mapped, JSON.stringify({ claims: { 'https://a.example/l': '/user_metadata/language' } }));
    expect((await getOutput({ POLICY_FILE: mapped }, 'claims-action')).output).toContain(
      'exports.onExecutePostLogin',
    );
    expect((await getOutput({}, 'audit-id', 'auth0|jane')).output).toMatch(/^[\w-]{43}\n$/);
  });

  test('reads, writes and shows its documentation, and ends with 0', async () => {
    const program = run({});
    const [, port] = await program.prints(/"port":(\d+)/);
    const url = `http://127.0.0.1:${port}`;
    const token = tenant.token({ sub: 'auth0|jane', scope: 'read:metadata update:metadata' });
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/merge-patch+json' };
    const change = { method: 'PATCH', headers, body: '{"theme":"light"}' };
    expect((await fetch(`${url}/me/metadata`, change)).status).toBe(200);
    const answer = await fetch(`${url}/me/metadata`, { headers });
    expect(await answer.json()).toMatchObject({ theme: 'light' });
    for (const path of ['', '/swagger-ui.css', '/swagger-ui-bundle.js', '/start.js']) {
      expect([path, (await fetch(`${url}/docs${path}`)).status]).toEqual([path, 200]);
    }
    expect((await fetch(`${url}/openapi.json`)).status).toBe(200);
    program.signal('SIGTERM');
    expect(await program.ends()).toBe(0);
  });

  test('names the packages that traces need, at the start and in the check', async () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' };
    const command = /npm install "@opentelemetry\/api@\^\d/;
    const started = await getOutput(env);
    expect([started.code, started.output]).toEqual([1, expect.stringMatching(command)]);
    expect(started.output).not.toMatch(/\n\s+at /);
    const checked = await getOutput(env, 'check');
    expect([checked.code, checked.output]).toEqual([1, expect.stringMatching(/failed +traces +/)]);
    expect(checked.output).toMatch(command);
  });
});
