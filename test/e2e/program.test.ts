import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTenant, type Tenant } from '../../packages/local-tenant/src/tenant.ts';
import { INJECTED, runProgram } from './program.ts';

let tenant: Tenant;

beforeAll(async () => {
  tenant = await startTenant({ latencyMs: 20 });
});
afterAll(() => tenant.stop());

function environment(): Record<string, string> {
  return {
    AUDIENCE: tenant.apiAudience,
    ISSUER_BASE_URL: tenant.url,
    AUTH0_MANAGEMENT_URL: tenant.url,
    AUTH0_CLIENT_ID: 'local-bff',
    AUTH0_CLIENT_SECRET: 'local-secret',
    USER_READS_PER_MINUTE: '100000',
    USER_WRITES_PER_MINUTE: '100000',
  };
}

async function mintToken(sub: string): Promise<string> {
  const response = await fetch(`${tenant.url}/_local/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sub, scope: 'read:metadata update:metadata' }),
  });
  const body: unknown = await response.json();
  return String(typeof body === 'object' && body !== null ? Reflect.get(body, 'access_token') : '');
}

async function order(method: string, path: string, body?: unknown): Promise<string> {
  const response = await fetch(`${tenant.url}/_local${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return response.text();
}

describe('the program without configuration', () => {
  test('names everything that is missing at once, and no value', async () => {
    const program = runProgram({ AUTH0_CLIENT_SECRET: 's3cret-value', AUTH0_TYPO: 'x', PORT: 'many' });
    expect(await program.ends()).toBe(1);
    // The last is a warning.
    for (const name of ['AUDIENCE', 'AUTH0_DOMAIN', 'AUTH0_CLIENT_ID', 'PORT', 'AUTH0_TYPO']) {
      expect(program.output()).toContain(`- ${name}: `);
    }
    expect(program.output()).not.toContain('s3cret-value');
  });

  test('says which port is taken', async () => {
    const port = new URL(tenant.url).port;
    const program = runProgram({ ...environment(), PORT: port });
    expect(await program.ends()).toBe(1);
    expect(program.output()).toContain(`127.0.0.1:${port} is taken by another process`);
  });
});

describe('the program with what a platform injects', () => {
  test('starts, and logs each warning once', async () => {
    const { OPS_PORT: _taken, ...others } = INJECTED;
    const program = runProgram({ ...environment(), ...others });
    await program.prints(/"event":"started"/);
    expect(program.output().match(/"event":"configuration_warning"/g)).toHaveLength(1);
    expect(program.output()).toContain('AUTH0_DOMIAN: unknown variable');
    expect(program.output()).not.toMatch(/LEAK|10\.0\.0|xray/);
    program.signal('SIGTERM');
    expect(await program.ends()).toBe(0);
  });
});

describe('check', () => {
  test('reaches everything, names the scopes that are too many, and ends with 0', async () => {
    const program = runProgram(environment(), 'check');
    expect(await program.ends()).toBe(0);
    expect(program.output()).toMatch(/ok +management api +answers/);
    expect(program.output()).toMatch(/warning +scope not needed +read:events/);
    expect(program.output()).toMatch(
      /warning +public url +DPoP proofs .* follow the Host header .*set PUBLIC_URL/,
    );
  });

  test('ends with 1 when the tenant does not accept the client, whose secret it does not print, and the audit log cannot be written', async () => {
    const wrong = { AUTH0_CLIENT_SECRET: 'wrong-secret-value', AUDIT_LOG: '/no-such-folder/audit.log' };
    const program = runProgram({ ...environment(), ...wrong }, 'check');
    expect(await program.ends()).toBe(1);
    expect(program.output()).toMatch(
      /failed +token endpoint +upstream_refused \(oauth\.token answered 401\)/,
    );
    expect(program.output()).toMatch(/failed +audit log +ENOENT/);
    expect(program.output()).not.toContain('wrong-secret-value');
  });
});

describe('starting with LEAST_PRIVILEGE=enforce', () => {
  test('is refused for a client that holds more than is needed', async () => {
    const program = runProgram({ ...environment(), LEAST_PRIVILEGE: 'enforce' });
    expect(await program.ends()).toBe(1);
    expect(program.output()).toContain('read:clients read:events');
  });

  test('waits for a tenant that cannot be reached, and ends once it is known that the client holds too much', async () => {
    await order('PUT', '/faults', { route: 'token', status: 503 });
    const program = runProgram({ ...environment(), LEAST_PRIVILEGE: 'enforce' });
    await program.prints(/"event":"started"/);
    await order('DELETE', '/faults');
    expect(await program.ends()).toBe(1);
    expect(program.output()).toContain('read:clients read:events');
  });

  test('succeeds with a client that holds no more than is needed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'privileges-'));
    const policy = join(folder, 'policy.json');
    await writeFile(policy, '{"clientMetadata":{"readable":["theme"]}}');
    const needsAll = { AUTH0_EVENTS: 'true', POLICY_FILE: policy };
    const program = runProgram({ ...environment(), ...needsAll, LEAST_PRIVILEGE: 'enforce' });
    await program.prints(/"event":"started"/);
    program.signal('SIGTERM');
    expect(await program.ends()).toBe(0);
    expect(program.output()).not.toContain('management scopes not needed');
  });
});

describe('a kept connection to the tenant that is closed when a write arrives', () => {
  test('costs its caller nothing once, and is an unknown outcome when it goes on', async () => {
    const program = runProgram(environment());
    const [, port] = await program.prints(/"port":(\d+)/);
    const headers = {
      authorization: `Bearer ${await mintToken('auth0|kept')}`,
      'content-type': 'application/json',
    };
    const ask = (init: RequestInit = {}) =>
      fetch(`http://127.0.0.1:${port}/me/metadata`, { headers, ...init });
    const patch = (value: number) => ask({ method: 'PATCH', body: JSON.stringify({ n: { value } }) });
    await order('PUT', '/users/auth0%7Ckept', { user_metadata: { n: { value: 0 } } });
    expect((await ask()).status).toBe(200);

    await order('DELETE', '/calls');
    await order('PUT', '/faults', { route: 'management.patch', drop: true, times: 1 });
    expect((await patch(1)).status).toBe(200);
    await order('PUT', '/faults', { route: 'management.patch', drop: true });
    const failed = await patch(2);
    await order('DELETE', '/faults');
    expect([failed.status, await failed.json()]).toEqual([
      503,
      expect.objectContaining({ code: 'upstream_unavailable', outcome: 'unknown' }),
    ]);
    const calls: Array<{ method: string }> = JSON.parse(await order('GET', '/calls'));
    expect(calls.filter(({ method }) => method === 'PATCH')).toHaveLength(4);
    program.signal('SIGTERM');
    expect(await program.ends()).toBe(0);
  });
});

describe('SIGTERM under load', () => {
  test('fails no request, asks each caller to leave, and ends with 0', async () => {
    const program = runProgram({ ...environment(), LOG_LEVEL: 'info' });
    const [, port] = await program.prints(/"port":(\d+)/);
    const token = await mintToken('auth0|jane');
    const statuses: number[] = [];

    /** Calls until it is asked to leave, as a load balancer's connections are. */
    async function caller(): Promise<void> {
      for (let leave = false; !leave; ) {
        const response = await fetch(`http://127.0.0.1:${port}/me/metadata`, {
          headers: { authorization: `Bearer ${token}`, 'cache-control': 'no-cache' },
        });
        await response.arrayBuffer();
        statuses.push(response.status);
        if (statuses.length === 40) program.signal('SIGTERM');
        leave = response.headers.get('connection') === 'close';
      }
    }

    await Promise.all([1, 2, 3, 4].map(() => caller()));
    expect(await program.ends()).toBe(0);
    expect(statuses.length).toBeGreaterThan(40);
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(program.output()).toContain('"event":"stopped"');
  });
});
