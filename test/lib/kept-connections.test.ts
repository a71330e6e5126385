import { describe, expect, test } from '@jest/globals';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { HttpRequest } from '../../src/lib/http-client.ts';
import { client, listen } from './local-server.ts';

type Play = (req: IncomingMessage, res: ServerResponse) => void;

const answer: Play = (_req, res) => res.end('ok');
/** What a server does whose time for an idle connection is over just when a request arrives. */
const close: Play = (req) => req.socket.destroy();
const reset: Play = (req) => req.socket.resetAndDestroy();
const cutHead: Play = (req) => req.socket.end('HTTP/1.1 2');

/** A server that plays these in turn, the last one for ever. `seen` has the connection of each request, by number. */
async function serveInTurn(...plays: readonly Play[]) {
  const seen: number[] = [];
  const bodies: string[] = [];
  const connections: unknown[] = [];
  const server = createServer((req, res) => {
    if (!connections.includes(req.socket)) connections.push(req.socket);
    const play = plays[Math.min(seen.length, plays.length - 1)] ?? answer;
    seen.push(connections.indexOf(req.socket));
    req.setEncoding('utf8');
    let body = '';
    req.on('data', (chunk: string) => {
      body += chunk;
    });
    req.on('end', () => {
      bodies.push(body);
      play(req, res);
    });
  });
  return { url: await listen(server), seen, bodies };
}

const PATCH = { method: 'PATCH', body: '{"a":1}', headers: { 'content-type': 'application/json' } } as const;
const outcomeOf = (sending: Promise<{ readonly text: string }>) => sending.then(({ text }) => text, String);

describe('a kept connection that the server closes when a request arrives', () => {
  test.each([
    ['GET', 'closed', close],
    ['GET', 'reset', reset],
    ['PATCH', 'closed', close],
    ['PATCH', 'reset', reset],
  ] as const)(
    'costs the caller of a %s nothing when it is %s: one repetition on a new connection',
    async (method, _how, play) => {
      const { url, seen, bodies } = await serveInTurn(answer, play, answer);
      const http = client({ timeoutMs: 5_000 });
      await http.send({ method: 'GET', url });
      const request: HttpRequest = method === 'GET' ? { method, url } : { ...PATCH, url };
      expect(await outcomeOf(http.send(request))).toBe('ok');
      expect(seen).toEqual([0, 0, 1]);
      expect(bodies[2]).toBe(bodies[1]);
    },
  );

  test('is followed by no third attempt', async () => {
    const { url, seen } = await serveInTurn(answer, close);
    const http = client({ timeoutMs: 5_000 });
    await http.send({ method: 'GET', url });
    expect(await outcomeOf(http.send({ ...PATCH, url }))).toMatch(/reset/);
    expect(seen).toEqual([0, 0, 1]);
  });

  test('is asked about before the repetition, which a throw prevents', async () => {
    const { url, seen } = await serveInTurn(answer, close, answer);
    const http = client({ timeoutMs: 5_000 });
    await http.send({ method: 'GET', url });
    let asked = 0;
    const beforeRepeating = async () => {
      asked += 1;
      throw new Error('the lock is lost');
    };
    expect(await outcomeOf(http.send({ ...PATCH, url, beforeRepeating }))).toMatch(/reset/);
    expect([asked, seen]).toEqual([1, [0, 0]]);
  });

  test('leaves the outcome open when the server can no longer be reached', async () => {
    const server = createServer((req, res) => {
      if (req.method === 'GET') {
        res.end('ok');
        return;
      }
      server.close();
      req.socket.destroy();
    });
    const url = await listen(server);
    const http = client({ timeoutMs: 5_000 });
    await http.send({ method: 'GET', url });
    expect(await outcomeOf(http.send({ ...PATCH, url }))).toMatch(/reset/);
  });
});

describe('no request is repeated', () => {
  test('on a connection that is new', async () => {
    const { url, seen } = await serveInTurn(close, answer);
    expect(await outcomeOf(client({ timeoutMs: 5_000 }).send({ ...PATCH, url }))).toMatch(/reset/);
    expect(seen).toEqual([0]);
  });

  test('when a byte of an answer came', async () => {
    const { url, seen } = await serveInTurn(answer, cutHead, answer);
    const http = client({ timeoutMs: 5_000 });
    await http.send({ method: 'GET', url });
    expect(await outcomeOf(http.send({ ...PATCH, url }))).toMatch(/reset|malformed/);
    expect(seen).toEqual([0, 0]);
  });

  test('when no answer came in time', async () => {
    const { url, seen } = await serveInTurn(answer, () => undefined);
    const http = client({ timeoutMs: 5_000 });
    await http.send({ method: 'GET', url });
    expect(await outcomeOf(http.send({ ...PATCH, url, timeoutMs: 100 }))).toMatch(/timeout/);
    expect(seen).toEqual([0, 0]);
  });
});
