import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../support/problem.ts';
import { exchangeBytes, sendRaw } from '../support/raw-http.ts';
import { openScene } from '../support/scene.ts';

const { person, service, managementCalls } = await openScene();
const jane = await person({ a: 1 });
const authorization = `Bearer ${jane.token}`;

describe('an unknown address', () => {
  test.each([
    '/',
    '/me/metadata/',
    '/me/metadata//',
    '/me//metadata',
    '/ME/metadata',
    '/me/Metadata',
    '/me/metadata/a/b',
    '/me/metadata/a/',
    '/api/v2/users/auth0%7Cjane',
    '/users/auth0%7Cjane/metadata',
    '/livez',
    '/readyz',
    '/metrics',
    '/favicon.ico',
    '/.env',
    '/..%2f..%2fetc%2fpasswd',
  ])('%s is 404 route_not_found', async (path) => {
    const response = await sendRaw(service.port, { path, headers: { authorization } });
    await expectProblem(response, 404, 'route_not_found');
    expect(managementCalls()).toBe(0);
  });

  test('is 404 for every method', async () => {
    const responses = await Promise.all(
      ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].map((method) =>
        fetch(`${service.url}/nowhere`, { method }),
      ),
    );
    expect(responses.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404]);
  });

  test.each(['%', '%zz', '%E0%A4%A', 'a%', '%C0%AF'])(
    'with the malformed encoding %s is 400 request_malformed',
    async (key) => {
      const response = await sendRaw(service.port, {
        path: `/me/metadata/${key}`,
        headers: { authorization },
      });
      await expectProblem(response, 400, 'request_malformed');
      expect(managementCalls()).toBe(0);
    },
  );
});

const DOCUMENT = { path: '/me/metadata', allow: 'GET, HEAD, PUT, PATCH, DELETE, OPTIONS' };
const KEY = { path: '/me/metadata/a', allow: 'GET, HEAD, PUT, DELETE, OPTIONS' };

describe.each([
  [DOCUMENT, ['POST', 'TRACE', 'PROPFIND', 'PURGE', 'LINK']],
  [KEY, ['POST', 'PATCH', 'TRACE', 'PROPFIND', 'MKCOL']],
] as const)('$path', ({ path, allow }, methods) => {
  test.each(methods)('answers %s with 405 and what it allows, token or not', async (method) => {
    const anonymous = await sendRaw(service.port, { method, path });
    expect(anonymous.headers.get('allow')).toBe(allow);
    await expectProblem(anonymous, 405, 'method_not_allowed');
    const response = await sendRaw(service.port, { method, path, headers: { authorization } });
    await expectProblem(response, 405, 'method_not_allowed');
    expect(managementCalls()).toBe(0);
  });

  test('is not fooled by a method in a header field or in the query', async () => {
    const headers = { authorization, 'x-http-method-override': 'DELETE', 'x-method-override': 'DELETE' };
    const response = await sendRaw(service.port, { path: `${path}?_method=DELETE`, headers });
    expect(response.status).toBe(200);
    expect(jane.user.patches).toEqual([]);
  });

  test('answers OPTIONS with what it allows, without a token', async () => {
    const response = await sendRaw(service.port, { method: 'OPTIONS', path });
    expect(response.status).toBe(204);
    expect(response.headers.get('allow')).toBe(allow);
    const patchTypes = response.headers.get('accept-patch') ?? '';
    expect(patchTypes.includes('application/merge-patch+json')).toBe(path === DOCUMENT.path);
  });
});

describe('Accept', () => {
  test.each(['text/html', 'application/xml', 'application/json;q=0', 'text/*, application/xml'])(
    '%s is 406 not_acceptable on a read',
    async (accept) => {
      await expectProblem(await jane.ask('GET', '', { headers: { accept } }), 406, 'not_acceptable');
      await expectProblem(await jane.ask('GET', '/a', { headers: { accept } }), 406, 'not_acceptable');
      expect(managementCalls()).toBe(0);
    },
  );

  test.each(['application/json', 'application/*', '*/*', 'text/html, application/json;q=0.1'])(
    '%s is served JSON',
    async (accept) => {
      const response = await jane.ask('GET', '', { headers: { accept } });
      expect(response.status).toBe(200);
    },
  );
});

describe('bytes that are hardly a request', () => {
  const CASES = [
    ['noise', 'LEAK this is not HTTP\r\n\r\n', 400, 'request_malformed'],
    [
      'a length that is no number',
      'PATCH /me/metadata HTTP/1.1\r\nHost: x\r\nContent-Length: LEAK\r\n\r\n',
      400,
      'request_malformed',
    ],
    [
      'both a length and chunks, as smugglers send them',
      'PATCH /me/metadata HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nLEAK',
      400,
      'request_malformed',
    ],
    [
      'header fields of 20 KB',
      `GET /me/metadata HTTP/1.1\r\nHost: x\r\nX-Long: ${'LEAK'.repeat(5000)}\r\n\r\n`,
      431,
      'headers_too_large',
    ],
  ] as const;

  test.each(CASES)(
    '(%s) get a problem document and the end of the connection',
    async (_name, bytes, status, code) => {
      const response = await exchangeBytes(service.port, bytes);
      expect(response.headers.get('connection')).toBe('close');
      await expectProblem(response, status, code);
      expect((await jane.ask('GET')).status).toBe(200);
    },
  );
});

test('every answer forbids sniffing, framing and rendering, and names no product', async () => {
  const responses = await Promise.all([
    jane.ask('GET'),
    fetch(service.url),
    fetch(`${service.url}/me/metadata`),
  ]);
  const fields = responses.map(({ headers }) => [
    headers.get('x-content-type-options'),
    headers.get('content-security-policy'),
    headers.get('referrer-policy'),
    headers.get('x-powered-by'),
    headers.get('server'),
  ]);
  const expected = ['nosniff', "default-src 'none';frame-ancestors 'none'", 'no-referrer', null, null];
  expect(fields).toEqual(responses.map(() => expected));
});
