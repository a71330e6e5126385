import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTenant, type Tenant } from '../../dev/tenant/tenant.ts';
import { runProgram } from './program.ts';

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

describe('the program without configuration', () => {
  test('names everything that is missing at once, and no value', async () => {
    const program = runProgram({ AUTH0_CLIENT_SECRET: 's3cret-value', AUTH0_TYPO: 'x', PORT: 'many' });
    expect(await program.ends()).toBe(1);
    for (const name of ['AUDIENCE', 'AUTH0_DOMAIN', 'AUTH0_CLIENT_ID', 'AUTH0_TYPO', 'PORT']) {
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

describe('check', () => {
  test('reaches everything, names the scopes that are too many, and ends with 0', async () => {
    const program = runProgram(environment(), 'check');
    expect(await program.ends()).toBe(0);
    expect(program.output()).toMatch(/ok +management api +answers/);
    expect(program.output()).toMatch(/warning +scope not needed +read:events/);
  });

  test('lists what in the schema has no effect, as a warning', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'policy-')), 'policy.json');
    const schema = { properties: { phone: { format: 'tel' } } };
    await writeFile(path, JSON.stringify({ userMetadata: { schema } }));
    const program = runProgram({ ...environment(), POLICY_FILE: path }, 'check');
    expect(await program.ends()).toBe(0);
    expect(program.output()).toMatch(
      /warning +schema +userMetadata\.schema\/properties\/phone\/format: the format "tel"/,
    );
  });

  test('ends with 1 when the tenant does not accept the client, and keeps the secret to itself', async () => {
    const program = runProgram({ ...environment(), AUTH0_CLIENT_SECRET: 'wrong-secret-value' }, 'check');
    expect(await program.ends()).toBe(1);
    expect(program.output()).toMatch(/failed +token endpoint +upstream_refused/);
    expect(program.output()).not.toContain('wrong-secret-value');
  });

  test('calls more scopes than needed a failure under LEAST_PRIVILEGE=enforce', async () => {
    const program = runProgram({ ...environment(), LEAST_PRIVILEGE: 'enforce' }, 'check');
    expect(await program.ends()).toBe(1);
    expect(program.output()).toMatch(/failed +scope not needed +read:clients/);
  });
});

describe('starting with LEAST_PRIVILEGE=enforce', () => {
  test('is refused for a client that holds more than is needed', async () => {
    const program = runProgram({ ...environment(), LEAST_PRIVILEGE: 'enforce' });
    expect(await program.ends()).toBe(1);
    expect(program.output()).toContain('read:clients read:events');
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
