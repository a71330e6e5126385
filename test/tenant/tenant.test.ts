import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { get, type RequestOptions } from 'node:https';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from '@jest/globals';
import { parseEnvironment } from '../../packages/local-tenant/src/environment.ts';
import { startTenant, type Tenant, type TenantOptions } from '../../packages/local-tenant/src/tenant.ts';
import { createUserChanges, createUserStore } from '../../packages/local-tenant/src/user-store.ts';
import { until } from '../support/until.ts';
import { fetchMachineToken, putJson, requestJson } from './tenant-client.ts';

const running: Tenant[] = [];
afterEach(() => Promise.all(running.splice(0).map((tenant) => tenant.stop())));

async function start(options: TenantOptions = {}): Promise<Tenant> {
  const tenant = await startTenant(options);
  running.push(tenant);
  return tenant;
}

async function readJane(tenant: Tenant, token?: string) {
  const bearer = token ?? (await machineToken(tenant));
  const headers = { authorization: `Bearer ${bearer}` };
  return requestJson(`${tenant.url}/api/v2/users/auth0%7Cjane`, { headers });
}

function machineToken({ url, managementAudience: audience }: Tenant) {
  return fetchMachineToken(url, { client_id: 'local-bff', client_secret: 'local-secret', audience });
}

describe('startTenant', () => {
  test('names itself by the port it got and answers on every loopback name', async () => {
    const tenant = await start();
    const { port } = new URL(tenant.url);
    expect(tenant).toMatchObject({
      url: `http://localhost:${port}`,
      issuer: `http://localhost:${port}/`,
      managementAudience: `http://localhost:${port}/api/v2/`,
      apiAudience: 'https://metadata-bff.local',
    });
    const discovery = ['localhost', '127.0.0.1'].map((host) =>
      requestJson(`http://${host}:${port}/.well-known/openid-configuration`),
    );
    expect((await Promise.all(discovery)).map(({ status }) => status)).toEqual([200, 200]);
  });

  test('takes users and applications of its own, and gives tokens and the variables of a service', async () => {
    const tenant = await start({
      users: { 'auth0|ada': { email: 'ada@example.com', user_metadata: { theme: 'dark' } } },
      clients: [
        {
          client_id: 'robot',
          app_type: 'non_interactive',
          client_secret: 'robot-secret',
          grants: { management: ['read:users'] },
        },
      ],
    });
    const audience = tenant.managementAudience;
    const secrets = { client_id: 'robot', client_secret: 'robot-secret', audience };
    expect(await fetchMachineToken(tenant.url, secrets)).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    const token = tenant.token({
      sub: 'auth0|ada',
      audience,
      scope: 'read:current_user',
    });
    const headers = { authorization: `Bearer ${token}` };
    const ada = await requestJson(`${tenant.url}/api/v2/users/auth0%7Cada`, { headers });
    expect([ada.status, ada.body]).toEqual([
      200,
      expect.objectContaining({ user_metadata: { theme: 'dark' } }),
    ]);
    const jane = await fetch(`${tenant.url}/_local/users/auth0%7Cjane`);
    expect(jane.status).toBe(404);
    expect(tenant.env).toMatchObject({ ISSUER_BASE_URL: tenant.url, AUDIENCE: tenant.apiAudience });
  });

  test('takes users as a list, and applications that stand in for the seeded ones', async () => {
    const tenant = await start({
      users: [{ user_id: 'auth0|ada', email: 'ada@example.com', password: 'secret' }],
      clients: [{ client_id: 'local-spa', name: 'My app', client_metadata: { brand: 'Mine' } }],
    });
    const { body } = await requestJson(`${tenant.url}/_local/users/auth0%7Cada`);
    expect(body).toMatchObject({ user_id: 'auth0|ada', email: 'ada@example.com' });
    expect(JSON.stringify(body)).not.toContain('secret');
    const token = await machineToken(tenant);
    const headers = { authorization: `Bearer ${token}` };
    const client = await requestJson(`${tenant.url}/api/v2/clients/local-spa`, { headers });
    expect(client.body).toMatchObject({ name: 'My app', client_metadata: { brand: 'Mine' } });
  });

  test.each([
    ['an unknown option', { plans: 'free' }, 'plans'],
    ['a user id without a provider', { users: { ada: {} } }, 'users'],
    ['an API with an unknown setting', { apis: [{ identifier: 'a', scope: 'b' }] }, 'apis.0'],
    ['an Action without its function', { actions: ['exports.other = 1'] }, 'onExecutePostLogin'],
  ])('refuses %s and names it', async (_, options, name) => {
    await expect(startTenant(JSON.parse(JSON.stringify(options)))).rejects.toThrow(name);
  });

  test('starts tenants that share neither users nor keys nor faults', async () => {
    const [one, two] = await Promise.all([start(), start()]);
    await putJson(`${one.url}/_local/users/auth0%7Cjane`, { user_metadata: { mine: true } });
    await putJson(`${one.url}/_local/faults`, { route: 'jwks', status: 500 });
    expect((await readJane(two)).body['user_metadata']).toMatchObject({ theme: 'dark' });
    expect((await fetch(`${two.url}/.well-known/jwks.json`)).status).toBe(200);
    expect((await readJane(two, await machineToken(one))).status).toBe(401);
  });

  test('rejects when the port is taken and frees it when stopped', async () => {
    const first = await startTenant();
    const port = Number(new URL(first.url).port);
    await expect(startTenant({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await first.stop();
    expect((await start({ port })).url).toBe(first.url);
  });

  test('keeps to the budget of a plan: 429 without Retry-After once it is spent', async () => {
    const tenant = await start({ plan: 'free' });
    const token = await machineToken(tenant);
    const answers = await Promise.all([1, 2, 3, 4, 5, 6].map(() => readJane(tenant, token)));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]?.body).toEqual({
      statusCode: 429,
      error: 'Too Many Requests',
      message: 'Global limit has been reached',
      errorCode: 'too_many_requests',
    });
    expect(refused[0]?.headers.get('retry-after')).toBeNull();
    expect(refused[0]?.headers.get('x-ratelimit-limit')).toBe('2');
    expect(refused[0]?.headers.get('x-ratelimit-remaining')).toBe('0');
  });

  test('holds Management API answers back for the latency it was given', async () => {
    const tenant = await start({ latencyMs: 600_000 });
    const outcome = readJane(tenant, await machineToken(tenant)).catch(() => 'ended without an answer');
    await until(async () => {
      const { body } = await requestJson(`${tenant.url}/_local/calls`);
      return JSON.stringify(body).includes('/api/v2/users') ? true : undefined;
    });
    await tenant.stop();
    expect(await outcome).toBe('ended without an answer');
  });
});

describe('the command', () => {
  const main = fileURLToPath(new URL('../../.build/packages/local-tenant/src/main.js', import.meta.url));
  const run = (...args: readonly string[]) =>
    spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', timeout: 60_000 });

  test('prints how it is set up, and starts nothing', () => {
    const { status, stdout } = run('--help');
    expect([status, stdout]).toEqual([0, expect.stringContaining('TENANT_PORT')]);
  });

  test('refuses an argument, which it would not obey', () => {
    const { status, stderr } = run('--port', '5000');
    expect([status, stderr]).toEqual([2, 'local-tenant takes no arguments. See local-tenant --help.\n']);
  });
});

describe('the environment', () => {
  test('has defaults', () => {
    expect(parseEnvironment({})).toMatchObject({
      success: true,
      data: { port: 4400, plan: 'unlimited', latencyMs: 0, actions: [] },
    });
  });

  test('has every fault named at once', () => {
    const parsed = parseEnvironment({
      TENANT_PORT: '70000',
      TENANT_PLAN: 'gold',
      TENANT_LATENCY_MS: '-1',
      TENANT_ACTIONS: 'missing.js',
    });
    expect(parsed.error?.issues.map(({ path }) => path[0])).toEqual([
      'TENANT_PORT',
      'TENANT_PLAN',
      'TENANT_LATENCY_MS',
      'TENANT_ACTIONS',
    ]);
  });

  test('names files of Actions', () => {
    const file = fileURLToPath(import.meta.url);
    const parsed = parseEnvironment({ TENANT_ACTIONS: ` ${file},${file}` });
    expect(parsed.data?.actions).toEqual([
      expect.stringContaining('names files of Actions'),
      expect.stringContaining('names files of Actions'),
    ]);
  });
});

describe('the record of user changes', () => {
  test('has every change with what was before, in order, and tells its subscribers', () => {
    const changes = createUserChanges(() => 0, { keep: 3 });
    const users = createUserStore(changes, () => 1_700_000_000_000);
    const heard: string[] = [];
    const unsubscribe = changes.subscribe((change) => heard.push(`${change.offset} ${change.type}`));
    users.write('auth0|a', { attributes: { user_metadata: { n: 1 } } });
    users.write('auth0|a', { attributes: { user_metadata: { n: 2 } } });
    users.remove('auth0|a');
    unsubscribe();
    users.write('auth0|b', { attributes: {} });
    expect(heard).toEqual(['1 user.created', '2 user.updated', '3 user.deleted']);
    expect(changes.history().map(({ offset }) => offset)).toEqual([2, 3, 4]);
    expect(changes.history()[0]).toMatchObject({
      time: '1970-01-01T00:00:00.000Z',
      user: { user_metadata: { n: 2 }, updated_at: '2023-11-14T22:13:20.001Z' },
      previous: { user_metadata: { n: 1 }, updated_at: '2023-11-14T22:13:20.000Z' },
    });
  });
});

describe('TLS', () => {
  test('reaches the same tenant at the same port, for clients that trust its certificate', async () => {
    const tenant = await start();
    const { host } = new URL(tenant.url);
    const read = (options: RequestOptions) =>
      new Promise<string>((resolve, reject) => {
        const request = get(
          `https://${host}/.well-known/jwks.json`,
          { agent: false, ...options },
          (response) => {
            response.setEncoding('utf8').once('data', resolve);
          },
        );
        request.once('error', reject);
      });
    const plain = await (await fetch(`${tenant.url}/.well-known/jwks.json`)).text();
    expect(await read({ ca: tenant.certificate })).toBe(plain);
    await expect(read({})).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  });

  test('a connection that says nothing does not keep the tenant from stopping', async () => {
    const tenant = await startTenant();
    const socket = connect(Number(new URL(tenant.url).port), '127.0.0.1');
    await once(socket, 'connect');
    const closed = once(socket, 'close');
    socket.on('error', () => undefined);
    await Promise.all([tenant.stop(), closed]);
    expect(socket.destroyed).toBe(true);
  });
});
