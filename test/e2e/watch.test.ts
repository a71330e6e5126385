/** `npm run dev`, run over a copy of the sources, so that a change of them disturbs no other test. */
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { until } from '../support/until.ts';
import { type Running, runFile } from './program.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const TITLE = 'There is no such resource';
const CHANGED_TITLE = 'Nothing of that name is here';

const WRITE_EVERY_POLLS = 200;

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

/** The title of a 404, from the service that said last that it has started; undefined while it restarts. */
async function readTitle(program: Running): Promise<unknown> {
  const [, port] =
    [...program.output().matchAll(/"port":(\d+),"ops_port":\d+,"event":"started"/g)].at(-1) ?? [];
  if (port === undefined) return undefined;
  const response = await fetch(`http://127.0.0.1:${port}/no-such-resource`).catch(() => undefined);
  return Object(await response?.json()).title;
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
  await running.prints(/"event":"started"/);
  expect(await readTitle(running)).toBe(TITLE);

  const source = findSource();
  const changed = readFileSync(source, 'utf8').replace(TITLE, CHANGED_TITLE);
  let polls = 0;
  await until(() => {
    if (/^Restarting /m.test(running.output())) return true;
    // Node does not watch a file from the moment at which the service has started, but from a little later on. It is
    // written again now and then, because a watcher that sees a change while it restarts may wait for ever.
    polls += 1;
    if (polls % WRITE_EVERY_POLLS !== 1) return undefined;
    writeFileSync(`${source}.new`, changed);
    renameSync(`${source}.new`, source);
    return undefined;
  });
  await running.prints(/^Restarting [\s\S]*"event":"started"/m);
  await until(async () => ((await readTitle(running)) === CHANGED_TITLE ? true : undefined));

  running.signal('SIGTERM');
  expect(await running.ends()).toBe(0);
  expect(running.output()).toContain('"event":"stopped"');
}, 180_000);
