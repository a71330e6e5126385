import { afterEach, describe, expect, test } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { MetadataError } from '../../packages/client/src/errors.ts';
import { createFrameParser } from '../../packages/client/src/event-frames.ts';
import type { MetadataChange } from '../../packages/client/src/watch.ts';
import { dashboardOf, openStage } from '../http/events/stage.ts';
import { serve } from '../lib/local-server.ts';
import { until } from '../support/until.ts';
import { createTestClient, type SentRequest } from './create-test-client.ts';

const stops: Array<() => void> = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

const SILENCE_MS = 45_000;
const isPause = (ms: number) => ms < SILENCE_MS;
const isNotSilence = (ms: number) => ms !== SILENCE_MS;

/** Watches, and keeps what was told. */
function follow({ client }: Pick<ReturnType<typeof createTestClient>, 'client'>, signal?: AbortSignal) {
  const changes: MetadataChange[] = [];
  const errors: Array<{ error: unknown; final: boolean }> = [];
  const stop = client.watch((change) => changes.push(change), {
    onError: (error, final) => errors.push({ error, final }),
    ...(signal ? { signal } : {}),
  });
  stops.push(stop);
  return { changes, errors, stop };
}

const streamsIn = (sent: readonly SentRequest[]) => sent.filter(({ url }) => url.endsWith('/me/events'));
const atLeast = (list: readonly unknown[], count: number) =>
  until(() => (list.length >= count ? true : undefined));

describe('watching', () => {
  test('tells what changed since the state last seen, and from then on', async () => {
    const { service, token, jane } = await openStage({ env: { AUTH0_EVENTS: 'false' } });
    const fixture = createTestClient({ baseUrl: service.url, getAccessToken: async () => token });
    const { etag } = await fixture.client.read();
    await jane.patch({ theme: 'light' });
    const { changes } = follow(fixture);
    await atLeast(changes, 1);
    expect(streamsIn(fixture.sent)[0]?.headers.get('last-event-id')).toBe(etag);
    await jane.patch({ added: 1 });
    await atLeast(changes, 2);
    expect(changes[1]).toEqual({ etag: (await jane.read()).headers.get('etag'), keys: ['added'] });
  });

  test('goes on with a new token when the old one ends, and misses nothing in between', async () => {
    const { tenant, service, jane } = await openStage({ env: { AUTH0_EVENTS: 'false' } });
    const dashboard = dashboardOf(tenant);
    const short = await dashboard.token({ expires_in: 1 });
    const long = await dashboard.token();
    const asked: boolean[] = [];
    let renewed = '';
    const fixture = createTestClient({
      baseUrl: service.url,
      fires: isPause,
      // As an SDK does that keeps what it has until it is asked for another.
      async getAccessToken({ forceRefresh }) {
        asked.push(forceRefresh);
        if (forceRefresh) {
          await jane.patch({ between: true });
          renewed = long;
        }
        return renewed || short;
      },
    });
    const { changes, errors } = follow(fixture);
    await atLeast(changes, 1);
    expect(changes[0]?.keys).toContain('between');
    expect(asked).toEqual([false, true]);
    expect([errors, fixture.timers.filter(isPause).every((ms) => ms >= 2000)]).toEqual([[], true]);
  });

  test('takes a stream without heartbeats for lost, and names the state last heard of', async () => {
    let cuts = 0;
    const url = await serve((req, res) => {
      res.once('close', () => {
        cuts += 1;
      });
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      const opened = 'retry: 3000\nid: "one"\nevent: stream.opened\ndata: {"etag":"\\"one\\""}\n\n';
      res.write(req.headers['last-event-id'] ? '\n' : opened);
    });
    let silences = 0;
    const isSecondSilence = () => {
      silences += 1;
      return silences === 2;
    };
    const fixture = createTestClient({ baseUrl: url, fires: (ms) => isPause(ms) || isSecondSilence() });
    const { errors } = follow(fixture);
    await until(() => (streamsIn(fixture.sent).length >= 2 && cuts > 0 ? true : undefined));
    expect(errors).toMatchObject([{ error: { code: 'network_failed' }, final: false }]);
    expect(streamsIn(fixture.sent)[1]?.headers.get('last-event-id')).toBe('"one"');
    expect(fixture.timers.find(isPause)).toBe(3000);
  });

  test('waits longer from failure to failure, and as long as it is told', async () => {
    let requests = 0;
    const answers = [
      (res: ServerResponse) => res.writeHead(502).end('<html>'),
      (res: ServerResponse) => res.destroy(),
      (res: ServerResponse) => res.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
      (res: ServerResponse) => res.writeHead(429, { 'retry-after': '90' }).end(),
    ];
    const url = await serve((_req, res) => {
      answers[requests]?.(res);
      requests += 1;
    });
    const fixture = createTestClient({ baseUrl: url, fires: isPause });
    const { errors } = follow(fixture);
    await atLeast(errors, 4);
    await until(() => (fixture.timers.includes(90_000) ? true : undefined));
    expect(fixture.timers.filter((ms) => ms !== SILENCE_MS)).toEqual([2000, 4000, 8000, 90_000]);
    expect(errors.map(({ final }) => final)).toEqual([false, false, false, false]);
  });

  test('never goes on without a pause, and never for more than an hour, whatever is answered', async () => {
    const stream = { 'content-type': 'text/event-stream' };
    const answers = [
      (res: ServerResponse) => res.writeHead(503, { 'retry-after': '9999999999' }).end(),
      (res: ServerResponse) => res.writeHead(429, { 'retry-after': '9'.repeat(400) }).end(),
      (res: ServerResponse) => res.writeHead(503, { 'retry-after': '5, 10' }).end(),
      (res: ServerResponse) => res.writeHead(503, { 'retry-after': '0' }).end(),
      (res: ServerResponse) => res.writeHead(204).end(),
      (res: ServerResponse) => res.writeHead(200, stream).end(),
      (res: ServerResponse) => res.writeHead(200, stream).end('retry: 0\n\n'),
      (res: ServerResponse) => res.writeHead(200, stream).end(`retry: ${'9'.repeat(400)}\n\n`),
      (res: ServerResponse) => res.writeHead(304).end(),
    ];
    let requests = 0;
    const url = await serve((_req, res) => {
      (answers[requests] ?? ((rest: ServerResponse) => rest.writeHead(400).end()))(res);
      requests += 1;
    });
    const fixture = createTestClient({ baseUrl: url, fires: isNotSilence });
    const { errors } = follow(fixture);
    await until(() => (errors.at(-1)?.final ? true : undefined));
    expect(fixture.timers.filter(isNotSilence)).toEqual([
      3_600_000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000,
    ]);
  });

  test('that is told to connect again at once waits for a second, and longer each time', async () => {
    const url = await serve((_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' }).end('retry: 0\n\n');
    });
    const fixture = createTestClient({ baseUrl: url, fires: isPause });
    follow(fixture);
    await until(() => (fixture.timers.filter(isPause).length >= 4 ? true : undefined));
    expect(fixture.timers.filter(isPause).slice(0, 4)).toEqual([1000, 2000, 4000, 8000]);
  });

  test('asks for a new token every second time at most while streams keep ending at once', async () => {
    const url = await serve((_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' }).end();
    });
    const asked: boolean[] = [];
    const fixture = createTestClient({
      baseUrl: url,
      fires: isPause,
      async getAccessToken({ forceRefresh }) {
        asked.push(forceRefresh);
        return 'token';
      },
    });
    follow(fixture);
    await atLeast(asked, 4);
    expect(asked.slice(0, 4)).toEqual([false, true, false, true]);
  });

  test('that is stopped during a pause sends nothing more', async () => {
    let requests = 0;
    const url = await serve((_req, res) => {
      requests += 1;
      res.writeHead(503, { 'retry-after': '30' }).end();
    });
    const controller = new AbortController();
    const fixture = createTestClient({ baseUrl: url });
    follow(fixture, controller.signal);
    await until(() => (fixture.timers.includes(30_000) ? true : undefined));
    controller.abort();
    await new Promise((resolve) => setImmediate(resolve));
    expect([requests, fixture.timers.filter(isPause)]).toEqual([1, [30_000]]);
  });

  test('begins anew with short pauses after a stream that lasted', async () => {
    let time = 0;
    let requests = 0;
    const url = await serve((_req, res) => {
      requests += 1;
      if (requests === 3) time += 60_000;
      if (requests === 3)
        res.writeHead(200, { 'content-type': 'text/event-stream' }).write(': heartbeat\n\n');
      setImmediate(() => res.destroy());
    });
    const fixture = createTestClient({ baseUrl: url, fires: isPause, now: () => time });
    const { errors } = follow(fixture);
    await atLeast(errors, 4);
    expect(errors.map(({ error }) => error instanceof MetadataError)).toEqual(errors.map(() => true));
    expect(fixture.timers.filter(isPause).slice(0, 4)).toEqual([2000, 4000, 2000, 2000]);
  });

  test('ends when it is refused for good', async () => {
    const { service, dashboard } = await openStage({ env: { AUTH0_EVENTS: 'false' } });
    const token = await dashboard.token({ scope: 'update:metadata' });
    const fixture = createTestClient({
      baseUrl: service.url,
      getAccessToken: async () => token,
      fires: isPause,
    });
    const { errors } = follow(fixture);
    await atLeast(errors, 1);
    expect(errors[0]?.error).toBeInstanceOf(MetadataError);
    expect(errors).toMatchObject([{ error: { code: 'scope_missing' }, final: true }]);
    expect([streamsIn(fixture.sent).length, fixture.timers.filter(isPause)]).toEqual([1, []]);
  });

  test.each(['function', 'signal'])('ends by the %s, which closes the connection', async (how) => {
    const open: ServerResponse[] = [];
    const url = await serve((_req, res) => {
      open.push(res);
      res.writeHead(200, { 'content-type': 'text/event-stream' }).write('id: "one"\n\n');
    });
    const controller = new AbortController();
    const fixture = createTestClient({ baseUrl: url, fires: isPause });
    const { stop, errors } = follow(fixture, controller.signal);
    await atLeast(open, 1);
    if (how === 'function') stop();
    else controller.abort();
    await until(() => (open[0]?.destroyed ? true : undefined));
    expect([errors, open.length]).toEqual([[], 1]);
  });

  test('survives a listener that throws', async () => {
    const told = 'event: metadata.updated\ndata: {"etag":"\\"1\\"","keys":["a"]}\n\n';
    const url = await serve((_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write(`event: other\ndata: {}\n\nevent: metadata.updated\ndata: nonsense\n\n${told}${told}`);
    });
    const errors: unknown[] = [];
    const failure = new Error('of the app');
    const fail = () => {
      throw failure;
    };
    stops.push(
      createTestClient({ baseUrl: url }).client.watch(fail, { onError: (error) => errors.push(error) }),
    );
    await atLeast(errors, 2);
    expect(errors).toEqual([failure, failure]);
  });
});

test('event frames are the same however the text is cut into pieces, and whatever ends its lines', () => {
  const lines = [
    'retry: 2500',
    'id: "a:b"',
    '',
    ': heartbeat',
    '',
    'event:x',
    'data: {"a":',
    'data: 1}',
    '',
    '',
  ];
  for (const end of ['\n', '\r\n', '\r']) {
    const text = lines.join(end);
    for (let at = 0; at <= text.length; at += 1) {
      const read = createFrameParser();
      const frames = [...read(text.slice(0, at)), ...read(text.slice(at)), ...read('data')];
      expect(frames.map(({ event, data, id, retryMs }) => [event, data, id, retryMs])).toEqual([
        ['', '', '"a:b"', 2500],
        ['', '', undefined, undefined],
        ['x', '{"a":\n1}', undefined, undefined],
      ]);
    }
  }
});
