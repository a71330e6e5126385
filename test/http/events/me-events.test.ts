import { describe, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { expectProblem } from '../../support/problem.ts';
import { sendAndLeave } from '../../support/raw-http.ts';
import type { SseReader } from '../../support/sse.ts';
import { until } from '../../support/until.ts';
import { feedOpen, openStage, personAt } from './stage.ts';

const UPDATED = 'metadata.updated';
const OPENED = 'stream.opened';

/** What a stream has told so far, in order. */
function keysIn(text: string): string[] {
  return [...text.matchAll(/"keys":(\[.*?\])/g)].map(([, keys = '']) => keys);
}

describe('a stream of one’s own events', () => {
  test('tells of a change made here: which keys, and the tag of what to read', async () => {
    const { jane } = await openStage({ env: { AUTH0_EVENTS: 'false' } });
    const before = await jane.read();
    const reader = await jane.follow();
    const opened = before.headers.get('etag');
    expect(reader.text()).toMatch(/^retry: \d{4}\n/);
    expect(await reader.next()).toEqual({
      id: opened,
      event: OPENED,
      data: JSON.stringify({ etag: opened }),
    });
    await jane.patch({ theme: 'light', language: null, added: 1 });
    const { event, id, data } = await reader.next();
    const etag = (await jane.read()).headers.get('etag');
    expect({ event, id, data: JSON.parse(data) }).toEqual({
      event: UPDATED,
      id: etag,
      data: { etag, keys: ['added', 'language', 'theme'] },
    });
  });

  test('tells of a change made in the dashboard', async () => {
    const { dashboard, jane } = await openStage();
    await feedOpen(dashboard);
    const reader = await jane.follow();
    await dashboard.edit({ theme: 'light' });
    const { keys } = await reader.nextData(UPDATED);
    expect(keys).toEqual(['language', 'notifications', 'theme']);
  });

  test('has the header fields that keep proxies and caches out of the way', async () => {
    const { jane } = await openStage({ env: { CORS_ORIGINS: 'https://app.example.com' } });
    const { response } = await jane.follow({ origin: 'https://app.example.com' });
    const names = ['content-type', 'cache-control', 'x-accel-buffering', 'access-control-allow-origin'];
    expect(names.map((name) => response.headers.get(name))).toEqual([
      'text/event-stream',
      'no-store',
      'no',
      'https://app.example.com',
    ]);
    expect(response.headers.get('x-request-id')).toMatch(/^[\w-]+$/);
  });

  test('says nothing when nothing changed, and sums up what changed at once', async () => {
    const { jane } = await openStage({ env: { AUTH0_EVENTS: 'false' } });
    const reader = await jane.follow();
    await jane.patch({ theme: 'dark' });
    await Promise.all([jane.patch({ a: 1 }), jane.patch({ b: 2 }), jane.patch({ c: 3 })]);
    const told = new Set<string>();
    while (told.size < 3) {
      const { keys } = await reader.nextData(UPDATED);
      for (const key of Array.isArray(keys) ? keys : []) told.add(String(key));
    }
    expect([...told].toSorted()).toEqual(['a', 'b', 'c']);
    expect(reader.text()).not.toContain('theme');
  });

  test('costs one read of the tenant, however many streams the user has', async () => {
    const { dashboard, jane } = await openStage();
    await feedOpen(dashboard);
    const readers = await Promise.all([1, 2, 3, 4, 5].map(() => jane.follow()));
    const before = (await dashboard.calls('/api/v2/users')).length;
    await dashboard.edit({ theme: 'light' });
    await Promise.all(readers.map((reader) => reader.nextData(UPDATED)));
    expect((await dashboard.calls('/api/v2/users')).length).toBe(before + 1);
  });

  test('is for its own user only: another user’s changes are not sent', async () => {
    const { dashboard, service, jane } = await openStage();
    await feedOpen(dashboard);
    const omar = personAt(service, await dashboard.token({ sub: 'auth0|omar' }));
    const [hers, his] = [await jane.follow(), await omar.follow()];
    await dashboard.edit({ theme: 'his' }, 'auth0|omar');
    expect(await his.nextData(UPDATED)).toMatchObject({ keys: ['theme'] });
    await dashboard.edit({ theme: 'hers' });
    await hers.nextData(UPDATED);
    expect([keysIn(hers.text()).length, keysIn(his.text()).length]).toEqual([1, 1]);
  });

  test('does not exist for what the application may not see', async () => {
    const policy = { clients: { 'narrow-app': { readable: ['theme'] } } };
    const { dashboard, service, jane } = await openStage({ policy });
    await feedOpen(dashboard);
    const narrow = personAt(service, await dashboard.token({ client_id: 'narrow-app' }));
    const [all, some] = [await jane.follow(), await narrow.follow()];
    await dashboard.edit({ theme: 'dark', secret: 'one' });
    await all.nextData(UPDATED);
    await dashboard.edit({ theme: 'light', secret: 'two' });
    const { etag, keys } = await some.nextData(UPDATED);
    expect([etag, keys]).toEqual([(await narrow.read()).headers.get('etag'), ['theme']]);
    expect(keysIn(some.text())).toEqual(['["theme"]']);
  });
});

describe('connecting again', () => {
  test('with the tag last seen tells at once what was missed, and nothing when nothing was', async () => {
    const { jane } = await openStage({ env: { AUTH0_EVENTS: 'false' } });
    const seen = (await jane.read()).headers.get('etag') ?? '';
    const upToDate = await jane.follow({ 'last-event-id': seen });
    await jane.patch({ theme: 'light' });
    expect(await upToDate.nextData(UPDATED)).toMatchObject({ keys: ['theme'] });
    const late = await jane.follow({ 'last-event-id': seen });
    const etag = (await jane.read()).headers.get('etag');
    // Without an id: a client that loses the connection here has not had the message.
    expect(await late.next()).toEqual({ id: undefined, event: OPENED, data: JSON.stringify({ etag }) });
    expect(await late.next()).toMatchObject({ id: etag, event: UPDATED });
    expect(keysIn(late.text())).toEqual(['["language","notifications","theme"]']);
  });
});

describe('a stream ends', () => {
  test('when the token expires', async () => {
    const { dashboard, service } = await openStage();
    const token = await dashboard.token({ expires_in: 1 });
    // It is accepted for five seconds more, for the sake of clocks; the stream ends with the token all the same.
    const reader = await personAt(service, token).follow();
    expect(await reader.ended).toBe('ended');
    const { exp } = decodeJwt(token);
    expect(Date.now() / 1000).toBeGreaterThanOrEqual(exp ?? Number.POSITIVE_INFINITY);
    const line = await until(() => service.lines.find((each) => each.includes('"/me/events"')));
    expect(JSON.parse(line)).toMatchObject({ route: '/me/events', status: 200 });
  });

  test('when the user is deleted', async () => {
    const { dashboard, jane } = await openStage();
    await feedOpen(dashboard);
    const reader = await jane.follow();
    await dashboard.remove();
    expect(await reader.ended).toBe('ended');
    expect(keysIn(reader.text())).toEqual([]);
  });

  test('when the service stops, which then takes no new ones and closes soon', async () => {
    const { service, jane } = await openStage();
    const readers = await Promise.all([1, 2, 3].map(() => jane.follow()));
    const stopped = service.stop();
    expect(await Promise.all(readers.map(({ ended }) => ended))).toEqual(['ended', 'ended', 'ended']);
    const late = await jane.ask();
    expect(late.headers.get('retry-after')).toBe('1');
    await expectProblem(late, 503, 'draining');
    await stopped;
  });
});

test('a stream ends when the issuer retires the key of its token, and others go on', async () => {
  const { tenant, service, dashboard, jane } = await openStage({ env: { AUTH0_EVENTS: 'false' } });
  const old = await jane.follow();
  await fetch(`${tenant.url}/_local/keys/rotate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"retire":true}',
  });
  const newer = await personAt(service, await dashboard.token()).follow();
  expect(await old.ended).toBe('ended');
  await expectProblem(await jane.ask(), 401, 'token_invalid');
  expect((await personAt(service, await dashboard.token()).patch({ theme: 'light' })).status).toBe(200);
  expect(await newer.nextData(UPDATED)).toMatchObject({ keys: ['theme'] });
});

describe('an outage of the tenant', () => {
  test('is waited out by an open stream', async () => {
    const { dashboard, jane } = await openStage();
    await feedOpen(dashboard);
    const reader = await jane.follow();
    await dashboard.fault({ route: 'management.get', status: 500, times: 1 });
    await dashboard.edit({ theme: 'light' });
    expect(await reader.nextData(UPDATED)).toMatchObject({ keys: ['language', 'notifications', 'theme'] });
  });

  test('is a problem for a new one of which nothing is known', async () => {
    const { dashboard, jane } = await openStage({ env: { AUTH0_EVENTS: 'false' } });
    await dashboard.fault({ route: 'management.get', status: 500 });
    await expectProblem(await jane.ask(), 503, 'upstream_unavailable');
    await dashboard.heal();
    expect((await jane.follow()).response.status).toBe(200);
  });
});

describe('a request for a stream', () => {
  test('beyond five of one user is refused, until one of them is closed', async () => {
    const { dashboard, service, jane } = await openStage();
    const readers = await Promise.all([1, 2, 3, 4, 5].map(() => jane.follow()));
    const refused = await jane.ask();
    expect(refused.headers.get('retry-after')).toBe('5');
    await expectProblem(refused, 429, 'rate_limited');
    await personAt(service, await dashboard.token({ sub: 'auth0|omar' })).follow();
    await readers[0]?.close();
    await until(() => jane.follow().catch(() => undefined));
  });

  test('is refused as by every resource, and knows the methods of one that can be read', async () => {
    const { dashboard, service, jane } = await openStage();
    const asked = async (order: Record<string, unknown>) =>
      personAt(service, await dashboard.token(order)).ask();
    await expectProblem(await asked({ scope: 'update:metadata' }), 403, 'scope_missing');
    await expectProblem(await asked({ sub: 'auth0|unknown' }), 404, 'user_not_found');
    await expectProblem(await asked({ expires_in: -60 }), 401, 'token_invalid');
    await expectProblem(await jane.ask({ accept: 'application/json' }), 406, 'not_acceptable');
    await expectProblem(await jane.ask({ accept: 'text/event-stream;q=0, */*' }), 406, 'not_acceptable');
    await jane.follow({ accept: 'text/event-stream; charset=utf-8' });
    await expectProblem(await jane.ask({}, 'POST'), 405, 'method_not_allowed');
    const head = await jane.ask({}, 'HEAD');
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    const options = await jane.ask({}, 'OPTIONS');
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS']);
  });

  test('whose client leaves gives its place back, also while it is being opened', async () => {
    const { service, dashboard, jane, token } = await openStage({ env: { AUTH0_EVENTS: 'false' } });
    await dashboard.fault({ route: 'management.get', delay_ms: 200, times: 1 });
    const port = Number(new URL(service.url).port);
    const request = `GET /me/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`;
    await Promise.all([1, 2, 3, 4, 5].map(() => sendAndLeave(port, request)));
    const readers: SseReader[] = [];
    while (readers.length < 5) readers.push(await until(() => jane.follow().catch(() => undefined)));
    const refused = await jane.ask();
    expect(refused.status).toBe(429);
    await expectProblem(refused, 429, 'rate_limited');
  });
});
