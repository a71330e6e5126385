import { afterEach, describe, expect, test } from '@jest/globals';
import { startTenant, type Tenant, type TenantOptions } from '../../packages/local-tenant/src/tenant.ts';
import { openSse, type SseReader } from '../support/sse.ts';
import { until } from '../support/until.ts';
import { fetchMachineToken, postJson, putJson, requestJson, sendJson } from './tenant-client.ts';

const readers: SseReader[] = [];
const tenants: Tenant[] = [];
afterEach(async () => {
  await Promise.all(readers.splice(0).map((reader) => reader.close()));
  await Promise.all(tenants.splice(0).map((tenant) => tenant.stop()));
});

const JANE = 'auth0%7Cjane';

async function start(options: TenantOptions = {}) {
  const tenant = await startTenant(options);
  tenants.push(tenant);
  const token = await fetchMachineToken(tenant.url, {
    client_id: 'local-bff',
    client_secret: 'local-secret',
    audience: tenant.managementAudience,
  });
  const url = `${tenant.url}/api/v2/events`;
  const authorization = `Bearer ${token}`;
  return {
    tenant,
    url,
    edit: (theme: string) => putJson(`${tenant.url}/_local/users/${JANE}`, { user_metadata: { theme } }),
    patch: (theme: string) =>
      sendJson('PATCH', `${tenant.url}/api/v2/users/${JANE}`, { user_metadata: { theme } }, token),
    refused: (query = '', headers: Record<string, string> = {}) =>
      requestJson(`${url}${query}`, { headers: { authorization, ...headers } }),
    open: async (query = '', headers: Record<string, string> = {}) => {
      const reader = await openSse(`${url}${query}`, { authorization, ...headers });
      readers.push(reader);
      await reader.received(/retry/);
      return reader;
    },
  };
}

function themeIn(data: Record<string, unknown>): unknown {
  const text = JSON.stringify(data['event']);
  return /"object":.*?"theme":"(\w+)"/.exec(text)?.[1];
}

describe('a stream of events', () => {
  test('begins as documented and tells of a change in the documented form', async () => {
    const { tenant, open, edit } = await start();
    const reader = await open();
    await edit('light');
    const { event, id, data } = await reader.next();
    expect(reader.text()).toMatch(/^:connected\n\nretry: 2000\n\nevent: user\.updated\nid: \d+\ndata: \{/);
    expect(reader.response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect([event, JSON.parse(data)]).toEqual([
      'user.updated',
      {
        offset: id,
        event: {
          specversion: '1.0',
          type: 'user.updated',
          source: `urn:auth0:${new URL(tenant.url).host}`,
          id: expect.stringMatching(/^evt_[a-zA-Z0-9]{22}$/),
          time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
          a0tenant: 'local',
          a0stream: expect.stringMatching(/^est_[a-zA-Z0-9]{22}$/),
          data: {
            object: expect.objectContaining({ user_id: 'auth0|jane', user_metadata: { theme: 'light' } }),
            previous_object: expect.objectContaining({
              user_metadata: expect.objectContaining({ theme: 'dark' }),
            }),
          },
        },
      },
    ]);
  });

  test('tells of changes made through either API, of new users and of deleted ones', async () => {
    const { tenant, open, patch, edit } = await start();
    const reader = await open();
    await patch('one');
    await edit('two');
    await putJson(`${tenant.url}/_local/users/auth0%7Cnew`, {});
    await fetch(`${tenant.url}/_local/users/auth0%7Cnew`, { method: 'DELETE' });
    const types = [await reader.next(), await reader.next(), await reader.next(), await reader.next()];
    expect(types.map(({ event }) => event)).toEqual([
      'user.updated',
      'user.updated',
      'user.created',
      'user.deleted',
    ]);
  });

  test('has only the types asked for, and its offset moves on all the same', async () => {
    const { tenant, open, edit } = await start({ eventsHeartbeatMs: 20 });
    const reader = await open('?event_type=user.deleted&event_type=user.created');
    const before = await reader.nextData('offset-only');
    await edit('light');
    await putJson(`${tenant.url}/_local/users/auth0%7Cnew`, {});
    const created = await reader.nextData('user.created');
    expect(Number(created['offset'])).toBe(Number(before['offset']) + 2);
    await reader.received(/: heartbeat\n\n/);
    expect(reader.text()).not.toContain('user.updated');
  });
});

describe('a stream is resumed', () => {
  test.each(['from', 'last-event-id'])('by %s without loss, with the same events', async (way) => {
    const { open, edit } = await start();
    const first = await open();
    await edit('one');
    await edit('two');
    const [one, two] = [await first.next(), await first.next()];
    await first.close();
    await edit('three');
    const offset = String(one.id);
    const again =
      way === 'from' ? await open(`?from=${offset}`) : await open('?from=1', { 'last-event-id': offset });
    expect(await again.next()).toEqual(two);
    expect(themeIn(await again.nextData('user.updated'))).toBe('three');
  });

  test('by from_timestamp', async () => {
    const { open, edit } = await start();
    await edit('early');
    const since = await open(`?from_timestamp=${new Date(Date.now() - 60_000).toISOString()}`);
    expect(themeIn(await since.nextData('user.updated'))).toBe('early');
    const later = await open(`?from_timestamp=${new Date(Date.now() + 60_000).toISOString()}`);
    await edit('late');
    expect(themeIn(await later.nextData('user.updated'))).toBe('late');
  });

  test('after the tenant has closed it, as it does every few minutes', async () => {
    const { open, edit } = await start({ eventsCycleMs: 150 });
    const reader = await open();
    await edit('one');
    const { id } = await reader.next();
    expect(await reader.ended).toBe('ended');
    await edit('two');
    expect(themeIn(await (await open(`?from=${id}`)).nextData('user.updated'))).toBe('two');
  });
});

describe('a stream is refused', () => {
  test('without a token, and without the scope read:events', async () => {
    const { tenant, url } = await start();
    const order = { sub: 'x@clients', audience: tenant.managementAudience, scope: 'read:users' };
    const { body } = await postJson(`${tenant.url}/_local/token`, order);
    const weak = { authorization: `Bearer ${String(body['access_token'])}` };
    expect((await requestJson(url)).status).toBe(401);
    const { status, body: refusal } = await requestJson(url, { headers: weak });
    expect([status, refusal['message']]).toEqual([403, 'Insufficient scope, expected any of: read:events']);
  });

  test.each(['?from=elsewhere', '?event_type=user.renamed', '?from_timestamp=yesterday'])(
    'with 400 for %s',
    async (query) => {
      const { refused } = await start();
      expect((await refused(query)).body).toMatchObject({ statusCode: 400, error: 'Bad Request' });
    },
  );

  test('with 410 for an offset that is no longer kept, or of an earlier tenant', async () => {
    const { open, edit, refused } = await start({ eventsKept: 2 });
    const reader = await open();
    await edit('one');
    const { id } = await reader.next();
    await edit('two');
    await edit('three');
    expect(themeIn(await (await open(`?from=${id}`)).nextData('user.updated'))).toBe('two');
    await edit('four');
    expect(await refused(`?from=${id}`)).toMatchObject({
      status: 410,
      body: { statusCode: 410, error: 'Gone' },
    });
    expect((await refused('?from=1700000000000000')).status).toBe(410);
  });

  test.each([
    ['free', 1],
    ['self-service', 4],
    ['enterprise', 8],
  ] as const)('with 429 beyond what the plan %s allows', async (plan, connections) => {
    const { open, refused } = await start({ plan });
    await Promise.all(Array.from({ length: connections }, () => open()));
    const { status, headers } = await refused();
    expect([status, headers.get('retry-after')]).toEqual([429, '2']);
  });

  test('no longer once a place is free', async () => {
    const { open, refused } = await start({ plan: 'self-service' });
    const all = await Promise.all([open(), open(), open(), open()]);
    await all[0]?.close();
    const reader = await until(() => open().catch(() => undefined));
    expect(reader.response.status).toBe(200);
    expect((await refused()).status).toBe(429);
  });
});

describe('faults on events', () => {
  test('refuse, drop and delay a stream, and then no more', async () => {
    const { tenant, refused, open } = await start();
    const fault = (order: object) => putJson(`${tenant.url}/_local/faults`, { route: 'events', ...order });
    await fault({ status: 503, times: 1 });
    expect((await refused()).status).toBe(503);
    await fault({ drop: true, times: 1 });
    await expect(refused()).rejects.toThrow('fetch failed');
    const calls = async (): Promise<unknown[]> =>
      JSON.parse(await (await fetch(`${tenant.url}/_local/calls`)).text());
    await fetch(`${tenant.url}/_local/calls`, { method: 'DELETE' });
    await fault({ delay_ms: 600_000, headers: { 'x-late': 'yes' }, times: 1 });
    let opened = false;
    const late = open().finally(() => {
      opened = true;
    });
    await until(async () => ((await calls()).length > 0 ? true : undefined));
    await open();
    expect(opened).toBe(false);
    await fetch(`${tenant.url}/_local/faults`, { method: 'DELETE' });
    expect((await late).response.headers.get('x-late')).toBe('yes');
    expect((await fault({ status: 500, after_apply: true })).status).toBe(400);
  });
});

test('a tenant that stops ends its streams', async () => {
  const { tenant, open } = await start();
  const reader = await open();
  await tenant.stop();
  expect(await reader.ended).toBe('ended');
});
