import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { until } from '../support/until.ts';
import { type Relay, startRelay } from './relay.ts';

const cleanups: Array<() => unknown> = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** A relay to a server that keeps the text which it receives. */
async function openRelay(): Promise<{ relay: Relay; near: Socket; received: () => string }> {
  let text = '';
  const server = createServer((socket) => {
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  const relay = await startRelay(address.port);
  cleanups.push(() => relay.stop());
  const near = connect(relay.port, '127.0.0.1');
  await once(near, 'connect');
  near.write('first ');
  await until(() => text === 'first ' || undefined);
  return { relay, near, received: () => text };
}

test('a relay that is mended passes on what it held back before what comes later', async () => {
  const { relay, near, received } = await openRelay();
  relay.slowDown(1_000_000);
  near.write('second ');
  await until(() => relay.heldChunks() === 1 || undefined);
  relay.mend();
  near.write('third');
  await until(() => received().includes('third') || undefined);
  expect(received()).toBe('first second third');
});

test('a relay that becomes faster keeps the order', async () => {
  const { relay, near, received } = await openRelay();
  relay.slowDown(1_000_000);
  near.write('second ');
  await until(() => relay.heldChunks() === 1 || undefined);
  relay.slowDown(1);
  near.write('third ');
  await until(() => received().includes('second') || undefined);
  relay.mend();
  await until(() => received().includes('third') || undefined);
  expect(received()).toBe('first second third ');
});
