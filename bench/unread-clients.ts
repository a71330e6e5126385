/** Clients that ask and never read: connections that each send one request for `TARGET`, and stay until killed. */
import { once } from 'node:events';
import { connect } from 'node:net';

const { TARGET_HOST = '', TARGET_PORT = '', TARGET = '/', CONNECTIONS = '1' } = process.env;

async function open(): Promise<void> {
  const socket = connect({ host: TARGET_HOST, port: Number(TARGET_PORT) });
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
