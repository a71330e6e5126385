/** What is answered to requests that are odd, or that two readers could understand differently. */
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../support/problem.ts';
import { exchangeBytes, sendRaw } from '../support/raw-http.ts';
import { openScene } from '../support/scene.ts';
import { MAX_HEADERS, SERVER_LIMITS } from '../../src/http/server/limits.ts';

const { person, service, tenant, managementCalls } = await openScene();
const jane = await person({ a: 1 });
const token = `Authorization: Bearer ${jane.token}\r\n`;
const HOST = 'Host: x\r\n';

/** A request for the caller's metadata: these fields, and whatever follows them. */
const get = (fields = '', rest = '') => `GET /me/metadata HTTP/1.1\r\n${HOST}${token}${fields}\r\n${rest}`;
const patch = (fields: string, rest: string) =>
  `PATCH /me/metadata HTTP/1.1\r\n${HOST}${token}Content-Type: application/json\r\n${fields}\r\n${rest}`;
const CHUNKED = 'Transfer-Encoding: chunked\r\n';
const WHOLE = '7\r\n{"b":2}\r\n0\r\n\r\n';

const MALFORMED = [400, 'request_malformed'] as const;
const TOO_LARGE = [431, 'headers_too_large'] as const;

describe('a request is refused with a problem, and its connection closed, before it has any effect when it has', () => {
  test.each<[string, string, readonly [number, string]]>([
    ['a field that is continued on the next line', get('X-A: b\r\n c\r\n'), MALFORMED],
    ['lines that end in a bare LF', `GET /me/metadata HTTP/1.1\n${HOST}${token}\n`, MALFORMED],
    ['one field that ends in a bare LF', get('X-A: b\nX-B: c\r\n'), MALFORMED],
    ['a bare CR in a field', get('X-A: b\rc\r\n'), MALFORMED],
    ['a NUL in a field', get('X-A: b\0c\r\n'), MALFORMED],
    ['a NUL in the path', `GET /me/\0metadata HTTP/1.1\r\n${HOST}${token}\r\n`, MALFORMED],
    ['a space before the colon', get('X-A : b\r\n'), MALFORMED],
    ['a path that is not ASCII', `GET /me/metadata/é HTTP/1.1\r\n${HOST}${token}\r\n`, MALFORMED],
    ['a path without a slash', `GET me HTTP/1.1\r\n${HOST}${token}\r\n`, MALFORMED],
    ['a whole address without a host', `GET http://?a HTTP/1.1\r\n${HOST}${token}\r\n`, MALFORMED],
    ['a whole address without anything', `DELETE http:// HTTP/1.1\r\n${HOST}${token}\r\n`, MALFORMED],
    ['a fragment', `GET /me/metadata#a HTTP/1.1\r\n${HOST}${token}\r\n`, MALFORMED],
    ['a fragment behind a second host', `PATCH //me?.V#iC@"v HTTP/1.1\r\n${HOST}${token}\r\n`, MALFORMED],
    ['an address of another scheme', `GET ftp://x/me/metadata HTTP/1.1\r\n${HOST}${token}\r\n`, MALFORMED],
    ['no Host', `GET /me/metadata HTTP/1.1\r\n${token}\r\n`, MALFORMED],
    [
      'chunks in HTTP/1.0',
      `PATCH /me/metadata HTTP/1.0\r\n${HOST}${token}Connection: keep-alive\r\nContent-Type: application/json\r\n${CHUNKED}\r\n${WHOLE}`,
      MALFORMED,
    ],
    ['two Hosts', get('Host: y\r\n'), MALFORMED],
    ['two tokens', get(token), MALFORMED],
    ['two proofs', get('DPoP: a\r\nDPoP: b\r\n'), MALFORMED],
    ['two media types', patch(`Content-Type: text/plain\r\n${CHUNKED}`, WHOLE), MALFORMED],
    ['HTTP/0.9', `GET /me/metadata\r\n\r\n`, MALFORMED],
    ['HTTP/2 without TLS', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', MALFORMED],
    ['a TLS handshake', '\x16\x03\x01\x02\x00\x01\x00', MALFORMED],
    ['a method in lower case', `get /me/metadata HTTP/1.1\r\n${HOST}${token}\r\n`, MALFORMED],
    ['a method that HTTP does not know', `BREW /me/metadata HTTP/1.1\r\n${HOST}${token}\r\n`, MALFORMED],
    ['a request for a tunnel', `CONNECT elsewhere:443 HTTP/1.1\r\n${HOST}${token}\r\n`, MALFORMED],
    ['a length and chunks', patch(`Content-Length: 7\r\n${CHUNKED}`, WHOLE), MALFORMED],
    ['chunks and a length', patch(`${CHUNKED}Content-Length: 7\r\n`, WHOLE), MALFORMED],
    ['two lengths', patch('Content-Length: 7\r\nContent-Length: 7\r\n', '{"b":2}'), MALFORMED],
    ['a list of lengths', patch('Content-Length: 7, 7\r\n', '{"b":2}'), MALFORMED],
    ['a signed length', patch('Content-Length: +7\r\n', '{"b":2}'), MALFORMED],
    ['an endless length', patch(`Content-Length: ${'9'.repeat(30)}\r\n`, '{"b":2}'), MALFORMED],
    ['a coding under the chunks', patch('Transfer-Encoding: gzip, chunked\r\n', WHOLE), MALFORMED],
    ['a coding over the chunks', patch('Transfer-Encoding: chunked, gzip\r\n', WHOLE), MALFORMED],
    ['a coding that is nearly chunked', patch('Transfer-Encoding: xchunked\r\n', WHOLE), MALFORMED],
    ['a chunk whose size is no number', patch(CHUNKED, `zz\r\n{"b":2}\r\n0\r\n\r\n`), MALFORMED],
    ['a chunk of endless size', patch(CHUNKED, `${'f'.repeat(20)}\r\n{"b":2}\r\n0\r\n\r\n`), MALFORMED],
    ['a chunk longer than it says', patch(CHUNKED, `6\r\n{"b":2}\r\n0\r\n\r\n`), MALFORMED],
    ['chunks that end in a bare LF', patch(CHUNKED, `7\n{"b":2}\n0\n\n`), MALFORMED],
    [
      'endless chunk extensions',
      patch(CHUNKED, `7;${'x'.repeat(20_000)}\r\n{"b":2}\r\n0\r\n\r\n`),
      MALFORMED,
    ],
    ['endless trailers', patch(CHUNKED, `7\r\n{"b":2}\r\n0\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`), TOO_LARGE],
    ['a long address', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n${HOST}${token}\r\n`, TOO_LARGE],
    ['a long query', `GET /me/metadata?${'x'.repeat(20_000)} HTTP/1.1\r\n${HOST}${token}\r\n`, TOO_LARGE],
    ['long headers', get(`X: ${'x'.repeat(SERVER_LIMITS.maxHeaderBytes)}\r\n`), TOO_LARGE],
    ['too many headers', get('x:\r\n'.repeat(MAX_HEADERS)), TOO_LARGE],
    ['more headers than Node reads', get(`${'x:\r\n'.repeat(3_000)}If-None-Match: *\r\n`), TOO_LARGE],
  ])('%s', async (_name, bytes, [status, code]) => {
    const response = await exchangeBytes(service.port, bytes);
    expect(response.headers.get('connection')).toBe('close');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    await expectProblem(response, status, code);
    expect([managementCalls(), jane.user.patches]).toEqual([0, []]);
  });
});

const CLOSE = 'Connection: close\r\n';

describe('a request is served like a plain one when it has', () => {
  test.each([
    [
      'the whole address of a proxied request',
      `GET http://x/me/metadata HTTP/1.1\r\n${HOST}${token}${CLOSE}\r\n`,
    ],
    ['HTTP/1.0 without a Host', `GET /me/metadata HTTP/1.0\r\n${token}\r\n`],
    ['HTTP/1.0', `GET /me/metadata HTTP/1.0\r\n${HOST}${token}\r\n`],
    ['empty lines before it', `\r\n\r\n${get(CLOSE)}`],
    ['an upgrade to what is not spoken here', get('Connection: Upgrade, close\r\nUpgrade: websocket\r\n')],
    [
      'an upgrade to HTTP/2',
      get('Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n'),
    ],
    ['an unknown expectation', get(`Expect: tea\r\n${CLOSE}`)],
    ['a body that a GET does not need', get(`Content-Length: 3\r\n${CLOSE}`, 'abc')],
    ['as many headers as are allowed', get(`${'x:\r\n'.repeat(MAX_HEADERS - 3)}${CLOSE}`)],
    [
      'a query that cannot be decoded',
      `GET /me/metadata?a=%zz&%E0%A4%A HTTP/1.1\r\n${HOST}${token}${CLOSE}\r\n`,
    ],
    ['a member of the query twice', `GET /me/metadata?x=1&x=2 HTTP/1.1\r\n${HOST}${token}${CLOSE}\r\n`],
  ])('%s', async (_name, bytes) => {
    const response = await exchangeBytes(service.port, bytes);
    expect([response.status, await response.json()]).toEqual([200, { a: 1 }]);
  });
});

describe('OPTIONS for the server as a whole', () => {
  test.each([
    ['OPTIONS * HTTP/1.1', `OPTIONS * HTTP/1.1\r\n${HOST}${CLOSE}\r\n`],
    ['OPTIONS / HTTP/1.1', `OPTIONS / HTTP/1.1\r\n${HOST}${CLOSE}\r\n`],
    ['OPTIONS / HTTP/1.0 without a Host, as HAProxy asks', 'OPTIONS / HTTP/1.0\r\n\r\n'],
    ['OPTIONS of the bare host', `OPTIONS http://x HTTP/1.1\r\n${HOST}${CLOSE}\r\n`],
  ])('answers %s with 204 and the methods of the service', async (_name, bytes) => {
    const answers = [
      await exchangeBytes(service.port, bytes),
      await exchangeBytes(Number(new URL(service.opsUrl).port), bytes),
    ];
    expect(answers.map(({ status, headers }) => [status, headers.get('allow')])).toEqual([
      [204, 'GET, HEAD, PUT, PATCH, DELETE, OPTIONS'],
      [204, 'GET, HEAD, OPTIONS'],
    ]);
  });

  test('does not change the answer to other methods at these addresses', async () => {
    const answers = [
      await sendRaw(service.port, { path: '/' }),
      await sendRaw(service.port, { method: 'PUT', path: '*' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([404, 404]);
  });
});

const omars = async () => {
  const omar = await person({ a: 1 });
  const mine = `${HOST}Authorization: Bearer ${omar.token}\r\n`;
  const write = `PATCH /me/metadata HTTP/1.1\r\n${mine}Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{"b":2}`;
  return { omar, mine, write };
};
const statusesOf = (answers: string) =>
  [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);

describe('a request in the same segment as', () => {
  test.each([
    ['websocket', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'],
    ['h2c', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n'],
  ])('an upgrade to %s does not run, and the answer closes the connection', async (_name, fields) => {
    const { omar, mine, write } = await omars();
    const socket = connect(service.port, '127.0.0.1');
    socket.write(`GET /me/metadata HTTP/1.1\r\n${mine}${fields}\r\n${write}`);
    const answers = await text(socket);
    expect(statusesOf(answers)).toEqual(['200']);
    expect(answers).toMatch(/^Connection: close\r$/m);
    expect(omar.user.patches).toEqual([]);
  });

  test('an upgrade with a body does not run, and the body is read', async () => {
    const { omar, write } = await omars();
    const upgrading = write.replace('\r\n', '\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n');
    const response = await exchangeBytes(service.port, upgrading + write);
    expect([response.status, response.headers.get('connection')]).toEqual([200, 'close']);
    expect(omar.user.patches).toEqual([{ b: 2 }]);
  });

  test('an upgrade that Connection does not name is served', async () => {
    const { mine, write } = await omars();
    const socket = connect(service.port, '127.0.0.1');
    socket.write(
      `GET /me/metadata HTTP/1.1\r\n${mine}Upgrade: h2c\r\n\r\n${write.replace('\r\n', `\r\n${CLOSE}`)}`,
    );
    expect(statusesOf(await text(socket))).toEqual(['200', '200']);
  });

  test('an expectation with its body does not run, and the answer closes the connection', async () => {
    const { omar, write } = await omars();
    const expectant = write.replace('\r\n', '\r\nExpect: 100-continue\r\n');
    const socket = connect(service.port, '127.0.0.1');
    socket.write(expectant + write.replace('"b"', '"c"'));
    expect(statusesOf(await text(socket))).toEqual(['100', '200']);
    expect(omar.user.patches).toEqual([{ b: 2 }]);
  });

  test('a refused request whose answer closes the connection does not run', async () => {
    const { omar, mine, write } = await omars();
    const socket = connect(service.port, '127.0.0.1');
    socket.write(`GET /me/metadata HTTP/1.1\r\n${mine}${token}\r\n${write}`);
    expect(statusesOf(await text(socket))).toEqual(['400']);
    expect(omar.user.patches).toEqual([]);
  });
});

const expecting = (authorization: string) =>
  `PATCH /me/metadata HTTP/1.1\r\n${HOST}${authorization}Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 7\r\n\r\n`;

describe('a client that waits for 100 Continue', () => {
  test('is asked for its body once its token and media type are known to be good', async () => {
    const omar = await person({ a: 1 });
    const socket = connect(service.port, '127.0.0.1');
    socket.write(expecting(`Authorization: Bearer ${omar.token}\r\n`));
    await new Promise((resolve) => {
      socket.once('readable', () => resolve(undefined));
    });
    expect(String(socket.read())).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    socket.write('{"b":2}');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(omar.user.stored).toEqual({ a: 1, b: 2 });
  });

  test('gets an error instead when its token is missing, and the connection closes', async () => {
    const response = await exchangeBytes(service.port, expecting(''));
    expect(response.headers.get('connection')).toBe('close');
    await expectProblem(response, 401, 'token_missing');
  });
});

test('pipelined requests are answered in order, and each runs after the one before it is answered', async () => {
  const omar = await person({ a: 1 });
  const mine = `${HOST}Authorization: Bearer ${omar.token}\r\n`;
  const gate = tenant.hold('change');
  const socket = connect(service.port, '127.0.0.1');
  const body = '{"a":{"b":2}}';
  const first = `PATCH /me/metadata HTTP/1.1\r\n${mine}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  socket.write(`${first}GET /me/metadata HTTP/1.1\r\n${mine}${CLOSE}\r\n`);
  const answers = text(socket);
  await gate.arrived;
  // Had the second request been looked at, it would have asked the tenant for the old document.
  expect(omar.user.reads).toBeLessThanOrEqual(1);
  gate.open();
  expect([...(await answers).matchAll(/HTTP\/1\.1 \d+|\{"a":\{.*?\}\}/g)].map(([found]) => found)).toEqual([
    'HTTP/1.1 200',
    '{"a":{"b":2}}',
    'HTTP/1.1 200',
    '{"a":{"b":2}}',
  ]);
});

test('a request is answered although bytes that are not a request follow it', async () => {
  const answers = await exchangeBytes(service.port, `${get()}LEAK this is no request\r\n\r\n`);
  expect([answers.status, await answers.text()]).toEqual([200, '{"a":1}']);
});

test.each(['gzip', 'deflate', 'br', 'x-gzip', 'X-GZIP', 'gzip, gzip', 'identity, gzip'])(
  'a body with the content coding %s that is not coded so is refused',
  async (coding) => {
    const response = await jane.ask('PATCH', '', {
      headers: { 'content-type': 'application/json', 'content-encoding': coding },
      body: '{"b":2}',
    });
    const refused = [response.status, jane.user.patches];
    expect([
      [400, []],
      [415, []],
    ]).toContainEqual(refused);
  },
);

test('a body that is coded twice is refused and not decoded', async () => {
  const headers = { ...jane.jsonHeaders, 'content-encoding': 'gzip, gzip' };
  const body = new Uint8Array(gzipSync(gzipSync('{"b":2}')));
  const response = await jane.ask('PATCH', '', { headers, body });
  await expectProblem(response, 415, 'media_type_unsupported');
  expect(jane.user.patches).toEqual([]);
});

describe('the security headers', () => {
  const COMMON = {
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'origin-agent-cluster': '?1',
    'referrer-policy': 'no-referrer',
    'strict-transport-security': 'max-age=31536000; includeSubDomains',
    'x-content-type-options': 'nosniff',
    'x-dns-prefetch-control': 'off',
    'x-download-options': 'noopen',
    'x-frame-options': 'DENY',
    'x-permitted-cross-domain-policies': 'none',
    'x-xss-protection': '0',
    'x-powered-by': null,
    server: null,
  };
  const API = "default-src 'none';frame-ancestors 'none'";

  test.each([
    ['/me/metadata', 200, API],
    ['/me/metadata/none', 404, API],
    ['/nowhere', 404, API],
    ['/openapi.json', 200, API],
    ['/docs/start.js', 200, API],
    [
      '/docs',
      200,
      expect.stringMatching(/^default-src 'none'; script-src 'self';.* frame-ancestors 'none'$/),
    ],
  ])('are all on the answer to %s', async (path, status, policy) => {
    const { authorization = '' } = jane.jsonHeaders;
    const response = await sendRaw(service.port, { path, headers: { authorization } });
    expect(response.status).toBe(status);
    const wanted = { ...COMMON, 'content-security-policy': policy };
    const seen = Object.keys(wanted).map((name) => [name, response.headers.get(name)]);
    expect(Object.fromEntries(seen)).toEqual(wanted);
  });
});
