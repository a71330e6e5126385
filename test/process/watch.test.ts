/** `npm run dev`, run over a copy of the sources, so that a change of them disturbs no other test. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Running, runFile } from './program.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const TITLE = 'There is no such resource';
const CHANGED_TITLE = 'Nothing of that name is here';

const folder = mkdtempSync(join(tmpdir(), 'dev-'));
let started: Running | undefined;
afterAll(async () => {
  started?.signal('SIGTERM');
  await started?.ends();
  rmSync(folder, { recursive: true });
});

/** The file of the copy that holds the title of a 404. */
function findSource(): string {
  const paths = readdirSync(join(folder, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, 'src', name));
  const path = paths.find((candidate) => readFileSync(candidate, 'utf8').includes(TITLE));
  if (path === undefined) throw new Error(`no source holds “${TITLE}”`);
  return path;
}

beforeAll(() => {
  for (const name of ['src', 'config', 'packages', 'demo', 'scripts', 'package.json']) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
});

/** The last of the ports that a line of the log names, once it has done so `count` times. */
async function startedOnPort(program: Running, count: number): Promise<number> {
  const line = '"port":(\\d+),"ops_port":\\d+,"event":"started"';
  const match = await program.prints(new RegExp(Array(count).fill(line).join('[\\s\\S]*')));
  return Number(match.at(-1));
}

async function titleOnPort(port: number): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${port}/no-such-resource`);
  return Object(await response.json()).title;
}

test('npm run dev runs the program of this suite', () => {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(
    readFileSync(join(ROOT, 'package.json'), 'utf8'),
  );
  expect(scripts['dev']).toBe('node scripts/watch.js');
});

test('a change of a source restarts the service, and a signal ends it with the tenant', async () => {
  const environment = { TENANT_PORT: '0', AUTH0_DOMAIN: 'a-real-tenant.eu.auth0.com' };
  const running = runFile(join(folder, 'scripts', 'watch.js'), environment);
  started = running;
  expect(await titleOnPort(await startedOnPort(running, 1))).toBe(TITLE);
  const source = findSource();
  writeFileSync(source, readFileSync(source, 'utf8').replace(TITLE, CHANGED_TITLE));
  expect(await titleOnPort(await startedOnPort(running, 2))).toBe(CHANGED_TITLE);

  running.signal('SIGTERM');
  expect(await running.ends()).toBe(0);
  expect(running.output()).toContain('"event":"stopped"');
});
