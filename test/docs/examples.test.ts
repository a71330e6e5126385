/**
 * The documented commands, run as they stand by bash against the local tenant and the service, give the
 * documented answers. Only addresses are replaced.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { loadConfig } from '../../config/load.ts';
import { startTenant } from '../../packages/local-tenant/src/tenant.ts';
import { createService } from '../../src/composition/service.ts';
import { type Fence, pageAt, ROOT } from './documents.ts';
import { EXAMPLE_PAGES, talksToDemo } from './example-pages.ts';

interface Example {
  readonly command: string;
  /** What the page shows below the command, if anything. */
  readonly answer: Fence | undefined;
}

/** The `sh` blocks that talk to the demo, each with the block that follows it. */
function examplesIn(path: string): Example[] {
  const { fences } = pageAt(path);
  return fences.flatMap((fence, index) => {
    if (!talksToDemo(fence)) return [];
    const next = fences[index + 1];
    return [
      { command: fence.text, answer: next && /^(?:json|http|text)$/.test(next.info) ? next : undefined },
    ];
  });
}

const MARK = '=== end of answer ===';

/** Runs all commands in one shell, so that what an earlier one sets is there for a later one. */
async function answersTo(examples: readonly Example[], addresses: ReadonlyMap<string, string>) {
  const script = examples.map(({ command }) => `${command}\nprintf '\\n%s\\n' '${MARK}'\n`).join('');
  const localised = [...addresses].reduce((text, [shown, real]) => text.replaceAll(shown, real), script);
  const folder = mkdtempSync(join(tmpdir(), 'examples-'));
  try {
    const { stdout } = await promisify(execFile)('bash', ['-euc', localised], { cwd: folder });
    return stdout.split(`\n${MARK}\n`).slice(0, -1);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A value in which whatever is another each time stands for its kind. */
function settled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(settled);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => {
      if (key === 'request_id' && /^[\w-]{8,64}$/.test(String(child))) return [key, 'an id'];
      if (key === 'updated_at' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(String(child))) return [key, 'a time'];
      return [key, settled(child)];
    }),
  );
}

const fieldName = (line: string): string => line.split(':')[0] ?? '';

/** What an answer says: of its header fields, those that a page shows because they matter there. */
function meaning(answer: string, { info, text: shown }: Fence): unknown {
  const text = answer.replaceAll('\r', '').trim();
  if (info === 'text') return text;
  if (info === 'json') return settled(JSON.parse(text));
  const names = new Set(shown.split('\n\n')[0]?.split('\n').map(fieldName));
  const [head = '', body = ''] = text.split(/\n\n([\s\S]*)/);
  return {
    head: head.split('\n').filter((line) => line.startsWith('HTTP/') || names.has(fieldName(line))),
    body: body === '' ? undefined : settled(JSON.parse(body)),
  };
}

const stops: Array<() => Promise<void>> = [];
afterAll(() => Promise.all(stops.map((stop) => stop())));

/** The service before a tenant of its own, as the demo starts both. */
async function startStack(settings: Readonly<Record<string, string>>) {
  const tenant = await startTenant();
  stops.push(() => tenant.stop());
  const config = loadConfig(
    {
      HOST: '127.0.0.1',
      PORT: '0',
      OPS_PORT: '0',
      LOG_LEVEL: 'silent',
      AUDIT_LOG: 'off',
      AUDIENCE: tenant.apiAudience,
      ISSUER_BASE_URL: tenant.url,
      AUTH0_MANAGEMENT_URL: tenant.url,
      AUTH0_CLIENT_ID: 'local-bff',
      AUTH0_CLIENT_SECRET: 'local-secret',
      POLICY_FILE: join(ROOT, 'demo', 'policy.json'),
      ...settings,
    },
    (file) => readFileSync(file, 'utf8'),
  );
  const service = await createService(config);
  stops.push(() => service.stop());
  const { port, opsPort } = await service.start();
  return {
    tenantUrl: tenant.url,
    apiUrl: `http://127.0.0.1:${port}`,
    opsUrl: `http://127.0.0.1:${opsPort}`,
  };
}

describe.each([...EXAMPLE_PAGES])('the commands of %s', (path, settings) => {
  const examples = examplesIn(path);
  let answers: readonly string[] = [];

  beforeAll(async () => {
    const { apiUrl, tenantUrl } = await startStack(settings);
    const addresses = new Map([
      ['http://localhost:3000', apiUrl],
      ['http://localhost:4400', tenantUrl],
    ]);
    answers = await answersTo(examples, addresses);
  });

  test('all ran to their end', () => {
    expect(examples.length).toBeGreaterThan(1);
    expect(answers).toHaveLength(examples.length);
  });

  const shown = examples.flatMap(({ command, answer }, index) =>
    answer ? [{ summary: command.split('\n')[0] ?? '', answer, index }] : [],
  );
  test.each(shown)('$summary ($index) answers what is shown', ({ answer, index }) => {
    expect(meaning(answers[index] ?? '', answer)).toEqual(meaning(answer.text, answer));
  });
});

test('api.md lists every resource, and operations.md every check', async () => {
  const { apiUrl, opsUrl } = await startStack({ AUTH0_COMPAT: 'true', AUTH0_EVENTS: 'true' });
  const answer = await fetch(`${apiUrl}/openapi.json`);
  const paths = Object.keys(Object(Object(await answer.json()).paths));
  const { text } = pageAt('docs/api.md');
  expect(paths).toContain('/me/metadata');
  expect(paths.filter((path) => !text.includes(`\`${path}\``))).toEqual([]);

  const readiness = await fetch(`${opsUrl}/readyz`);
  const checks = Object.keys(Object(Object(await readiness.json()).checks));
  const operations = pageAt('docs/operations.md').text;
  expect(checks).toContain('signing_keys');
  expect(checks.filter((name) => !operations.includes(`| \`${name}\``))).toEqual([]);
});
