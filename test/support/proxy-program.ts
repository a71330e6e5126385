/**
 * A forward proxy for tests, as a process of its own: CONNECT and nothing else. Prints its port, and then each target it
 * was asked for with the status of its answer. With `PROXY_CREDENTIALS` it asks for `user:password`; with `PROXY_STATUS`
 * it answers that status to all, and with `PROXY_STATUS=0` nothing at all.
 */
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

const { PROXY_CREDENTIALS: credentials, PROXY_STATUS: refusal } = process.env;
const wanted = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`;

const server = createServer((_req, res) => res.writeHead(405).end());
server.on('connect', (req, socket) => {
  const { hostname, port } = new URL(`http://${req.url}`);
  const authorized = wanted === undefined || req.headers['proxy-authorization'] === wanted;
  const status = refusal ?? (authorized ? '200' : '407');
  console.log(`${status} ${req.url}`);
  socket.on('error', () => undefined);
  if (status === '0') return;
  if (status !== '200') {
    socket.end(`HTTP/1.1 ${status} Refused\r\nContent-Length: 4\r\n\r\nLEAK`);
    return;
  }
  const target = connect(Number(port), hostname.replaceAll(/[[\]]/g, ''), () => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    target.pipe(socket);
    socket.pipe(target);
  });
  target.on('error', () => socket.destroy());
  target.on('close', () => socket.destroy());
  socket.on('close', () => target.destroy());
});
server.listen(0, '127.0.0.1', () => {
  const address: AddressInfo | string | null = server.address();
  console.log(`port ${typeof address === 'object' ? address?.port : address}`);
});
