import { afterAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer, get, IncomingMessage, type RequestListener, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import * as fc from 'fast-check';
import { listingFields } from '../../src/http/middleware/security-headers.ts';

const Listed = listingFields(ServerResponse);
const opened: Array<ReturnType<typeof createServer>> = [];
afterAll(() => {
  for (const server of opened) server.close();
});

type Step =
  | { readonly kind: 'set'; readonly name: string; readonly value: string | string[] }
  | { readonly kind: 'append'; readonly name: string; readonly value: string | string[] }
  | { readonly kind: 'remove'; readonly name: string };

const name = fc.constantFrom('Vary', 'vary', 'ETag', 'Age', 'X-Request-Id', 'x-request-ID', 'Allow');
const value = fc.oneof(
  fc.stringMatching(/^[a-z]{1,3}$/),
  fc.array(fc.stringMatching(/^[a-z]{1,3}$/), { minLength: 1 }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), name, value }),
  fc.record({ kind: fc.constant('append' as const), name, value }),
  fc.record({ kind: fc.constant('remove' as const), name }),
);

function take(res: ServerResponse, steps: readonly Step[]): void {
  for (const one of steps) {
    if (one.kind === 'set') res.setHeader(one.name, one.value);
    else if (one.kind === 'append') res.appendHeader(one.name, one.value);
    else res.removeHeader(one.name);
  }
}

/** The lines of the answer that a server whose responses are of this class gives, without the date. */
async function answerOf(Response: typeof ServerResponse, handler: RequestListener) {
  const server = createServer({ ServerResponse: Response }, handler).listen(0, '127.0.0.1');
  opened.push(server);
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const [answer]: IncomingMessage[] = await once(get({ port, host: '127.0.0.1', agent: false }), 'response');
  const lines = answer?.rawHeaders.map((line, index, all) => (all[index - 1] === 'Date' ? '' : line));
  return {
    status: answer?.statusCode,
    reason: answer?.statusMessage,
    lines,
    body: answer && (await text(answer)),
  };
}

test('fields are set and read as Node does it', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const request = new IncomingMessage(new Socket());
      const [ours, nodes] = [new Listed(request), new ServerResponse(request)];
      take(ours, steps);
      take(nodes, steps);
      expect(ours.getHeaderNames()).toEqual(nodes.getHeaderNames());
      expect({ ...ours.getHeaders() }).toEqual({ ...nodes.getHeaders() });
      for (const known of ['Vary', 'ETAG', 'age']) {
        expect(ours.getHeader(known)).toEqual(nodes.getHeader(known));
        expect(ours.hasHeader(known)).toBe(nodes.hasHeader(known));
      }
    }),
  );
});

describe('the same bytes leave as from Node', () => {
  const handlers: Readonly<Record<string, RequestListener>> = {
    'fields set one by one': (_req, res) => {
      res.setHeader('ETag', '"a"');
      res.setHeader('Vary', 'Origin');
      res.setHeader('vary', 'Authorization');
      res.setHeader('Set-Cookie', ['a=1', 'b=2']);
      res.end('text');
    },
    'fields of writeHead over those that were set': (_req, res) => {
      res.setHeader('ETag', '"a"');
      res.writeHead(203, 'Told by another', { etag: '"b"', Age: 3 }).end('text');
    },
    'fields of writeHead as a list': (_req, res) => {
      res.writeHead(202, ['ETag', '"b"', 'Age', '3']).end('text');
    },
    'no field at all': (_req, res) => {
      res.statusCode = 404;
      res.statusMessage = 'Gone for good';
      res.end();
    },
    'an end of the connection': (_req, res) => {
      res.setHeader('Connection', 'close');
      res.flushHeaders();
      res.end('text');
    },
  };

  test.each(Object.entries(handlers))('%s', async (_name, handler) => {
    expect(await answerOf(Listed, handler)).toEqual(await answerOf(ServerResponse, handler));
  });
});

test('what cannot be written is refused, and does not stand in the way of the answer that says so', async () => {
  const answer = await answerOf(Listed, (_req, res) => {
    res.setHeader('X-Request-Id', 'an-id');
    res.setHeader('ETag', 'two\r\nlines');
    try {
      res.writeHead(200).end('not to be seen');
    } catch {
      res.writeHead(500).end('refused');
    }
  });
  expect(answer).toMatchObject({ status: 500, body: 'refused' });
  expect(answer.lines?.slice(0, 2)).toEqual(['X-Request-Id', 'an-id']);
  expect(answer.lines).not.toContain('ETag');
});

test('after the head has left, fields are refused as Node does it', async () => {
  const thrown: unknown[] = [];
  const attempt = (task: () => unknown) => {
    try {
      task();
    } catch (error) {
      thrown.push(error);
    }
  };
  await answerOf(Listed, (_req, res) => {
    res.writeHead(200, { Age: 1 });
    attempt(() => res.setHeader('Age', 2));
    attempt(() => res.removeHeader('Age'));
    res.end();
  });
  expect(thrown).toEqual([
    expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' }),
    expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' }),
  ]);
});
