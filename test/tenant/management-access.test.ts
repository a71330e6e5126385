import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTenant, type Tenant } from '../../packages/local-tenant/src/tenant.ts';
import { fetchMachineToken, postJson, requestJson, sendJson } from './tenant-client.ts';

let tenant: Tenant;
let machineToken: string;

beforeAll(async () => {
  tenant = await startTenant();
  machineToken = await fetchMachineToken(tenant.url, {
    client_id: 'local-bff',
    client_secret: 'local-secret',
    audience: tenant.managementAudience,
  });
});
afterAll(() => tenant.stop());

async function mint(order: Record<string, unknown>): Promise<string> {
  const { body } = await postJson(`${tenant.url}/_local/token`, {
    sub: 'auth0|jane',
    scope: 'a b',
    ...order,
  });
  return String(body['access_token']);
}

function readClient(path: string, token = machineToken) {
  return requestJson(`${tenant.url}/api/v2/clients/${path}`, {
    headers: { authorization: `Bearer ${token}` },
  });
}

describe('GET /api/v2/clients', () => {
  test('gives client_metadata and honours fields', async () => {
    expect((await readClient('local-spa')).body).toMatchObject({ client_id: 'local-spa', app_type: 'spa' });
    const { body } = await readClient('local-spa?fields=client_id,client_metadata&include_fields=true');
    expect(body).toEqual({
      client_id: 'local-spa',
      client_metadata: expect.objectContaining({ brand: 'Local' }),
    });
    expect(JSON.stringify((await readClient('local-bff')).body)).not.toContain('local-secret');
  });

  test('needs read:clients, and an application that exists', async () => {
    const weak = await mint({ audience: tenant.managementAudience, scope: 'read:users' });
    expect((await readClient('local-spa', weak)).body).toMatchObject({
      statusCode: 403,
      errorCode: 'insufficient_scope',
    });
    expect((await readClient('unknown')).body).toMatchObject({ statusCode: 404, error: 'Not Found' });
  });
});

describe('Management API tokens', () => {
  test.each([
    ['another audience', {}, 401, 'Bad audience: https://metadata-bff.local'],
    ['another issuer', { claims: { iss: 'https://example.com/' } }, 401, 'Invalid token'],
    ['an unknown key', { header: { kid: 'nope' } }, 401, 'Invalid token'],
    ['no signature', { header: { alg: 'none' } }, 401, 'Invalid token'],
    ['the HMAC of the public key', { header: { alg: 'HS256' } }, 401, 'Invalid token'],
    ['a bound key', { audience: 'management', claims: { cnf: { jkt: 'x' } } }, 401, 'Invalid token'],
  ])('of %s are refused', async (_what, order, status, message) => {
    const audience = 'audience' in order ? tenant.managementAudience : undefined;
    const token = await mint({ ...order, ...(audience ? { audience } : {}) });
    const headers = { authorization: `Bearer ${token}` };
    const answer = await requestJson(`${tenant.url}/api/v2/users/auth0%7Cjane`, { headers });
    expect([answer.status, answer.body['message']]).toEqual([status, message]);
  });

  test('may name the tenant by any loopback name of its port', async () => {
    const aliases = ['127.0.0.1', '[::1]'].map((host) =>
      tenant.managementAudience.replace('localhost', host),
    );
    const statuses = aliases.map(async (audience) => {
      const token = await mint({ audience: [audience, 'other'], scope: 'read:users' });
      const headers = { authorization: `Bearer ${token}` };
      return (await fetch(`${tenant.url}/api/v2/users/auth0%7Cjane`, { headers })).status;
    });
    expect(await Promise.all(statuses)).toEqual([200, 200]);
  });
});

describe('requests the Management API cannot read', () => {
  const bodies = { 'a broken path': ['%zz', '{}', 400], 'broken JSON': ['auth0%7Cjane', '{', 400] } as const;
  test.each(Object.entries(bodies))('for %s are refused', async (_what, [id, body, status]) => {
    const answer = await sendJson('PATCH', `${tenant.url}/api/v2/users/${id}`, body, machineToken);
    expect([answer.status, answer.body['error']]).toEqual([status, 'Bad Request']);
  });

  test('because they are larger than a megabyte are refused', async () => {
    const body = { user_metadata: { blob: 'x'.repeat(1_100_000) } };
    const answer = await sendJson('PATCH', `${tenant.url}/api/v2/users/auth0%7Cjane`, body, machineToken);
    expect([answer.status, answer.body['statusCode']]).toEqual([413, 413]);
  });

  test.each(['no-pipe', '%7C'])('for the user id %s are refused', async (id) => {
    const answer = await sendJson('PATCH', `${tenant.url}/api/v2/users/${id}`, {}, machineToken);
    expect(answer.body).toMatchObject({ statusCode: 400, errorCode: 'invalid_uri' });
  });

  test('for unknown query parameters are refused', async () => {
    const headers = { authorization: `Bearer ${machineToken}` };
    const address = `${tenant.url}/api/v2/users/auth0%7Cjane`;
    const answers = ['field=email', 'include_fields=maybe'].map((query) =>
      requestJson(`${address}?${query}`, { headers }),
    );
    for (const { body } of await Promise.all(answers)) {
      expect(body).toMatchObject({ statusCode: 400, errorCode: 'invalid_query_string' });
    }
  });
});
