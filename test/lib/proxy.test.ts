import { afterAll, describe, expect, test } from '@jest/globals';
import { createServer as createTcpServer } from 'node:net';
import { createEventClient } from '../../src/lib/event-client.ts';
import { createHttpClient, HttpFailure } from '../../src/lib/http-client.ts';
import { type Proxy, startProxy } from '../support/proxy-process.ts';
import { closers, listen, serve } from './local-server.ts';

const OPTIONS = { timeoutMs: 4_000, maxResponseBytes: 2_000, maxRequestBytes: 2_000, maxConnections: 4 };
const CREDENTIALS = 'us%er:p@ss wörd';
const ENCODED = CREDENTIALS.split(':').map(encodeURIComponent).join(':');

const open = await startProxy();
const closed = await startProxy({ PROXY_CREDENTIALS: CREDENTIALS });
afterAll(() => Promise.all([open.stop(), closed.stop()]));

function clientThrough(proxyUrl: string, options: Partial<typeof OPTIONS> = {}) {
  const client = createHttpClient({ ...OPTIONS, ...options, proxyUrl });
  closers.push(() => client.close());
  return client;
}

async function failureThrough(
  proxyUrl: string,
  url: string,
  times: { readonly clientMs?: number; readonly timeoutMs?: number } = {},
): Promise<string> {
  const { clientMs = OPTIONS.timeoutMs, timeoutMs = clientMs } = times;
  const client = clientThrough(proxyUrl, { timeoutMs: clientMs });
  const outcome: unknown = await client
    .send({ method: 'PATCH', url, body: '{}', headers: { authorization: 'Bearer LEAK' }, timeoutMs })
    .catch((error: unknown) => error);
  if (!(outcome instanceof HttpFailure)) throw new Error('expected an HttpFailure', { cause: outcome });
  expect(`${outcome.message} ${outcome.stack}`).not.toMatch(/LEAK|127\.0\.0\.1/);
  return outcome.message;
}

async function refusing(status: string): Promise<Proxy> {
  const proxy = await startProxy({ PROXY_STATUS: status });
  closers.push(() => void proxy.stop());
  return proxy;
}

describe('through a proxy', () => {
  test('requests arrive by one tunnel, which is kept, and time and size are bounded as without', async () => {
    const url = await serve((req, res) => {
      if (req.url === '/slow') return;
      res.end(
        req.url === '/large' ? 'x'.repeat(3_000) : `${req.method} ${req.url} via ${req.headers['via']}`,
      );
    });
    const client = clientThrough(`http://${open.address}`);
    const before = open.answers.length;
    for (const path of ['/a', '/b', '/c']) {
      const { text } = await client.send({ method: 'GET', url: `${url}${path}` });
      expect(text).toBe(`GET ${path} via undefined`);
    }
    expect(open.answers.slice(before)).toEqual([`200 ${new URL(url).host}`]);
    const large = client.send({ method: 'GET', url: `${url}/large` });
    await expect(large).rejects.toThrow('malformed');
    const slow = client.send({ method: 'GET', url: `${url}/slow`, timeoutMs: 200 });
    await expect(slow).rejects.toThrow('timeout');
  });

  test('more requests than connections wait for one another', async () => {
    const url = await serve((_req, res) => void setImmediate(() => res.end('ok')));
    const client = clientThrough(`http://${open.address}`);
    const before = open.answers.length;
    await Promise.all(Array.from({ length: 40 }, () => client.send({ method: 'GET', url })));
    expect(open.answers.length - before).toBeLessThanOrEqual(OPTIONS.maxConnections);
  });

  test('a kept tunnel that is closed when a request arrives costs nothing', async () => {
    let requests = 0;
    const url = await serve((req, res) => {
      requests += 1;
      if (requests === 2) req.socket.destroy();
      else res.end('ok');
    });
    const client = clientThrough(`http://${open.address}`);
    await client.send({ method: 'GET', url });
    expect((await client.send({ method: 'PATCH', url, body: '{}' })).text).toBe('ok');
  });

  test('credentials are sent to the proxy only', async () => {
    const url = await serve((req, res) => res.end(JSON.stringify(req.rawHeaders)));
    const client = clientThrough(`http://${ENCODED}@${closed.address}`);
    const { text } = await client.send({ method: 'GET', url });
    expect(text).not.toMatch(/proxy/i);
    expect(closed.answers.at(-1)).toBe(`200 ${new URL(url).host}`);
  });

  test('a stream of events arrives, and ends with its reader', async () => {
    const url = await serve((_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write('data: one\n\n');
    });
    const events = createEventClient({
      timeoutMs: 4_000,
      idleMs: 4_000,
      maxCharacters: 1_000,
      proxyUrl: `http://${ENCODED}@${closed.address}`,
    });
    const before = closed.answers.length;
    const response = await events.open({ url, headers: {}, signal: new AbortController().signal });
    const read: string[] = [];
    for await (const { data } of response.events) {
      read.push(data);
      break;
    }
    expect([read, closed.answers.length - before]).toEqual([['one'], 1]);
  });
});

describe('a proxy that makes no connection: nothing was sent, and its code says why', () => {
  let received = 0;
  const target = () =>
    serve((_req, res) => {
      received += 1;
      res.end();
    });

  test.each(['403', '407', '500', '502', '204'])('by status %s', async (status) => {
    const { address } = await refusing(status);
    expect(await failureThrough(`http://${address}`, await target())).toBe(`unreachable (PROXY_${status})`);
  });

  test('for want of credentials', async () => {
    expect(await failureThrough(`http://${closed.address}`, await target())).toBe('unreachable (PROXY_407)');
    expect(await failureThrough(`http://us:LEAK@${closed.address}`, await target())).toBe(
      'unreachable (PROXY_407)',
    );
  });

  test('because it cannot be reached, closes the connection, or speaks something else', async () => {
    expect(await failureThrough('http://127.0.0.1:1', await target())).toBe(
      'unreachable (PROXY_ECONNREFUSED)',
    );
    const hasty = await listen(createTcpServer((socket) => socket.destroy()));
    expect(await failureThrough(hasty, await target())).toMatch(/^unreachable \(PROXY_[A-Z]+\)$/);
    const https = hasty.replace('http:', 'https:');
    expect(await failureThrough(https, await target())).toMatch(/^unreachable \(PROXY_[A-Z_]+\)$/);
  });

  test.each([
    ['the time for the proxy ends', { clientMs: 300 }],
    ['the deadline of the request ends first', { timeoutMs: 100 }],
  ])('because it does not answer before %s', async (_what, times) => {
    const { address } = await refusing('0');
    expect(await failureThrough(`http://${address}`, await target(), times)).toBe(
      'unreachable (PROXY_TIMEOUT)',
    );
  });

  test('and no request arrived in any of these cases', () => {
    expect(received).toBe(0);
  });

  test('for a stream of events likewise', async () => {
    const { address } = await refusing('407');
    const events = createEventClient({
      timeoutMs: 4_000,
      idleMs: 4_000,
      maxCharacters: 1_000,
      proxyUrl: `http://${address}`,
    });
    const opening = events.open({ url: await target(), headers: {}, signal: new AbortController().signal });
    await expect(opening).rejects.toThrow('unreachable (PROXY_407)');
  });
});
