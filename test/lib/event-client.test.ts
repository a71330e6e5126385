import { describe, expect, test } from '@jest/globals';
import { EventEmitter, once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createEventClient, type ServerEvent } from '../../src/lib/event-client.ts';
import { HttpFailure } from '../../src/lib/http-client.ts';
import { serve } from './local-server.ts';

const PATIENT = { timeoutMs: 60_000, idleMs: 60_000, maxCharacters: 2_000 };
/** For a server that falls silent. */
const IMPATIENT = { ...PATIENT, timeoutMs: 300, idleMs: 300 };
const SSE = { 'content-type': 'text/event-stream; charset=utf-8' };

function open(url: string, signal = new AbortController().signal, options = PATIENT) {
  return createEventClient(options).open({ url, headers: { authorization: 'Bearer LEAK' }, signal });
}

/** A server whose stream consists of what `write` writes. */
const streaming = (write: (res: ServerResponse) => void) =>
  serve((_req, res) => {
    res.writeHead(200, SSE);
    write(res);
  });

async function readAll(url: string, options = PATIENT): Promise<{ events: ServerEvent[]; failure: unknown }> {
  const events: ServerEvent[] = [];
  try {
    for await (const event of (await open(url, undefined, options)).events) events.push(event);
    return { events, failure: undefined };
  } catch (failure) {
    return { events, failure };
  }
}

function kindOf(failure: unknown): string {
  if (!(failure instanceof HttpFailure)) throw new Error('expected an HttpFailure', { cause: failure });
  expect(failure.message).not.toMatch(/LEAK|127\.0\.0\.1/);
  return failure.kind;
}

describe('a stream', () => {
  test('is read in order until its end, however it was cut into pieces', async () => {
    const text =
      ':connected\n\nretry: 2000\n\nevent: a\nid: 1\ndata: {"é":1}\n\ndata: two\ndata: lines\n\n: heartbeat\n\n';
    const url = await streaming((res) => {
      for (const byte of Buffer.from(text)) res.write(Buffer.of(byte));
      res.end();
    });
    expect(await readAll(url)).toEqual({
      events: [
        { type: 'a', id: '1', data: '{"é":1}' },
        { type: 'message', id: undefined, data: 'two\nlines' },
      ],
      failure: undefined,
    });
  });

  test('asks for events, uncompressed, with the caller’s header fields', async () => {
    const asked: Array<string | undefined> = [];
    const url = await serve((req, res) => {
      const { accept, authorization } = req.headers;
      asked.push(accept, authorization, String(req.headers['accept-encoding']));
      res.writeHead(200, SSE).end();
    });
    await readAll(url);
    expect(asked).toEqual(['text/event-stream', 'Bearer LEAK', 'identity']);
  });

  test('that falls silent, comments included, is a time-out', async () => {
    const url = await streaming((res) => res.write('data: one\n\n'));
    const { events, failure } = await readAll(url, IMPATIENT);
    expect([events.length, kindOf(failure)]).toEqual([1, 'timeout']);
  });

  test('that brings nothing but comments for a while is not silent', async () => {
    let comments = 0;
    const url = await streaming((res) => {
      const timer = setInterval(() => {
        comments += 1;
        res.write(': heartbeat\n\n');
        if (comments === 40) res.end('data: last\n\n');
      }, 50);
      res.once('close', () => clearInterval(timer));
    });
    // The stream lasts longer than it may be silent.
    expect(await readAll(url, { ...PATIENT, idleMs: 1_500 })).toEqual({
      events: [{ type: 'message', id: undefined, data: 'last' }],
      failure: undefined,
    });
  });

  test.each([
    ['a line', `data: ${'x'.repeat(3_000)}`],
    ['an event of many lines', `data: ${'x'.repeat(100)}\n`.repeat(30)],
  ])('with %s larger than allowed is malformed, after what came before', async (_name, text) => {
    const url = await streaming((res) => {
      res.write(`data: one\n\n${text}`);
    });
    const { events, failure } = await readAll(url);
    expect([events.length, kindOf(failure)]).toEqual([1, 'malformed']);
  });

  test('that is cut off is a reset', async () => {
    const url = await streaming((res) => res.write('data: one\n\n', () => res.destroy()));
    const { events, failure } = await readAll(url);
    expect([events.length, kindOf(failure)]).toEqual([1, 'reset']);
  });

  test('that falls silent before it is read is a time-out for its reader, and ends no process', async () => {
    const connection = new EventEmitter();
    const gone = once(connection, 'gone');
    const url = await streaming((res) => {
      res.once('close', () => connection.emit('gone'));
      res.write('data: one\n\n');
    });
    const { events } = await open(url, undefined, IMPATIENT);
    await gone;
    const reading = (async () => {
      for await (const { data } of events) expect(data).toBe('one');
    })();
    expect(kindOf(await reading.catch((error: unknown) => error))).toBe('timeout');
  });

  test('ends when its reader says so, and the connection with it', async () => {
    const connection = new EventEmitter();
    const gone = once(connection, 'gone');
    const url = await streaming((res) => {
      res.once('close', () => connection.emit('gone'));
      res.write('data: one\n\n');
    });
    const controller = new AbortController();
    const { events } = await open(url, controller.signal);
    const reading = (async () => {
      for await (const { data } of events) if (data === 'one') controller.abort();
    })();
    await expect(reading).rejects.toThrow(HttpFailure);
    await gone;
  });
});

describe('an answer', () => {
  test.each([204, 301, 401, 410, 429, 500])(
    'of %i is told with its header fields, and has no events',
    async (status) => {
      const url = await serve((_req, res) => {
        res.writeHead(status, { 'Retry-After': '7', location: 'http://127.0.0.1:1/' }).end();
      });
      const response = await open(url);
      expect([response.status, response.headers.get('retry-after')]).toEqual([status, '7']);
      expect((await readAll(url)).events).toEqual([]);
    },
  );

  test('that is no event stream is malformed', async () => {
    const url = await serve((_req, res) =>
      res.writeHead(200, { 'content-type': 'text/html' }).end('data: x\n\n'),
    );
    expect(kindOf(await open(url).catch((error: unknown) => error))).toBe('malformed');
  });

  test('that does not come is a time-out, and one that cannot come unreachable', async () => {
    const silent = await serve(() => undefined);
    expect(kindOf(await open(silent, undefined, IMPATIENT).catch((error: unknown) => error))).toBe('timeout');
    const refusal = await open('http://127.0.0.1:1').catch((error: unknown) => error);
    expect(['unreachable', 'reset']).toContain(kindOf(refusal));
    const refused = await serve((req) => req.destroy());
    expect(kindOf(await open(refused).catch((error: unknown) => error))).toBe('reset');
  });
});
