import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../support/problem.ts';
import { sendAndLeave, sendRaw } from '../support/raw-http.ts';
import { openScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

const { person, service, managementCalls } = await openScene();
const WRITES = [
  ['PATCH', ''],
  ['PUT', ''],
  ['PUT', '/key'],
] as const;
const JSON_TYPE = { 'content-type': 'application/json' };

describe.each(WRITES)('%s /me/metadata%s refuses, without a call to the tenant,', (method, path) => {
  test.each([
    ['no body at all', {}, []],
    ['no body with a JSON type', JSON_TYPE, []],
    ['an empty body', { ...JSON_TYPE, 'content-length': '0' }, []],
    ['an empty chunked body', { ...JSON_TYPE, 'transfer-encoding': 'chunked' }, []],
    ['white space', JSON_TYPE, [' \r\n\t ']],
    ['nothing, compressed', { ...JSON_TYPE, 'content-encoding': 'gzip' }, [gzipSync('')]],
  ])('%s as body_required', async (_name, headers, chunks) => {
    const jane = await person({ a: 1 });
    const authorization = `Bearer ${jane.token}`;
    const response = await sendRaw(service.port, {
      method,
      path: `/me/metadata${path}`,
      headers: { authorization, ...headers },
      chunks,
    });
    await expectProblem(response, 400, 'body_required');
    expect(managementCalls()).toBe(0);
  });

  test.each([
    ['a word', 'LEAK-not-json'],
    ['half an object', '{"a":"LEAK'],
    ['two values', '{"LEAK":1}{}'],
    ['a trailing comma', '{"LEAK":1,}'],
    ['a comment', '{"LEAK":1} // no'],
    ['NaN', '{"LEAK":NaN}'],
    ['a bare NUL', '{"LEAK":"\u0000"}'],
    ['invalid UTF-8', new Uint8Array([0x22, 0xc3, 0x28, 0x22])],
    ['overlong UTF-8', new Uint8Array([0x22, 0xc0, 0xaf, 0x22])],
    ['a surrogate in UTF-8', new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ['UTF-16', new Uint8Array([0x7b, 0x00, 0x7d, 0x00])],
  ])('%s as json_invalid', async (_name, body) => {
    const jane = await person({ a: 1 });
    const response = await jane.ask(method, path, { body, headers: JSON_TYPE });
    await expectProblem(response, 400, 'json_invalid');
    expect(managementCalls()).toBe(0);
  });

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json; charset=latin1',
    'application/json; charset=utf-16',
    'application/jsonp',
    'application/xml',
  ])('%s as media_type_unsupported', async (type) => {
    const jane = await person({ a: 1 });
    const response = await jane.ask(method, path, { body: '{"a":2}', headers: { 'content-type': type } });
    const named = response.headers.get(method === 'PATCH' ? 'accept-patch' : 'accept');
    expect(named).toMatch(/(^|, )application\/json(,|$)/);
    await expectProblem(response, 415, 'media_type_unsupported');
    expect(managementCalls()).toBe(0);
  });

  test('a body without a type as media_type_unsupported', async () => {
    const jane = await person({ a: 1 });
    const body = new TextEncoder().encode('{"a":2}');
    const response = await jane.ask(method, path, { body });
    await expectProblem(response, 415, 'media_type_unsupported');
    expect(managementCalls()).toBe(0);
  });

  test('an unknown content coding as media_type_unsupported', async () => {
    const jane = await person({ a: 1 });
    const headers = { ...JSON_TYPE, 'content-encoding': 'x-unknown' };
    const response = await jane.ask(method, path, { body: '{"a":2}', headers });
    expect(response.headers.get('accept-encoding')).toBe('gzip, deflate, br');
    await expectProblem(response, 415, 'media_type_unsupported');
    expect(managementCalls()).toBe(0);
  });

  test('a broken compressed body as request_malformed', async () => {
    const jane = await person({ a: 1 });
    const headers = { ...JSON_TYPE, 'content-encoding': 'gzip' };
    const response = await jane.ask(method, path, { body: 'not gzip', headers });
    await expectProblem(response, 400, 'request_malformed');
    expect(managementCalls()).toBe(0);
  });

  test.each([
    ['a body', (bytes: Uint8Array<ArrayBuffer>) => bytes, {}],
    ['a bomb', (bytes: Uint8Array<ArrayBuffer>) => gzipSync(bytes), { 'content-encoding': 'gzip' }],
  ])('%s beyond the limit as body_too_large', async (_name, encode, coding) => {
    const jane = await person({ a: 1 });
    const body = encode(new TextEncoder().encode(`"${'x'.repeat(5_000_000)}"`));
    const response = await jane.ask(method, path, { body, headers: { ...JSON_TYPE, ...coding } });
    await expectProblem(response, 413, 'body_too_large');
    expect(managementCalls()).toBe(0);
  });
});

test.each(['gzip', 'GZip', 'x-gzip', 'identity', 'identity, x-gzip,', ''])(
  'a body with the content coding %j is accepted',
  async (coding) => {
    const jane = await person({ a: 1 });
    const text = '{"a":{"b":2}}';
    const body = /gzip/i.test(coding) ? new Uint8Array(gzipSync(text)) : text;
    const response = await jane.ask('PATCH', '', {
      body,
      headers: { ...JSON_TYPE, 'content-encoding': coding },
    });
    expect(response.status).toBe(200);
    expect(jane.user.stored).toEqual({ a: { b: 2 } });
  },
);

test('a body in pieces is accepted', async () => {
  const jane = await person({});
  const response = await sendRaw(service.port, {
    method: 'PATCH',
    path: '/me/metadata',
    headers: { ...jane.jsonHeaders, 'transfer-encoding': 'chunked' },
    chunks: ['{"a":', '"', Buffer.from([0xc3]), Buffer.from([0xa9]), '"}'],
  });
  expect(await response.json()).toEqual({ a: 'é' });
});

test('a caller who disconnects in the middle of the body changes nothing, and other callers are served', async () => {
  const jane = await person({ a: 1 });
  const head = [
    'PATCH /me/metadata HTTP/1.1',
    'Host: localhost',
    `Authorization: Bearer ${jane.token}`,
    'Content-Type: application/json',
    'X-Request-Id: cut-short-body',
    'Content-Length: 100',
  ];
  await sendAndLeave(service.port, `${head.join('\r\n')}\r\n\r\n{"a":2`);
  const [line] = await service.linesOf('cut-short-body');
  expect(line).toMatchObject({ status: 499, route: '/me/metadata' });
  expect((await jane.ask('GET')).status).toBe(200);
  expect(jane.user.patches).toEqual([]);
});

test('a bad token is refused before the body is read', async () => {
  const response = await fetch(`${service.url}/me/metadata`, {
    method: 'PATCH',
    body: 'not json',
    headers: JSON_TYPE,
  });
  await expectProblem(response, 401, 'token_missing');
  await until(() => service.logLines.some((line) => line.includes('token_missing')) || undefined);
  expect(managementCalls()).toBe(0);
});
