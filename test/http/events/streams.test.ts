import { describe, expect, test } from '@jest/globals';
import express from 'express';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { startEventStream, createOpenStreams, type EventStream } from '../../../src/http/event-stream.ts';
import { createMemoryStore } from '../../../src/cache/memory-store.ts';
import { createWatchers } from '../../../src/cache/metadata-cache.ts';
import { appErrorThrownBy } from '../../lib/rejection.ts';
import { listen } from '../../lib/local-server.ts';
import { openSse } from '../../support/sse.ts';
import { until } from '../../support/until.ts';

const OPTIONS = { heartbeatMs: 40, maxUnreadBytes: 10_000 };

/** A server with one stream, and the means to write to it. */
async function serveStream(options = OPTIONS) {
  const streams: EventStream[] = [];
  let closed = false;
  const app = express().get('/', (_req, res) => {
    res.once('close', () => {
      closed = true;
    });
    const first = { id: '"tag"', event: 'opened', data: { etag: '"tag"' } };
    streams.push(startEventStream(res, { first, retryMs: 2_500.4 }, options));
  });
  const url = await listen(createServer(app));
  return {
    url,
    stream: () => until(() => streams[0]),
    isClosed: () => closed,
  };
}

describe('an event stream', () => {
  test('begins with what a client needs to come back, and is kept alive', async () => {
    const { url } = await serveStream();
    const reader = await openSse(url);
    await reader.received(/: heartbeat\n: heartbeat\n/);
    expect(reader.text()).toMatch(
      /^retry: 2500\nid: "tag"\nevent: opened\ndata: \{"etag":"\\"tag\\""\}\n\n: heartbeat\n/,
    );
    await reader.close();
  });

  test('delivers an event that comes behind heartbeats, and leaves the id alone where the event has none', async () => {
    const { url, stream } = await serveStream();
    const reader = await openSse(url);
    const opened = await stream();
    await reader.received(/: heartbeat\n: heartbeat\n/);
    opened.send({ id: undefined, event: 'x', data: 1 });
    await reader.next();
    expect(await reader.next()).toEqual({ id: undefined, event: 'x', data: '1' });
    await reader.close();
  });

  test('writes each event as one frame, whatever is in it, and nothing after its end', async () => {
    const { url, stream } = await serveStream({ ...OPTIONS, heartbeatMs: 60_000 });
    const reader = await openSse(url);
    const opened = await stream();
    opened.send({ id: '"a"', event: 'x', data: { key: 'a\n\nevent: forged\ndata: 1' } });
    opened.end();
    opened.end();
    opened.send({ id: '"b"', event: 'x', data: 1 });
    expect(await reader.ended).toBe('ended');
    expect(reader.waiting()).toEqual([
      { id: '"tag"', event: 'opened', data: '{"etag":"\\"tag\\""}' },
      { id: '"a"', event: 'x', data: '{"key":"a\\n\\nevent: forged\\ndata: 1"}' },
    ]);
  });

  test('cuts off a client that lets too much lie unread', async () => {
    const { url, stream, isClosed } = await serveStream({ ...OPTIONS, heartbeatMs: 60_000 });
    const socket = connect(Number(new URL(url).port), '127.0.0.1').pause();
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    const opened = await stream();
    const large = 'x'.repeat(1_000_000);
    await until(() => {
      opened.send({ id: '"a"', event: 'x', data: large });
      return isClosed() ? true : undefined;
    });
    expect(isClosed()).toBe(true);
    socket.destroy();
  });

  test('cuts off a client that has not taken what was written one heartbeat ago', async () => {
    const { url, stream, isClosed } = await serveStream({ heartbeatMs: 100, maxUnreadBytes: 1e9 });
    const socket = connect(Number(new URL(url).port), '127.0.0.1').pause();
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    const opened = await stream();
    for (const _ of Array(20)) opened.send({ id: '"a"', event: 'x', data: 'x'.repeat(1_000_000) });
    expect(await until(() => (isClosed() ? 'cut off' : undefined))).toBe('cut off');
    socket.destroy();
    await once(socket, 'close');
  });
});

const end = () => undefined;

describe('the places for streams', () => {
  test('are bounded for each user and in all, and can be taken again', async () => {
    const streams = createOpenStreams({ maxPerUser: 2, maxTotal: 3 });
    const leave = streams.acquire('a', end);
    streams.acquire('a', end);
    expect(await appErrorThrownBy(() => streams.acquire('a', end))).toMatchObject({
      code: 'rate_limited',
      extras: { retryAfterSeconds: 5 },
    });
    streams.acquire('b', end);
    expect(await appErrorThrownBy(() => streams.acquire('c', end))).toMatchObject({
      code: 'rate_limited',
      extras: { retryAfterSeconds: 60 },
    });
    leave();
    leave();
    streams.acquire('c', end);
    expect((await appErrorThrownBy(() => streams.acquire('d', end))).code).toBe('rate_limited');
  });

  test('are emptied together, after which there are none', async () => {
    const streams = createOpenStreams({ maxPerUser: 2, maxTotal: 3 });
    const ended: string[] = [];
    streams.acquire('a', () => ended.push('one'));
    streams.acquire('a', () => ended.push('two'));
    streams.acquire('b', () => ended.push('three'))();
    streams.close();
    expect(ended).toEqual(['one', 'two']);
    expect((await appErrorThrownBy(() => streams.acquire('b', end))).code).toBe('draining');
  });
});

describe('the watchers of a store', () => {
  test('are called for their own keys, and once for a new epoch', async () => {
    let epoch: number | undefined = 1;
    const store = { ...createMemoryStore<string>({ maxEntries: 10 }), epoch: () => epoch };
    const watch = createWatchers(store);
    const heard: string[] = [];
    const unwatch = watch('a', (reason) => heard.push(`a ${reason}`));
    watch('b', (reason) => heard.push(`b ${reason}`));
    await store.invalidate('a');
    await store.invalidate('c');
    expect(heard).toEqual(['a changed']);
    epoch = undefined;
    unwatch();
    epoch = 2;
    await until(() => heard[1]);
    await store.invalidate('a');
    expect(heard).toEqual(['a changed', 'b missed']);
  });
});
