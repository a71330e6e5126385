/** The stream as the readers see it that apps use instead of the browser's own. */
import { createServer } from 'node:http';
import { fetchEventSource } from '@microsoft/fetch-event-source';
import { describe, expect, test } from '@jest/globals';
import { EventSource } from 'eventsource';
import express from 'express';
import { startEventStream, type EventStream } from '../../../src/http/event-stream.ts';
import { createDeferred } from '../../../src/lib/promises.ts';
import { listen } from '../../lib/local-server.ts';
import { until } from '../../support/until.ts';
import { afterwards, openStage } from './stage.ts';

interface Message {
  readonly event: string;
  readonly id: string;
  readonly data: string;
}

interface Reader {
  readonly messages: readonly Message[];
  /** `Last-Event-ID` of each connection so far. */
  readonly lastEventIds: ReadonlyArray<string | undefined>;
  /** Everything received so far, as it came. */
  text(): string;
  /** Breaks the connection under the reader, which connects again by itself once `heal` is called. */
  cut(): void;
  /** Lets the reader's next connection through. */
  heal(): void;
}

type Open = (url: string, authorization: string) => Reader;

/** What both readers are given for fetch: it adds the token, and its connections can be broken. */
function createFetch(authorization: string) {
  const lastEventIds: Array<string | undefined> = [];
  let connection = new AbortController();
  let network = createDeferred();
  network.resolve();
  let text = '';
  const recording = () => {
    const decoder = new TextDecoder();
    return new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        text += decoder.decode(chunk, { stream: true });
        controller.enqueue(chunk);
      },
    });
  };
  return {
    lastEventIds,
    text: () => text,
    cut: () => {
      network = createDeferred();
      // A TypeError, as the network breaks a connection: an AbortError would mean that the reader closed it.
      connection.abort(new TypeError('terminated'));
    },
    heal: () => network.resolve(),
    fetch: async (url: RequestInfo | URL, { headers, signal }: RequestInit = {}): Promise<Response> => {
      await network.promise;
      const sent = new Headers(headers);
      lastEventIds.push(sent.get('last-event-id') ?? undefined);
      sent.set('authorization', authorization);
      connection = new AbortController();
      const signals = [connection.signal, ...(signal ? [signal] : [])];
      const response = await fetch(url, { headers: sent, signal: AbortSignal.any(signals) });
      const { status, headers: received } = response;
      const recorded = new Response(response.body?.pipeThrough(recording()), { status, headers: received });
      // Readers resolve redirections against it, and a new response has none.
      return Object.defineProperty(recorded, 'url', { value: response.url });
    },
  };
}

const openEventSource: Open = (url, authorization) => {
  const messages: Message[] = [];
  const { fetch: request, ...connection } = createFetch(authorization);
  const source = new EventSource(url, { fetch: (to, init) => request(to, init) });
  afterwards(async () => source.close());
  for (const event of ['message', 'stream.opened', 'metadata.updated']) {
    source.addEventListener(event, ({ lastEventId: id, data }) => {
      messages.push({ event, id, data: String(data) });
    });
  }
  return { messages, ...connection };
};

/** The package was made for browsers, of which it wants to know no more than this. */
Object.assign(globalThis, { window: globalThis, document: { removeEventListener: () => undefined } });

const openFetchEventSource: Open = (url, authorization) => {
  const messages: Message[] = [];
  const { fetch: request, ...connection } = createFetch(authorization);
  const over = new AbortController();
  const reading = fetchEventSource(url, {
    fetch: request,
    openWhenHidden: true,
    signal: over.signal,
    onmessage: ({ event, id, data }) => void messages.push({ event, id, data }),
    onerror: () => 1,
  });
  afterwards(async () => {
    over.abort();
    await reading;
  });
  return { messages, ...connection };
};

const READERS: ReadonlyArray<readonly [string, Open]> = [
  ['eventsource', openEventSource],
  ['@microsoft/fetch-event-source', openFetchEventSource],
];

function updated(etag: string, keys: readonly string[]): Message {
  return { event: 'metadata.updated', id: etag, data: JSON.stringify({ etag, keys }) };
}

describe.each(READERS)('%s', (_name, open) => {
  test('gets no empty message, names the state it saw when it connects again, and hears what it missed', async () => {
    const { service, jane } = await openStage({ env: { AUTH0_EVENTS: 'false' } });
    const etagNow = async () => (await jane.read()).headers.get('etag') ?? '';
    const seen = await etagNow();
    const reader = open(`${service.url}/me/events`, jane.authorization);
    await until(() => reader.messages[0]);
    reader.cut();
    await jane.patch({ theme: 'light' });
    const missed = await etagNow();
    reader.heal();
    await until(() => reader.messages[2]);
    await jane.patch({ theme: 'dark', added: 1 });
    const told = await until(() => reader.messages[3]);
    expect(reader.lastEventIds).toEqual([undefined, seen]);
    expect(reader.messages.filter(({ event }) => event !== 'stream.opened')).toEqual([
      updated(missed, ['language', 'notifications', 'theme']),
      updated(await etagNow(), ['added', 'theme']),
    ]);
    expect(told.data).not.toBe('');
    expect(reader.messages.map(({ data }) => data)).not.toContain('');
    expect(reader.messages[0]).toEqual({
      event: 'stream.opened',
      id: seen,
      data: JSON.stringify({ etag: seen }),
    });
  });

  test('gets no message for a heartbeat', async () => {
    const streams: EventStream[] = [];
    const app = express().get('/', (_req, res) => {
      const first = { id: '"a"', event: 'stream.opened', data: {} };
      streams.push(startEventStream(res, { first, retryMs: 1 }, { heartbeatMs: 5, maxUnreadBytes: 10_000 }));
    });
    const reader = open(await listen(createServer(app)), '');
    await until(() => /: heartbeat\n: heartbeat\n/.test(reader.text()) || undefined);
    streams[0]?.send({ id: '"b"', event: 'metadata.updated', data: {} });
    await until(() => reader.messages[1]);
    expect(reader.messages).toEqual([
      { event: 'stream.opened', id: '"a"', data: '{}' },
      { event: 'metadata.updated', id: '"b"', data: '{}' },
    ]);
  });
});
