import { describe, expect, test } from '@jest/globals';
import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';
import { client, closers, listen, serve } from './local-server.ts';

describe('an answer', () => {
  test.each([200, 204, 304, 404, 429, 500])('of status %d is an answer and no failure', async (status) => {
    const url = await serve((_req, res) => res.writeHead(status, { 'X-Mixed-Case': 'Yes' }).end());
    const response = await client().send({ method: 'GET', url });
    expect([response.status, response.headers.get('x-mixed-case'), response.text]).toEqual([
      status,
      'Yes',
      '',
    ]);
  });

  test('stays text whatever it holds, as the server sent it', async () => {
    const url = await serve((_req, res) =>
      res.setHeader('content-type', 'application/json').end(' {"a":1.0}\n'),
    );
    expect((await client().send({ method: 'GET', url })).text).toBe(' {"a":1.0}\n');
  });

  test('is decoded when it is compressed', async () => {
    const url = await serve((_req, res) =>
      res.setHeader('content-encoding', 'gzip').end(gzipSync('{"café":true}')),
    );
    expect((await client().send({ method: 'GET', url })).text).toBe('{"café":true}');
  });

  test('that redirects is not followed', async () => {
    let requests = 0;
    const url = await serve((_req, res) => {
      requests += 1;
      res.writeHead(302, { location: '/elsewhere' }).end();
    });
    const response = await client().send({ method: 'GET', url });
    expect([response.status, response.headers.get('location'), requests]).toEqual([302, '/elsewhere', 1]);
  });
});

test('a request goes out with its method, path, headers and body as they stand', async () => {
  const url = await serve((req, res) => {
    req.setEncoding('utf8');
    let body = '';
    req.on('data', (chunk: string) => {
      body += chunk;
    });
    req.on('end', () => {
      const { authorization, accept, 'content-type': type } = req.headers;
      res.end(JSON.stringify([req.method, req.url, authorization, accept, type, body]));
    });
  });
  const response = await client().send({
    method: 'PATCH',
    url: `${url}/users/auth0%7Ca%2Fb%253A?fields=a,b`,
    headers: { authorization: 'Bearer t', 'content-type': 'application/json' },
    body: '{"a": "é"}',
  });
  expect(JSON.parse(response.text)).toEqual([
    'PATCH',
    '/users/auth0%7Ca%2Fb%253A?fields=a,b',
    'Bearer t',
    'application/json',
    'application/json',
    '{"a": "é"}',
  ]);
});

test('requests one after another share a connection', async () => {
  let connections = 0;
  const server = createServer((_req, res) => res.end('ok'));
  server.on('connection', () => {
    connections += 1;
  });
  const url = await listen(server);
  const http = client();
  await http.send({ method: 'GET', url });
  await http.send({ method: 'GET', url });
  await http.send({ method: 'GET', url });
  expect(connections).toBe(1);
});

test('a proxy named by the environment is not used', async () => {
  const saved = { ...process.env };
  closers.push(() => {
    process.env = saved;
  });
  Object.assign(process.env, {
    http_proxy: 'http://127.0.0.1:9',
    HTTP_PROXY: 'http://127.0.0.1:9',
    no_proxy: '',
  });
  const url = await serve((_req, res) => res.end('direct'));
  expect((await client().send({ method: 'GET', url })).text).toBe('direct');
});

test('a time-out that is not a whole number of milliseconds is one like any other', async () => {
  const url = await serve((_req, res) => res.end('ok'));
  expect((await client().send({ method: 'GET', url, timeoutMs: 30_000.25 })).text).toBe('ok');
});
