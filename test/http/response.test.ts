/** How answers leave: one head each, whose headers come from middleware and from the answer itself. */
import { once } from 'node:events';
import {
  createServer,
  get,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
  type ServerResponse,
} from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';
import { getContext, setHeader } from '../../src/http/middleware/request-context.ts';
import { sendResponse, startResponse } from '../../src/http/response.ts';
import { listen } from '../lib/local-server.ts';
import { openScene } from '../support/scene.ts';

const APP = 'https://app.example.com';
const { person, service } = await openScene({ env: { CORS_ORIGINS: APP } });
const jane = await person({ a: 1 });
const { authorization = '' } = jane.jsonHeaders;
const tag = (await jane.ask('GET')).headers.get('etag') ?? '';

/** Names and values in turn, with the casing of the wire. */
async function getHeaderLines(method: string, path: string, headers: OutgoingHttpHeaders) {
  const sent = request(service.url + path, { method, headers, agent: false }).end();
  const [response]: IncomingMessage[] = await once(sent, 'response');
  const lines = response?.rawHeaders ?? [];
  response?.destroy();
  return { status: response?.statusCode, lines };
}

const PREFLIGHT = { origin: APP, 'access-control-request-method': 'PATCH' };

describe('no header occurs twice, and each has the casing of its standard, in the answer to', () => {
  test.each<[string, number, string, string, OutgoingHttpHeaders]>([
    ['a read', 200, 'GET', '/me/metadata', {}],
    ['a read by a page', 200, 'GET', '/me/metadata', { origin: APP }],
    ['a HEAD', 200, 'HEAD', '/me/metadata', {}],
    ['a read of what the caller holds', 304, 'GET', '/me/metadata', { 'if-none-match': tag }],
    ['a failed precondition', 412, 'GET', '/me/metadata', { 'if-match': '"other"' }],
    ['a key that is not there', 404, 'GET', '/me/metadata/none', {}],
    ['a download', 200, 'GET', '/me?download=1', {}],
    ['a method that is not known', 405, 'POST', '/me/metadata', {}],
    ['OPTIONS', 204, 'OPTIONS', '/me/metadata', { origin: APP }],
    ['a preflight', 204, 'OPTIONS', '/me/metadata', PREFLIGHT],
    ['a stream', 200, 'GET', '/me/events', {}],
    ['the page of the documentation', 200, 'GET', '/docs', {}],
    ['two proofs', 400, 'GET', '/me', { dpop: ['a', 'b'] }],
  ])('%s (%d)', async (_name, status, method, path, headers) => {
    const answer = await getHeaderLines(method, path, { authorization, ...headers });
    expect(answer.status).toBe(status);
    const names = answer.lines.filter((_line, index) => index % 2 === 0);
    const lower = names.map((name) => name.toLowerCase());
    expect(lower).toHaveLength(new Set(lower).size);
    expect(names).toEqual(expect.arrayContaining(['X-Request-Id', 'Content-Security-Policy']));
    expect(names.filter((name) => !/^(?:[A-Z][A-Za-z0-9]*)(?:-[A-Z][A-Za-z0-9]*)*$/.test(name))).toEqual([]);
  });
});

async function exchange(handler: (req: IncomingMessage, res: ServerResponse) => void) {
  const url = await listen(createServer(handler));
  const [response]: IncomingMessage[] = await once(get(url, { agent: false }), 'response');
  return {
    status: response?.statusCode,
    headers: response?.headers,
    body: response ? await text(response) : '',
  };
}

test('a header of the answer replaces the one of the same name that middleware added', async () => {
  const { headers } = await exchange((req, res) => {
    setHeader(getContext(req).headers, 'Vary', 'Origin');
    setHeader(getContext(req).headers, 'Age', 1);
    setHeader(getContext(req).headers, 'Age', 2);
    sendResponse(res, 200, [{ Vary: 'Authorization, Origin', 'Content-Length': 2 }], 'ok');
  });
  expect(headers).toMatchObject({ vary: 'Authorization, Origin', age: '2', 'content-length': '2' });
});

test('a header that cannot be written is refused before anything is sent, so that an error can be answered', async () => {
  const answer = await exchange((_req, res) => {
    try {
      startResponse(res, 200, [{ ETag: 'two\r\nlines' }]);
    } catch {
      sendResponse(res, 500, [{ 'Content-Length': 7 }], 'refused');
    }
  });
  expect(answer).toMatchObject({ status: 500, body: 'refused' });
  expect(answer.headers).not.toHaveProperty('etag');
});

test('a connection that is to end says so once, whether the listener or the answer asks for it', async () => {
  const answer = await exchange((_req, res) => {
    res.shouldKeepAlive = false;
    sendResponse(res, 200, [{ Connection: 'close', 'Content-Length': 0 }]);
  });
  expect(answer.headers?.connection).toBe('close');
});
