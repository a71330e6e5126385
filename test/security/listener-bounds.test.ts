/** What a client can make the listener hold or wait for, with bounds that a test can reach. */
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createListener } from '../../src/http/server/server.ts';
import { MAX_HEADERS, SERVER_LIMITS, type ServerLimits } from '../../src/http/server/limits.ts';
import { pageAt } from '../docs/documents.ts';
import { until } from '../support/until.ts';

const closers: Array<() => unknown> = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

interface Opened {
  readonly port: number;
  readonly dial: (bytes?: string) => Socket;
  readonly refusals: string[];
}

const hello: RequestListener = (_req, res) => {
  res.end('hello');
};

async function open(bounds: Partial<ServerLimits>, handler: RequestListener = hello): Promise<Opened> {
  const refusals: string[] = [];
  const listener = createListener(
    { handler, onClientError: ({ code }) => refusals.push(code) },
    { name: 'test', host: '127.0.0.1', port: 0 },
    { ...SERVER_LIMITS, checkIntervalMs: 20, ...bounds },
  );
  const port = await listener.start();
  closers.push(() => listener.stop({ settleMs: 0, graceMs: 0 }));
  return {
    port,
    refusals,
    dial(bytes = '') {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      closers.push(() => socket.destroy());
      socket.write(bytes);
      return socket;
    },
  };
}

const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const LATE = /^HTTP\/1\.1 400 Bad Request\r\n[^]*"detail":"The request was not complete in time\."/;
const statuses = (answers: string) => [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);

describe('a slow client', () => {
  test('is sent 400 and disconnected when its headers are not complete in time', async () => {
    const { dial, refusals } = await open({ headersTimeoutMs: 60, requestTimeoutMs: 60_000 });
    const socket = dial('GET / HTTP/1.1\r\nHost: x\r\n');
    const drip = setInterval(() => socket.write('X: y\r\n'), 10);
    closers.push(() => clearInterval(drip));
    expect(await text(socket)).toMatch(LATE);
    expect(refusals).toEqual(['request_malformed']);
  });

  test('is sent 400 and disconnected when its body is not complete in time', async () => {
    const { dial, refusals } = await open({ headersTimeoutMs: 60, requestTimeoutMs: 80 }, (req, res) => {
      req.on('error', () => undefined).resume();
      req.once('end', () => res.end('never'));
    });
    const socket = dial('PATCH / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n');
    const drip = setInterval(() => socket.write('x'), 10);
    closers.push(() => clearInterval(drip));
    expect(await text(socket)).toMatch(LATE);
    expect(refusals).toEqual(['request_malformed']);
  });

  test('gets no second answer when the body of an answered request is not complete in time', async () => {
    // The headers have to arrive in time, on a machine that is busy, too.
    const { dial, refusals } = await open({ headersTimeoutMs: 1_000, requestTimeoutMs: 1_000 });
    const socket = dial('PATCH / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{');
    expect(statuses(await text(socket))).toEqual(['200']);
    expect(refusals).toEqual([]);
  });

  test('is disconnected without an answer when it sends nothing', async () => {
    const { dial, refusals } = await open({ headersTimeoutMs: 60 });
    expect(await text(dial())).toBe('');
    expect(refusals).toEqual([]);
  });

  test('is disconnected without an answer when it sends no next request in time', async () => {
    const { dial } = await open({ keepAliveTimeoutMs: 50 });
    expect(statuses(await text(dial(REQUEST)))).toEqual(['200']);
  });

  test('is disconnected when it does not read its answer', async () => {
    let left = false;
    const { dial } = await open({ stalledTimeoutMs: 100 }, (_req, res) => {
      res.once('close', () => {
        left = true;
      });
      res.end(Buffer.alloc(30_000_000));
    });
    dial(REQUEST).pause();
    expect(await until(() => left || undefined)).toBe(true);
  });

  test('is disconnected when it reads its answer too slowly, although bytes move all the time', async () => {
    let left = false;
    const { dial } = await open({ answerTimeoutMs: 100 }, (_req, res) => {
      res.once('close', () => {
        left = true;
      });
      res.end(Buffer.alloc(30_000_000));
    });
    const socket = dial(REQUEST).pause();
    const sip = setInterval(() => void socket.read(1_000), 5);
    closers.push(() => clearInterval(sip));
    expect(await until(() => left || undefined)).toBe(true);
  });

  test('is disconnected when it goes on sending after an error', async () => {
    const { port, refusals } = await open({ lingerMs: 50 });
    // Its own side stays open, and it goes on sending.
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    closers.push(() => socket.destroy());
    socket.on('error', () => undefined).resume();
    socket.write('no request\r\n\r\n');
    const drip = setInterval(() => socket.write('x'), 5);
    closers.push(() => clearInterval(drip));
    await until(() => socket.closed || undefined);
    expect(refusals).toEqual(['request_malformed']);
  });
});

test('an error arrives whole although the client has sent much more', async () => {
  const { dial, refusals } = await open({});
  const socket = dial(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(2_000_000)}\r\n\r\n`);
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 431 [^]*"code":"headers_too_large".*\}$/);
  expect(refusals).toEqual(['headers_too_large']);
});

test('a connection beyond the limit is closed at once, and the others stay open', async () => {
  const { dial } = await open({ maxConnections: 2 });
  const first = dial(REQUEST);
  const second = dial(REQUEST);
  await Promise.all([once(first, 'data'), once(second, 'data')]);
  await once(dial(REQUEST), 'close');
  first.write(REQUEST);
  expect(statuses(String((await once(first, 'data'))[0]))).toEqual(['200']);
  second.destroy();
  const later = await until(async () => {
    const socket = dial(REQUEST);
    const [data]: unknown[] = await Promise.race([once(socket, 'data'), once(socket, 'close')]);
    return Buffer.isBuffer(data) ? String(data) : undefined;
  });
  expect(statuses(later)).toEqual(['200']);
});

describe('pipelined requests', () => {
  test('run one at a time, and beyond the limit the connection closes behind the last one', async () => {
    let begun = 0;
    let atOnce = 0;
    let most = 0;
    const { dial } = await open({ maxPipelined: 3 }, (_req, res) => {
      begun += 1;
      atOnce += 1;
      most = Math.max(most, atOnce);
      setImmediate(() => {
        atOnce -= 1;
        res.end(String(begun));
      });
    });
    const answers = await text(dial(REQUEST.repeat(1_000)));
    expect(statuses(answers)).toEqual(['200', '200', '200', '200']);
    expect([...answers.matchAll(/\r\nConnection: (.*)\r\n/g)].map(([, value]) => value)).toEqual([
      'keep-alive',
      'keep-alive',
      'keep-alive',
      'close',
    ]);
    expect([begun, most]).toEqual([4, 1]);
  });

  test('do not run once the client has closed the connection', async () => {
    let begun = 0;
    const { dial } = await open({}, (_req, res) => {
      begun += 1;
      res.once('close', () => void (begun += 100));
    });
    const socket = dial(REQUEST.repeat(3));
    await until(() => begun || undefined);
    socket.destroy();
    await until(() => begun >= 100 || undefined);
    expect(begun).toBe(101);
  });

  test('are all answered when bytes that are not a request follow them, and those bytes are not', async () => {
    const { dial, refusals } = await open({}, (_req, res) => void setImmediate(() => res.end('hello')));
    expect(statuses(await text(dial(`${REQUEST.repeat(2)}noise\r\n\r\n`)))).toEqual(['200', '200']);
    expect(refusals).toEqual([]);
  });
});

test('the operations page states the limits of the code', () => {
  const { text: page } = pageAt('docs/operations.md');
  const [, section = ''] = page.split('## Bounds of the listener\n');
  const [table = ''] = section.split('\n\n## ');
  const b = SERVER_LIMITS;
  const wanted = {
    'request line and header fields together': `${b.maxHeaderBytes} bytes`,
    'header fields': String(MAX_HEADERS),
    'time for the header fields': `${b.headersTimeoutMs / 1000} s`,
    'time for the whole request': `${b.requestTimeoutMs / 1000} s`,
    'time without a request': `${b.keepAliveTimeoutMs / 1000} s`,
    'time without a byte while an answer is due or unread': `${b.stalledTimeoutMs / 1000} s`,
    'time to take an answer that is complete on our side': `${b.answerTimeoutMs / 1000} s`,
    'time to take a refusal': `${b.lingerMs / 1000} s`,
    connections: String(b.maxConnections),
    'requests sent ahead on one connection': String(b.maxPipelined),
  };
  const rows = [...table.matchAll(/^\| ([\w ]+?) \| ([^|]+?) \| ([^|]+) \|$/gm)].slice(1);
  const documented = Object.fromEntries(rows.map(([, bound = '', value = '']) => [bound, value]));
  expect(documented).toMatchObject(wanted);
});
