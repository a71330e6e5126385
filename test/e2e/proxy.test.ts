/** The service as it is deployed where Auth0 can be reached through a proxy only, by TLS. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSelfSignedCertificate } from '../../packages/local-tenant/src/certificate.ts';
import { startTenant } from '../../packages/local-tenant/src/tenant.ts';
import { parseObject } from '../support/json.ts';
import { type Proxy, startProxy } from '../support/proxy-process.ts';
import { serveTenant } from '../support/tenant-on-socket.ts';
import { AUDIENCE, mintToken } from '../support/tokens.ts';
import { until } from '../support/until.ts';
import { runProgram } from './program.ts';

const USER = 'auth0|user-1';
const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = `-----BEGIN CERTIFICATE-----\n${createSelfSignedCertificate(keys, 'localhost').toString('base64')}\n-----END CERTIFICATE-----\n`;
const server = await serveTenant({
  key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }),
  cert: pem,
});
server.tenant.user(USER, { theme: 'dark' });
const token = await mintToken({ claims: { iss: `${server.url}/`, sub: USER } });

let folder = '';
let proxy: Proxy;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'proxy-'));
  writeFileSync(join(folder, 'ca.pem'), pem);
  proxy = await startProxy({ PROXY_CREDENTIALS: 'user:LEAK@word' });
  writeFileSync(join(folder, 'proxy-url'), `http://user:LEAK%40word@${proxy.address}\n`);
});
afterAll(async () => {
  await proxy.stop();
  rmSync(folder, { recursive: true });
});

const environment = () => ({
  AUDIENCE,
  ISSUER_BASE_URL: server.url,
  AUTH0_MANAGEMENT_URL: server.url,
  AUTH0_CLIENT_ID: 'the-machine-client',
  AUTH0_CLIENT_SECRET: 'the-secret',
  NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'),
});

describe('with UPSTREAM_PROXY_URL', () => {
  test('everything that goes to Auth0 goes through the proxy, to a server that has proved its name', async () => {
    const program = runProgram({ ...environment(), UPSTREAM_PROXY_URL_FILE: join(folder, 'proxy-url') });
    const [, port] = await program.prints(/"port":(\d+)/);
    const url = `http://127.0.0.1:${port}/me/metadata`;
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    expect(await (await fetch(url, { headers })).json()).toEqual({ theme: 'dark' });
    const written = await fetch(url, { method: 'PATCH', headers, body: '{"theme":"light"}' });
    expect([written.status, await written.json()]).toEqual([200, { theme: 'light' }]);
    const routes = new Set(server.tenant.calls.map(({ route }) => route));
    expect([...routes].toSorted()).toEqual(['change', 'discovery', 'jwks', 'read', 'token']);
    expect(new Set(proxy.answers)).toEqual(new Set([`200 ${new URL(server.url).host}`]));
    expect(server.serverNames).toHaveLength(proxy.answers.length);
    expect(new Set(server.serverNames)).toEqual(new Set(['localhost']));
    program.signal('SIGTERM');
    expect(await program.ends()).toBe(0);
    expect(program.output()).not.toContain('LEAK');
  });

  test('a server that cannot prove its name gets nothing, and the check says so', async () => {
    server.tenant.heal();
    const { NODE_EXTRA_CA_CERTS: _unknown, ...others } = environment();
    const program = runProgram(
      { ...others, UPSTREAM_PROXY_URL: `http://user:LEAK%40word@${proxy.address}` },
      'check',
    );
    expect(await program.ends()).toBe(1);
    expect(program.output()).toMatch(
      /failed +token endpoint +upstream_unavailable \(unreachable \(DEPTH_ZERO_SELF_SIGNED_CERT\)\)/,
    );
    expect(program.output()).not.toContain('LEAK');
    expect(server.tenant.calls).toEqual([]);
  });

  test('a proxy that refuses is named by the check, and its credentials are not', async () => {
    const program = runProgram(
      { ...environment(), UPSTREAM_PROXY_URL: `http://user:LEAK@${proxy.address}` },
      'check',
    );
    expect(await program.ends()).toBe(1);
    expect(program.output()).toMatch(/upstream_unavailable \(unreachable \(PROXY_407\)\)/);
    expect(program.output()).not.toContain('LEAK');
  });
});

test('without it, the proxies that other programs look for are not used', async () => {
  const elsewhere = `http://${proxy.address}`;
  const before = proxy.answers.length;
  const program = runProgram(
    { ...environment(), HTTPS_PROXY: elsewhere, https_proxy: elsewhere, ALL_PROXY: elsewhere },
    'check',
  );
  await program.ends();
  expect(program.output()).toMatch(/ok +token endpoint/);
  expect(proxy.answers).toHaveLength(before);
});

test('the stream of changes goes through the proxy, too, and plain http to a tenant on this machine', async () => {
  const tenant = await startTenant({ port: 0 });
  const path = `${tenant.url}/_local/users/auth0%7Cstream`;
  const change = (theme: string) =>
    fetch(path, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user_metadata: { theme } }),
    });
  try {
    await change('dark');
    const minted = await fetch(`${tenant.url}/_local/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ sub: 'auth0|stream', scope: 'read:metadata' }),
    });
    const { access_token: local } = parseObject(await minted.text());
    const program = runProgram({
      ...environment(),
      AUDIENCE: tenant.apiAudience,
      ISSUER_BASE_URL: tenant.url,
      AUTH0_MANAGEMENT_URL: tenant.url,
      AUTH0_CLIENT_ID: 'local-bff',
      AUTH0_CLIENT_SECRET: 'local-secret',
      AUTH0_EVENTS: 'true',
      UPSTREAM_PROXY_URL: `http://user:LEAK%40word@${proxy.address}`,
    });
    const [, port] = await program.prints(/"port":(\d+)/);
    await program.prints(/change_stream_started/);
    const themeNow = async () => {
      const response = await fetch(`http://127.0.0.1:${port}/me/metadata`, {
        headers: { authorization: `Bearer ${String(local)}` },
      });
      return parseObject(await response.text())['theme'];
    };
    await until(async () => {
      const response = await fetch(`${tenant.url}/_local/calls`);
      return (await response.text()).includes('/api/v2/events') || undefined;
    });
    expect(await themeNow()).toBe('dark');
    await change('light');
    await until(async () => ((await themeNow()) === 'light' ? true : undefined));
    expect(proxy.answers.filter((line) => line === `200 ${new URL(tenant.url).host}`).length).toBeGreaterThan(
      1,
    );
    program.signal('SIGTERM');
    expect(await program.ends()).toBe(0);
  } finally {
    await tenant.stop();
  }
});
