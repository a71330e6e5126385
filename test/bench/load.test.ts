import { createServer, type RequestListener } from 'node:http';
import { once } from 'node:events';
import { expect, test } from '@jest/globals';
import { sendLoad, toRequest } from '../../bench/load.ts';

/** Runs the task against a server of its own. */
async function withServer(handler: RequestListener, task: (port: number) => Promise<void>): Promise<void> {
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  try {
    await task(typeof address === 'object' ? (address?.port ?? 0) : 0);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test('a load of a number of requests sends them in turn, each as it was made', async () => {
  const seen = new Map<string, number>();
  const handler: RequestListener = (req, res) => {
    const key = `${req.method} ${req.headers.authorization} ${req.headers['content-type']}`;
    seen.set(key, (seen.get(key) ?? 0) + 1);
    res.end('{}');
  };
  await withServer(handler, async (port) => {
    const requests = [toRequest('one'), toRequest('two', { theme: 'dark' })];
    const { answered, perSecond } = await sendLoad(port, requests, { amount: 200 });
    expect(answered).toBe(200);
    expect(perSecond).toBeGreaterThan(0);
  });
  expect(seen).toEqual(
    new Map([
      ['GET Bearer one undefined', 100],
      ['PATCH Bearer two application/merge-patch+json', 100],
    ]),
  );
});

test('a load fails when a request is refused, because a refusal costs something else than an answer', async () => {
  let count = 0;
  const handler: RequestListener = (_req, res) => {
    count += 1;
    res.writeHead(count === 50 ? 503 : 200).end('{}');
  };
  await withServer(handler, async (port) => {
    const load = sendLoad(port, [toRequest('one')], { amount: 100 });
    await expect(load).rejects.toThrow('99 requests were answered, 1 refused');
  });
});

test('the generator sleeps again after its load', async () => {
  await withServer(
    (_req, res) => res.end('{}'),
    async (port) => {
      await sendLoad(port, [toRequest('one')], { amount: 20 });
    },
  );
  // A turn of the event loop that waits for nothing would leave an immediate behind.
  await new Promise((resolve) => setImmediate(resolve));
  expect(process.getActiveResourcesInfo().filter((kind) => kind === 'Immediate')).toEqual([]);
});
