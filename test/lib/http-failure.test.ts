import { describe, expect, test } from '@jest/globals';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { HttpFailure } from '../../src/lib/http-client.ts';
import { describeError } from '../../src/lib/app-error.ts';
import { client, failureOf, impatientClient, listen, serve, serveBytes } from './local-server.ts';

describe('a failure', () => {
  test('is a time-out when nothing is answered', async () => {
    const url = await serve(() => undefined);
    expect((await failureOf(url, impatientClient())).kind).toBe('timeout');
  });

  test('is a time-out when bytes trickle in without an end', async () => {
    const url = await serve((_req, res) => {
      const timer = setInterval(() => res.write('x'), 20);
      res.on('close', () => clearInterval(timer));
    });
    // Without an absolute bound it would never end: a byte comes more often than any idle time-out is long.
    expect((await failureOf(url, impatientClient())).kind).toBe('timeout');
  });

  test('is unreachable when the connection is refused', async () => {
    const server = createTcpServer();
    const url = await listen(server);
    await new Promise((resolve) => {
      server.close(resolve);
    });
    expect(await failureOf(url)).toMatchObject({
      kind: 'unreachable',
      message: 'unreachable (ECONNREFUSED)',
    });
  });

  test('is a reset when the connection ends before an answer began', async () => {
    expect((await failureOf(await serveBytes('', (socket) => socket.destroy()))).kind).toBe('reset');
    expect((await failureOf(await serveBytes('', (socket) => socket.resetAndDestroy()))).kind).toBe('reset');
  });

  test.each([
    [
      'cut short',
      'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"user',
      (socket: Socket) => socket.destroy(),
    ],
    ['not HTTP', 'SSH-2.0-OpenSSH_9.6\r\n\r\n', (socket: Socket) => socket.end()],
    [
      'broken in its chunks',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
      (socket: Socket) => socket.end(),
    ],
  ])('is malformed when the answer is %s', async (_what, bytes, after) => {
    expect((await failureOf(await serveBytes(bytes, after))).kind).toBe('malformed');
  });

  test('is malformed when the answer is larger than allowed, also after decompression', async () => {
    const large = await serve((_req, res) => res.end('x'.repeat(2_001)));
    expect((await failureOf(large)).kind).toBe('malformed');
    const bomb = await serve((_req, res) =>
      res.setHeader('content-encoding', 'gzip').end(gzipSync('x'.repeat(1_000_000))),
    );
    expect((await failureOf(bomb)).kind).toBe('malformed');
  });

  test('is malformed when the answer claims to be compressed and is not', async () => {
    const url = await serve((_req, res) => res.setHeader('content-encoding', 'gzip').end('plain'));
    expect((await failureOf(url)).kind).toBe('malformed');
  });

  test('says nothing of the address, the headers, the body or the answer', async () => {
    const url = await serveBytes('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nanswer-secret', (s) =>
      s.destroy(),
    );
    const outcome: unknown = await client()
      .send({
        method: 'POST',
        url: `${url}/path-secret?q=query-secret`,
        headers: { authorization: 'Bearer header-secret' },
        body: 'client_secret=body-secret',
      })
      .catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(HttpFailure);
    const told = [String(outcome), JSON.stringify(outcome), JSON.stringify(describeError(outcome))].join();
    const own =
      outcome instanceof HttpFailure ? [outcome.stack, outcome.cause, ...Object.values(outcome)] : [];
    expect([told, ...own].join()).not.toMatch(/secret|127\.0\.0\.1|Bearer/);
  });
});
