/** What clients that do not read their answers can make the service hold. */
import { readFileSync } from 'node:fs';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import getAbsoluteFSPath from 'swagger-ui-dist/absolute-path.js';
import { createUnreadAnswers, unreadAnswers } from '../../src/http/response.ts';
import { MIN_SHARED_BYTES } from '../../src/metadata/representation.ts';
import { openScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

const { person, service } = await openScene({ env: { USER_METADATA_MAX_BYTES: '1000000' } });
const { url } = service;

/** What answers end with from now on; the service runs in this process. */
function spyOnBodies() {
  const end = jest.spyOn(ServerResponse.prototype, 'end');
  return {
    buffers: () => end.mock.calls.map(([body]) => body).filter((body) => Buffer.isBuffer(body)),
    texts: () => end.mock.calls.map(([body]) => body).filter((body) => typeof body === 'string'),
  };
}
afterEach(() => {
  jest.restoreAllMocks();
});

const PUBLIC = [
  '/docs',
  '/docs/start.js',
  '/docs/swagger-ui.css',
  '/docs/swagger-ui-bundle.js',
  '/openapi.json',
  '/schemas/user-metadata',
  '/.well-known/oauth-protected-resource',
];

describe.each(PUBLIC)('%s', (path) => {
  test('leaves as the very same buffer each time', async () => {
    const { buffers } = spyOnBodies();
    const answers = await Promise.all([1, 2, 3].map(() => fetch(url + path)));
    const bodies = await Promise.all(answers.map((answer) => answer.text()));
    expect(buffers()).toHaveLength(3);
    expect(new Set(buffers()).size).toBe(1);
    expect(new Set(bodies)).toEqual(new Set([buffers()[0]?.toString()]));
    expect(answers.map(({ headers }) => headers.get('content-length'))).toEqual(
      bodies.map((body) => String(Buffer.byteLength(body))),
    );
  });

  test('has the same headers and no body for HEAD', async () => {
    const [get, head] = [await fetch(url + path), await fetch(url + path, { method: 'HEAD' })];
    const fields = ['content-length', 'content-type', 'etag', 'cache-control'];
    expect(fields.map((name) => head.headers.get(name))).toEqual(fields.map((name) => get.headers.get(name)));
    expect([head.status, await head.text()]).toEqual([200, '']);
    await get.text();
  });

  test('is answered whole and as it is, also where a range or a coding is asked for', async () => {
    const whole = await (await fetch(url + path)).text();
    const headers = { range: 'bytes=0-3', 'accept-encoding': 'gzip' };
    const response = await fetch(url + path, { headers });
    expect([response.status, response.headers.get('content-encoding')]).toEqual([200, null]);
    expect(await response.text()).toBe(whole);
  });
});

test.each(['swagger-ui-bundle.js', 'swagger-ui.css'])('/docs/%s equals the file', async (file) => {
  const bytes = Buffer.from(await (await fetch(`${url}/docs/${file}`)).arrayBuffer());
  expect(bytes.equals(readFileSync(join(getAbsoluteFSPath(), file)))).toBe(true);
});

describe('an answer to a user', () => {
  const large = { text: 'x'.repeat(900_000), other: 1 };

  test('that is large is one buffer for all clients that wait for the same content, selected keys included', async () => {
    const jane = await person(large);
    const share = jest.spyOn(unreadAnswers, 'share');
    const { buffers } = spyOnBodies();
    const paths = ['', '?fields=text', '?fields=text', '/text'];
    const answers = await Promise.all(paths.map((path) => jane.ask('GET', path)));
    const lengths = (await Promise.all(answers.map((answer) => answer.text()))).map(({ length }) => length);
    expect(lengths).toEqual([900_021, 900_011, 900_011, 900_002]);
    expect(new Set(buffers().map(({ length }) => length))).toEqual(new Set(lengths));
    const tags = answers.map(({ headers }) => headers.get('etag'));
    expect(share.mock.calls.map(([, content]) => content)).toEqual(expect.arrayContaining(tags));
    expect([share.mock.calls.length, new Set(tags).size]).toEqual([4, 3]);
    await until(() => unreadAnswers.bytes() === 0 || undefined);
  });

  test('that is small stays a string, which is written together with its headers', async () => {
    const jane = await person({ theme: 'dark' });
    const { texts } = spyOnBodies();
    await (await jane.ask('GET')).text();
    expect(texts()).toContain('{"theme":"dark"}');
  });

  test('that is an error with a large current document is counted, too', async () => {
    const jane = await person(large);
    const { buffers } = spyOnBodies();
    const response = await jane.ask('PATCH', '', { json: { other: 2 }, headers: { 'if-match': '"old"' } });
    expect([response.status, await response.json()]).toEqual([
      412,
      expect.objectContaining({ current: large }),
    ]);
    expect(buffers().filter(({ length }) => length > MIN_SHARED_BYTES)).toHaveLength(1);
    await until(() => unreadAnswers.bytes() === 0 || undefined);
  });
});

/** A set of answers with this bound, and a function that adds one to it. */
function open(maxBytes: number) {
  const unread = createUnreadAnswers({ maxBytes });
  const share = (content?: string, body = Buffer.alloc(1_000)) => {
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    return { response, sent: unread.share(response, content, body) };
  };
  return { unread, share };
}

describe('unread answers', () => {
  test('count once for the same content, for as long as one waits', () => {
    const { unread, share } = open(10_000);
    const [first, second, other] = [share('"a"'), share('"a"'), share('"b"')];
    expect(second.sent).toBe(first.sent);
    expect(other.sent).not.toBe(first.sent);
    expect(unread.bytes()).toBe(2_000);
    first.response.emit('close');
    expect(unread.bytes()).toBe(2_000);
    second.response.emit('close');
    other.response.emit('close');
    expect(unread.bytes()).toBe(0);
  });

  test('without a tag are counted one by one', () => {
    const { unread, share } = open(10_000);
    share();
    share();
    expect(unread.bytes()).toBe(2_000);
  });

  test('beyond the limit are destroyed, those that have waited longest first', () => {
    const { unread, share } = open(2_500);
    const waiting = [share('"a"'), share('"a"'), share('"b"'), share('"c"'), share()];
    expect(waiting.map(({ response }) => response.destroyed)).toEqual([true, true, true, false, false]);
    expect(unread.bytes()).toBe(2_000);
    expect(share('"a"').sent).not.toBe(waiting[0]?.sent);
  });

  test('may include one that is larger than the limit, but not beside others', () => {
    const { unread, share } = open(500);
    const [first, second] = [share('"a"'), share('"b"')];
    expect([first.response.destroyed, second.response.destroyed]).toEqual([true, false]);
    expect(unread.bytes()).toBe(1_000);
  });
});
