import { describe, expect, test } from '@jest/globals';
import { parseObject } from '../support/json.ts';
import { until } from '../support/until.ts';
import {
  dashboardOf,
  eventStreams,
  feedOpen,
  openService,
  openStage,
  openTenant,
} from '../http/events/stage.ts';

const GAP = /gap/;

async function metric(opsUrl: string, name: string): Promise<number | undefined> {
  const text = await (await fetch(`${opsUrl}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(name));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

describe('a change made elsewhere', () => {
  test('in the dashboard is visible long before its cache entry ends', async () => {
    const { dashboard, jane, service } = await openStage();
    await feedOpen(dashboard);
    await jane.warm();
    await dashboard.edit({ theme: 'light' });
    await jane.sees('theme', 'light');
    expect(await metric(service.opsUrl, 'metadata_bff_change_stream_events_total{outcome="evicted"}')).toBe(
      1,
    );
    expect(await metric(service.opsUrl, 'metadata_bff_change_stream_lag_seconds')).toBeGreaterThanOrEqual(0);
  });

  test('is not seen before its cache entry ends where the feed is off', async () => {
    const { dashboard, jane } = await openStage({ env: { AUTH0_EVENTS: 'false' } });
    await jane.warm();
    await dashboard.edit({ theme: 'light' });
    expect((await jane.read()).body).toMatchObject({ theme: 'dark' });
    expect(await dashboard.calls('/api/v2/events')).toEqual([]);
  });

  test('that deletes the user ends what the cache would serve', async () => {
    const { dashboard, jane } = await openStage();
    await feedOpen(dashboard);
    await jane.warm();
    await dashboard.remove();
    const gone = await until(async () => {
      const answer = await jane.read();
      return answer.status === 404 ? answer.body : undefined;
    });
    expect(gone).toMatchObject({ code: 'user_not_found' });
  });
});

describe('a change made here', () => {
  test('comes back as an event, and costs no request for that', async () => {
    const { dashboard, jane, service } = await openStage();
    await feedOpen(dashboard);
    await jane.patch({ theme: 'light' });
    const known = 'metadata_bff_change_stream_events_total{outcome="known"}';
    await until(async () => (await metric(service.opsUrl, known)) === 1 || undefined);
    const answer = await jane.read();
    expect(answer.body).toMatchObject({ theme: 'light' });
    expect(answer.headers.get('cache-status')).toMatch(/; hit; ttl=/);
  });
});

describe('a stream', () => {
  test('that the tenant closes again and again loses no change', async () => {
    const { dashboard, jane, service } = await openStage({ tenant: { eventsCycleMs: 120 } });
    await feedOpen(dashboard);
    for (let round = 0; (await eventStreams(dashboard)).length < 8; round += 1) {
      await jane.warm();
      await dashboard.edit({ round });
      await jane.sees('round', round);
    }
    expect((await eventStreams(dashboard)).slice(2).every((call) => call.includes('&from='))).toBe(true);
    expect(service.logged().filter((event) => GAP.test(event))).toEqual([]);
  });

  test('that is refused or dropped for a while is resumed where it was', async () => {
    const { dashboard, jane, service } = await openStage({ tenant: { eventsCycleMs: 150 } });
    await feedOpen(dashboard);
    await dashboard.edit({ theme: 'one' });
    await jane.sees('theme', 'one');
    await dashboard.fault({ route: 'events', status: 503 });
    await until(async () =>
      (await dashboard.calls('/api/v2/events')).some((call) => call.startsWith('503')) ? true : undefined,
    );
    await jane.warm();
    await dashboard.edit({ theme: 'two' });
    await dashboard.fault({ route: 'events', drop: true, times: 2 });
    await jane.sees('theme', 'two');
    expect(service.logged().filter((event) => GAP.test(event))).toEqual([]);
  });

  test('whose place is no longer kept goes on from now, and the log says so', async () => {
    const { dashboard, jane, service } = await openStage({ tenant: { eventsCycleMs: 150, eventsKept: 1 } });
    await feedOpen(dashboard);
    await dashboard.edit({ theme: 'one' });
    await jane.sees('theme', 'one');
    // The reader may have been quicker than the feed, which has to have got somewhere.
    const resumed = async () => (await eventStreams(dashboard)).some((call) => call.includes('&from='));
    await until(async () => (await resumed()) || undefined);
    await dashboard.fault({ route: 'events', status: 503 });
    await until(async () =>
      (await dashboard.calls('/api/v2/events')).some((call) => call.startsWith('503')) ? true : undefined,
    );
    await dashboard.edit({ theme: 'two' });
    await dashboard.edit({ theme: 'three' });
    const before = (await eventStreams(dashboard)).length;
    await dashboard.heal();
    await feedOpen(dashboard, before + 1);
    expect((await dashboard.calls('/api/v2/events')).some((call) => call.startsWith('410'))).toBe(true);
    const warning = service.lines.map(parseObject).find(({ event }) => GAP.test(String(event)));
    expect(warning).toMatchObject({
      level: 'warn',
      error: { message: 'events.subscribe answered 410' },
    });
    await jane.warm();
    await dashboard.edit({ theme: 'four' });
    await jane.sees('theme', 'four');
  });
});

test('a refusal renews the token once, and then names the scope once', async () => {
  const tenant = await openTenant();
  const dashboard = dashboardOf(tenant);
  await dashboard.fault({ route: 'events', status: 403 });
  const service = await openService(tenant);
  await until(() => (service.logged().some((event) => event === 'change_stream_refused') ? true : undefined));
  const statuses = (await dashboard.calls('/api/v2/events')).map((call) => call.slice(0, 3));
  expect(statuses).toEqual(['403', '403']);
  expect(await dashboard.calls('/oauth/token')).toHaveLength(2);
});
