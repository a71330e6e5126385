/**
 * Clients that ask and never read: connections to `HOST` and `PORT` that each send one request for `TARGET`. Says
 * `open` when all have asked, and keeps them until it is killed.
 */
import { once } from 'node:events';
import { connect } from 'node:net';

const { HOST = '', PORT = '', TARGET = '/', CONNECTIONS = '1' } = process.env;

async function open(): Promise<void> {
  const socket = connect({ host: HOST, port: Number(PORT) });
  // Before it is connected: from then on Node would read ahead.
  socket.pause();
  await once(socket, 'connect');
  await new Promise((resolve) => {
    socket.write(`GET ${TARGET} HTTP/1.1\r\nHost: bench\r\n\r\n`, resolve);
  });
}

await Promise.all(Array.from({ length: Number(CONNECTIONS) }, open));
console.log('open');
setInterval(() => undefined, 60_000);
