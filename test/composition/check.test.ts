/** What `check` finds; `test/e2e/program.test.ts` runs it as a process. */
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTenant, type Tenant } from '../../packages/local-tenant/src/tenant.ts';
import { parseCommandLine } from '../../src/commands/command-line.ts';
import { INJECTED } from '../e2e/program.ts';

let tenant: Tenant;

beforeAll(async () => {
  tenant = await startTenant();
});
afterAll(() => tenant.stop());
afterEach(() => {
  jest.restoreAllMocks();
});

function exit(): never {
  throw new Error('check ended the process');
}

/** Runs the command in this process. */
async function check(changes: Readonly<Record<string, string>>) {
  const command = parseCommandLine(['check']);
  if (command.kind !== 'command') throw new Error('check is no command');
  const lines: string[] = [];
  jest.spyOn(console, 'log').mockImplementation((line) => void lines.push(String(line)));
  const env = { ...tenant.env, HOST: '127.0.0.1', PORT: '0', OPS_PORT: '0', ...changes };
  const code = await command.run({ env, exit });
  return { code, output: `${lines.join('\n')}\n` };
}

test('what a platform injects is a warning for each name, and never a value', async () => {
  const { code, output } = await check(INJECTED);
  expect(code).toBe(0);
  expect(output).toMatch(
    /warning +configuration +AUTH0_DOMIAN: unknown variable; did you mean AUTH0_DOMAIN\?/,
  );
  expect(output).toMatch(/warning +configuration +OPS_PORT: /);
  expect(output.match(/warning +configuration /g)).toHaveLength(2);
  expect(output).not.toMatch(/LEAK|10\.0\.0|xray/);
});

test('the public address is named where one is configured', async () => {
  const { code, output } = await check({ PUBLIC_URL: 'https://api.example.com/me/' });
  expect(code).toBe(0);
  expect(output).toMatch(/ok +public url +https:\/\/api\.example\.com\/me\n/);
});

test('there is a finding for each issuer, and one that does not answer is a failure', async () => {
  const other = 'http://127.0.0.1:9';
  const { code, output } = await check({ ISSUER_BASE_URL: `${tenant.url},${other}` });
  expect(code).toBe(1);
  expect(output).toMatch(new RegExp(`ok +issuer ${tenant.url}/ +${tenant.url}/ publishes 1 usable key`));
  expect(output).toMatch(new RegExp(`failed +issuer ${other}/ +keys_unavailable`));
});

test('what in the schema has no effect is a warning', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'policy-')), 'policy.json');
  const schema = { properties: { phone: { format: 'tel' } } };
  await writeFile(path, JSON.stringify({ userMetadata: { schema } }));
  const { code, output } = await check({ POLICY_FILE: path });
  expect(code).toBe(0);
  expect(output).toMatch(
    /warning +schema +userMetadata\.schema\/properties\/phone\/format: the format "tel"/,
  );
});

test('what the policy contradicts is a failure, in words that say where', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'policy-')), 'policy.json');
  const schema = { properties: { at: { 'x-stamp': { source: '/plan', value: 'now' } } } };
  const clients = { 'local-spa': { readable: ['plan'], writable: [] } };
  await writeFile(path, JSON.stringify({ userMetadata: { schema }, clients }));
  const { code, output } = await check({ POLICY_FILE: path, ALLOWED_CLIENTS: 'local-spa' });
  expect(code).toBe(1);
  expect(output).toMatch(
    /failed +configuration +userMetadata\.schema\/properties\/at\/x-stamp: no application of ALLOWED_CLIENTS may/,
  );
});

test('the code of the system that led to a failure is printed', async () => {
  const { code, output } = await check({ JWKS_URI: 'http://127.0.0.1:1/jwks' });
  expect(code).toBe(1);
  expect(output).toMatch(
    /failed +issuer and signing keys +keys_unavailable \(unreachable \(ECONNREFUSED\)\)/,
  );
});

test('more scopes than needed are a failure under LEAST_PRIVILEGE=enforce', async () => {
  const { code, output } = await check({ LEAST_PRIVILEGE: 'enforce' });
  expect(code).toBe(1);
  expect(output).toMatch(/failed +scope not needed +read:clients/);
});
