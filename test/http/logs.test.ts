import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../support/problem.ts';
import { exchangeBytes, sendRaw } from '../support/raw-http.ts';
import { openScene } from '../support/scene.ts';
import { JWT_PART, LEAK, UPSTREAM_TEXT } from '../support/sentinels.ts';
import { APPLICATION } from '../support/tokens.ts';

const { person, service, tenant } = await openScene();

describe('the log', () => {
  test('has one line for each request, with the template of its route', async () => {
    const jane = await person({ 'LEAK-key': 1 });
    await jane.ask('GET', '/LEAK-key', { headers: { 'x-request-id': 'one-line-each' } });
    const bystander = await jane.ask('GET');
    await service.linesOf(bystander.headers.get('x-request-id') ?? '');
    expect(await service.linesOf('one-line-each')).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        event: 'request',
        request_id: 'one-line-each',
        method: 'GET',
        route: '/me/metadata/:key',
        status: 200,
        duration_ms: expect.any(Number),
        client_id: APPLICATION,
      },
    ]);
  });

  test.each([
    ['GET', '/nowhere', 'none', 404, 'route_not_found'],
    ['POST', '/me/metadata', '/me/metadata', 405, 'method_not_allowed'],
    ['GET', '/me/metadata', '/me/metadata', 401, 'token_missing'],
  ])('names the code of a refusal: %s %s', async (method, path, route, status, code) => {
    const id = `refused-${code}`;
    const headers = { 'x-request-id': id };
    const response = await fetch(`${service.url}${path}?LEAK=LEAK`, { method, headers });
    expect(response.status).toBe(status);
    expect(await service.linesOf(id)).toEqual([
      expect.objectContaining({ level: 'info', method, route, status, code }),
    ]);
  });

  test('has a line of level error for a failure that the caller did not cause', async () => {
    const jane = await person({ a: 1 });
    tenant.answerWith('read', { status: 500 });
    await jane.ask('GET', '', { headers: { 'x-request-id': 'their-failure' } });
    expect(await service.linesOf('their-failure')).toEqual([
      expect.objectContaining({ level: 'error', status: 503, code: 'upstream_unavailable' }),
    ]);
  });

  test('repeats no token, secret, key, value, body, query or text of the tenant', async () => {
    const jane = await person({ 'LEAK-key': 'LEAK-value', fine: 1 });
    const other = {
      'content-type': 'application/json',
      referer: 'https://LEAK.example',
      'user-agent': 'LEAK',
    };
    const responses = await Promise.all([
      jane.ask('GET', '/LEAK-missing?LEAK=LEAK', { headers: other }),
      jane.ask('PATCH', '', { body: '{"LEAK-broken', headers: other }),
      jane.ask('PATCH', '', { body: '{"a":"LEAK-value \ud800"}', headers: other }),
      jane.ask('PUT', '/LEAK-key', { json: 'LEAK-value' }),
      jane.ask('PUT', '/key', { json: null }),
      jane.ask('DELETE', '/LEAK-key'),
      fetch(`${service.url}/LEAK`, { headers: { authorization: 'Bearer LEAK', cookie: 'LEAK' } }),
      fetch(`${service.url}/me/metadata`, { headers: { authorization: `Bearer ${jane.token}LEAK` } }),
    ]);
    tenant.answerWith('read', { status: 403, body: { message: UPSTREAM_TEXT }, headers: { 'x-a': 'LEAK' } });
    const failed = await jane.ask('GET', '', { headers: { 'cache-control': 'no-cache' } });
    await Promise.all(
      [...responses, failed].map(({ headers }) => service.linesOf(headers.get('x-request-id') ?? '')),
    );
    const everything = service.logLines.join('');
    expect(everything).not.toMatch(LEAK);
    expect(everything).not.toMatch(JWT_PART);
    expect(everything).not.toContain(jane.user.id);
  });
});

describe('X-Request-Id', () => {
  test.each(['12345678', 'a-b_C-9-a-b_C-9', 'x'.repeat(64)])(
    'is kept when it is well formed: %s',
    async (id) => {
      const response = await fetch(`${service.url}/nowhere`, { headers: { 'x-request-id': id } });
      expect(response.headers.get('x-request-id')).toBe(id);
      await expectProblem(response, 404, 'route_not_found');
    },
  );

  test.each([
    ['too short', '1234567'],
    ['too long', 'x'.repeat(65)],
    ['with a quote', 'abcdefgh"'],
    ['with a brace and a space', '{"a": "b"}'],
    ['with a tab', 'abcd\tefgh'],
    ['beyond ASCII', Buffer.from('übergröße', 'utf8').toString('latin1')],
    ['empty', ''],
    ['like a path', '../../etc/passwd'],
  ])('is replaced when it is %s', async (_name, id) => {
    const response = await sendRaw(service.port, { path: '/nowhere', headers: { 'x-request-id': id } });
    expect(response.headers.get('x-request-id')).toMatch(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
    await expectProblem(response, 404, 'route_not_found');
  });

  test('is replaced when it is sent twice', async () => {
    const headers = { 'x-request-id': ['first-request-id', 'second-request-id'] };
    const response = await sendRaw(service.port, { path: '/nowhere', headers });
    expect(response.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
  });

  test.each([
    ['a folded line', 'good-request-id\r\n Injected-Header: LEAK'],
    ['a bare line feed', 'good-request-id\nInjected-Header: LEAK'],
    ['a bare carriage return', 'good-request-id\rInjected-Header: LEAK'],
  ])('cannot smuggle a line into the log or the answer by %s', async (_name, value) => {
    const head = `GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-Id: ${value}\r\n\r\n`;
    const response = await exchangeBytes(service.port, head);
    expect(response.headers.get('injected-header')).toBeNull();
    expect(await response.text()).not.toMatch(LEAK);
    expect(service.logLines.filter((line) => line.trim().split('\n').length !== 1)).toEqual([]);
  });

  test('differs from request to request', async () => {
    const jane = await person({ a: 1 });
    const responses = await Promise.all([jane.ask('GET'), jane.ask('GET'), jane.ask('DELETE')]);
    expect(new Set(responses.map(({ headers }) => headers.get('x-request-id'))).size).toBe(3);
  });
});
