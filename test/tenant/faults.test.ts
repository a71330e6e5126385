import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { startTenant, type Tenant } from '../../packages/local-tenant/src/tenant.ts';
import { fetchMachineToken, postJson, putJson, requestJson, sendJson } from './tenant-client.ts';

let tenant: Tenant;
let token: string;

beforeAll(async () => {
  tenant = await startTenant();
  token = await machineToken(tenant);
});
beforeEach(() => postJson(`${tenant.url}/_local/reset`, {}));
afterAll(() => tenant.stop());

function machineToken({ url, managementAudience: audience }: Tenant) {
  return fetchMachineToken(url, { client_id: 'local-bff', client_secret: 'local-secret', audience });
}

function fault(order: Record<string, unknown>) {
  return putJson(`${tenant.url}/_local/faults`, order);
}

function read() {
  return requestJson(`${tenant.url}/api/v2/users/auth0%7Cjane`, {
    headers: { authorization: `Bearer ${token}` },
  });
}

function write(userMetadata: Record<string, unknown>) {
  return sendJson('PATCH', `${tenant.url}/api/v2/users/auth0%7Cjane`, { user_metadata: userMetadata }, token);
}

async function storedMetadata() {
  return (await requestJson(`${tenant.url}/_local/users/auth0%7Cjane`)).body['user_metadata'];
}

async function callStatuses() {
  const response = await fetch(`${tenant.url}/_local/calls`);
  const calls: { status: number }[] = JSON.parse(await response.text());
  return calls.map(({ status }) => status);
}

async function callsUnderWay(count: number): Promise<void> {
  const statuses = await callStatuses();
  if (statuses.length < count) await callsUnderWay(count);
}

describe('a fault', () => {
  test('with a status alone has Auth0’s standard body, as often as told', async () => {
    await fault({ route: 'management.get', status: 429, times: 2 });
    const answers = [await read(), await read(), await read()];
    expect(answers.map(({ status }) => status)).toEqual([429, 429, 200]);
    expect(answers[0]?.body).toEqual({
      statusCode: 429,
      error: 'Too Many Requests',
      message: 'Global limit has been reached',
      errorCode: 'too_many_requests',
    });
    expect(answers[0]?.headers.get('x-ratelimit-remaining')).toBe('0');
    expect(answers[0]?.headers.get('retry-after')).toBeNull();
    expect(await callStatuses()).toEqual([429, 429, 200]);
  });

  test('stands until it is removed, one for each route', async () => {
    await fault({ route: 'management.get', status: 500 });
    await fault({ route: 'management.get', status: 503 });
    await fault({ route: 'jwks', status: 500 });
    const jwks = () => fetch(`${tenant.url}/.well-known/jwks.json`);
    expect([(await read()).status, (await read()).status, (await jwks()).status]).toEqual([503, 503, 500]);
    await fetch(`${tenant.url}/_local/faults?route=management.get`, { method: 'DELETE' });
    expect([(await read()).status, (await jwks()).status]).toEqual([200, 500]);
    await fetch(`${tenant.url}/_local/faults`, { method: 'DELETE' });
    expect((await jwks()).status).toBe(200);
  });

  test('is listed with what is left of it', async () => {
    await fault({ route: 'management.get', status: 500, times: 3 });
    await read();
    const { body } = await requestJson(`${tenant.url}/_local/faults`);
    expect(body).toEqual([{ route: 'management.get', status: 500, times: 2 }]);
  });

  test('sends a given body and headers as they are', async () => {
    await fault({
      route: 'management.get',
      status: 502,
      body: '<html>bad gateway</html>',
      headers: { 'content-type': 'text/html', 'retry-after': '7' },
    });
    const html = await fetch(`${tenant.url}/api/v2/users/auth0%7Cjane`);
    expect([html.status, html.headers.get('content-type'), html.headers.get('retry-after')]).toEqual([
      502,
      'text/html',
      '7',
    ]);
    expect(await html.text()).toBe('<html>bad gateway</html>');

    await fault({ route: 'management.get', body: ['not', 'a', 'user'] });
    expect([(await read()).status, (await read()).body]).toEqual([200, ['not', 'a', 'user']]);
  });

  test('with headers alone decorates the real answer', async () => {
    await fault({ route: 'management.get', headers: { 'x-ratelimit-remaining': '3' } });
    const { status, headers, body } = await read();
    expect([status, headers.get('x-ratelimit-remaining'), body['user_id']]).toEqual([200, '3', 'auth0|jane']);
  });

  test('with drop ends the connection without a word', async () => {
    await fault({ route: 'management.patch', drop: true, times: 1 });
    await expect(write({ dropped: true })).rejects.toThrow('fetch failed');
    expect(await storedMetadata()).not.toHaveProperty('dropped');
    expect(await callStatuses()).toEqual([0]);
  });

  test('with drop and a status cuts the answer short', async () => {
    await fault({ route: 'management.get', drop: true, status: 200, body: { user_id: 'auth0|jane' } });
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${tenant.url}/api/v2/users/auth0%7Cjane`, { headers });
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow('terminated');
    expect(await callStatuses()).toEqual([200]);
  });

  test('with after_apply fails although the change was made', async () => {
    await fault({ route: 'management.patch', after_apply: true, status: 504, times: 1 });
    expect((await write({ applied: 1 })).status).toBe(504);
    await fault({ route: 'management.patch', after_apply: true, drop: true, times: 1 });
    await expect(write({ applied_too: 2 })).rejects.toThrow('fetch failed');
    expect(await storedMetadata()).toMatchObject({ applied: 1, applied_too: 2 });
    expect(await callStatuses()).toEqual([504, 0]);
  });

  test('with a delay holds the answer, which is that of the moment of asking', async () => {
    await fault({ route: 'management.get', delay_ms: 60_000, times: 1 });
    const slow = read();
    await callsUnderWay(1);
    await write({ theme: 'light' });
    await fetch(`${tenant.url}/_local/faults`, { method: 'DELETE' });
    expect((await slow).body).toMatchObject({ user_metadata: { theme: 'dark' } });
    expect((await read()).body).toMatchObject({ user_metadata: { theme: 'light' } });
  });

  test('with a delay and a status holds the failure back until the delay ends', async () => {
    await fault({ route: 'management.get', delay_ms: 600_000, status: 500, times: 1 });
    let answered = false;
    const slow = read().finally(() => {
      answered = true;
    });
    await callsUnderWay(1);
    expect((await read()).status).toBe(200);
    expect(answered).toBe(false);
    await fetch(`${tenant.url}/_local/faults`, { method: 'DELETE' });
    expect((await slow).status).toBe(500);
  });

  test.each([
    ['token', 500, { error: 'server_error', error_description: 'Internal Server Error' }],
    ['token', 401, { error: 'access_denied', error_description: 'Unauthorized' }],
  ])('on %s with %i speaks OAuth', async (route, status, body) => {
    await fault({ route, status });
    const answer = await postJson(`${tenant.url}/oauth/token`, { grant_type: 'client_credentials' });
    expect([answer.status, answer.body]).toEqual([status, body]);
  });

  test('can hit discovery, applications and events as well', async () => {
    await fault({ route: 'discovery', status: 503 });
    await fault({ route: 'management.clients', status: 500 });
    await fault({ route: 'events', status: 410 });
    const paths = ['.well-known/openid-configuration', 'api/v2/clients/local-spa', 'api/v2/events'];
    const statuses = await Promise.all(
      paths.map(async (path) => (await fetch(`${tenant.url}/${path}`)).status),
    );
    expect(statuses).toEqual([503, 500, 410]);
  });

  test.each([
    [{ status: 500 }, /^route: /],
    [{ route: 'elsewhere', status: 500 }, /^route: /],
    [{ route: 'token', status: 99 }, /^status: /],
    [{ route: 'token', times: 0 }, /^times: /],
    [{ route: 'token', after_apply: true }, /^after_apply: /],
    [{ route: 'token', delay: 5 }, /delay/],
  ])('cannot be ordered as %j', async (order, message) => {
    const { status, body } = await fault(order);
    expect([status, body]).toEqual([
      400,
      { error: 'invalid_request', message: expect.stringMatching(message) },
    ]);
  });
});

describe('delayed answers', () => {
  test('do not keep a tenant from stopping', async () => {
    const other = await startTenant({ latencyMs: 600_000 });
    const bearer = await machineToken(other);
    const headers = { authorization: `Bearer ${bearer}` };
    const slow = fetch(`${other.url}/api/v2/users/auth0%7Cjane`, { headers });
    const [outcome] = await Promise.allSettled([slow, other.stop()]);
    expect(outcome.status).toBe('rejected');
  });
});
