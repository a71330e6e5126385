/** Servers on this machine that answer as a test wants, and the client that asks them. */
import { afterEach } from '@jest/globals';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createHttpClient, type HttpClient, HttpFailure } from '../../src/lib/http-client.ts';

const OPTIONS = { timeoutMs: 60_000, maxResponseBytes: 2_000, maxRequestBytes: 2_000, maxConnections: 4 };
/** What a test has opened, to be closed after it. */
export const closers: Array<() => void> = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

export function client(options: Partial<typeof OPTIONS> = {}): HttpClient {
  const created = createHttpClient({ ...OPTIONS, ...options });
  closers.push(() => created.close());
  return created;
}

export async function listen(server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('expected a port');
  return `http://127.0.0.1:${address.port}`;
}

export const serve = (listener: RequestListener) => listen(createServer(listener));

/** A server that answers every connection with these bytes and then does what `after` says. */
export const serveBytes = (bytes: string, after: (socket: Socket) => void) =>
  listen(
    createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.write(bytes, () => after(socket)));
    }),
  );

/** A client that waits briefly, for a server that never comes to an end. */
export const impatientClient = (): HttpClient => client({ timeoutMs: 300 });

export async function failureOf(url: string, using = client()): Promise<HttpFailure> {
  const outcome: unknown = await using.send({ method: 'GET', url }).catch((error: unknown) => error);
  if (outcome instanceof HttpFailure) return outcome;
  throw new Error('expected an HttpFailure', { cause: outcome });
}
