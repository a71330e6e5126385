import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseObject } from '../support/json.ts';
import { serveTenant } from '../support/tenant-on-socket.ts';
import { AUDIENCE, mintToken } from '../support/tokens.ts';
import { until } from '../support/until.ts';
import { runProgram } from './program.ts';

const USER = 'auth0|user-1';
const server = await serveTenant();
server.tenant.user(USER, {});
const token = await mintToken({ claims: { iss: `${server.url}/`, sub: USER } });

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'audit-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

test('the audit file survives a rotation and the stop, and audit-id finds a user in it', async () => {
  const path = join(folder, 'audit.log');
  const environment = {
    AUDIENCE,
    ISSUER_BASE_URL: server.url,
    AUTH0_MANAGEMENT_URL: server.url,
    AUTH0_CLIENT_ID: 'the-machine-client',
    AUTH0_CLIENT_SECRET: 'the-secret',
    AUDIT_LOG: path,
  };
  const asked = runProgram(environment, 'audit-id', USER);
  const program = runProgram(environment);
  const [, port] = await program.prints(/"port":(\d+)/);
  const write = (theme: string) =>
    fetch(`http://127.0.0.1:${port}/me/metadata`, {
      method: 'PATCH',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ theme }),
    });

  expect((await write('dark')).status).toBe(200);
  await until(() => sizeOf(path) > 0 || undefined);
  renameSync(path, `${path}.1`);
  program.signal('SIGHUP');
  await until(() => statSync(path, { throwIfNoEntry: false }));
  expect((await write('light')).status).toBe(200);
  program.signal('SIGTERM');
  expect(await program.ends()).toBe(0);

  expect(await asked.ends()).toBe(0);
  const user = asked.output().trim();
  expect(user).toMatch(/^[\w-]{43}$/);
  const lines = [`${path}.1`, path].map((file) => readFileSync(file, 'utf8'));
  expect(lines.map((line) => parseObject(line))).toEqual([
    expect.objectContaining({ user, keys: ['theme'], outcome: 'applied' }),
    expect.objectContaining({ user, keys: ['theme'], outcome: 'applied' }),
  ]);
  expect(program.output()).not.toContain('"event":"audit"');
});
