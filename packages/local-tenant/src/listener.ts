/**
 * One port on every loopback address there is. `localhost` means 127.0.0.1 on some machines and ::1 on others, and
 * whichever a client tries must reach the tenant; no other interface is ever bound. With a certificate, the port takes
 * TLS and plain connections: some SDKs of Auth0 know nothing but https.
 */
import { createServer as createHttpServer, type RequestListener, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type Server, type Socket } from 'node:net';

export interface Listener {
  readonly port: number;
  /** Hands every request from now on to `handler`; until then requests are left waiting. */
  serve(handler: RequestListener): void;
  /** Stops listening and ends every connection at once. */
  close(): Promise<void>;
}

// A port that is free on one address may be taken on the other: with any port allowed, try the next.
const ANY_PORT_ATTEMPTS = 20;
const missingAddressCodes = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT']);

// A client that keeps connections for a minute must not find them closed as it sends.
const SERVER_OPTIONS = { keepAliveTimeout: 75_000 };
/** The first byte of a TLS connection: a handshake record (RFC 8446 section 5.1). */
const TLS_HANDSHAKE = 0x16;

/** Key and certificate for TLS, in PEM. */
export interface TlsIdentity {
  readonly key: string;
  readonly cert: string;
}

/** Listens on `port`, or on a free one for 0. Rejects with the system's error, such as `EADDRINUSE`. */
export async function openListener(port: number, identity?: TlsIdentity): Promise<Listener> {
  const early: Parameters<RequestListener>[] = [];
  let handle: RequestListener = (...exchange) => {
    early.push(exchange);
  };
  const onRequest: RequestListener = (...exchange) => handle(...exchange);
  const plain = createHttpServer(SERVER_OPTIONS, onRequest);
  const secure = identity ? createHttpsServer({ ...SERVER_OPTIONS, ...identity }, onRequest) : undefined;
  const { servers, bound } = await bindLoopback(port, (socket) => passOn(socket, plain, secure));
  return {
    port: bound,
    serve(handler) {
      handle = handler;
      for (const exchange of early.splice(0)) handler(...exchange);
    },
    async close() {
      await Promise.all(servers.map(closeServer));
    },
  };
}

// A connection may break before it has said anything.
const ignoreError = (): void => undefined;

/** Hands a connection to the server that speaks its protocol. */
function passOn(
  socket: Socket,
  plain: HttpServer,
  secure: ReturnType<typeof createHttpsServer> | undefined,
): void {
  if (!secure) {
    plain.emit('connection', socket);
    return;
  }
  socket.on('error', ignoreError);
  socket.once('data', (start: Buffer) => {
    socket.pause();
    socket.unshift(start);
    socket.off('error', ignoreError);
    (start[0] === TLS_HANDSHAKE ? secure : plain).emit('connection', socket);
    // Both servers read from the handle of a socket that flows; what was put back reaches them only when it resumes.
    process.nextTick(() => socket.resume());
  });
}

/** A server of raw connections, which it can end. */
interface Bound {
  readonly server: Server;
  readonly sockets: ReadonlySet<Socket>;
}

async function bindLoopback(
  port: number,
  onConnection: (socket: Socket) => void,
  attempts = ANY_PORT_ATTEMPTS,
): Promise<{ servers: readonly Bound[]; bound: number }> {
  const v4 = await bindServer('127.0.0.1', port, onConnection);
  const bound = boundPort(v4.server);
  try {
    const v6 = await bindServer('::1', bound, onConnection);
    return { servers: [v4, v6], bound };
  } catch (cause) {
    const code = errorCode(cause);
    if (missingAddressCodes.has(code)) return { servers: [v4], bound };
    await closeServer(v4);
    if (port === 0 && code === 'EADDRINUSE' && attempts > 1)
      return bindLoopback(port, onConnection, attempts - 1);
    throw cause;
  }
}

function bindServer(host: string, port: number, onConnection: (socket: Socket) => void): Promise<Bound> {
  const sockets = new Set<Socket>();
  // A client may end its side of a connection before it has its response.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve({ server, sockets });
    });
  });
}

function closeServer({ server, sockets }: Bound): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const socket of sockets) socket.destroy();
  });
}

function boundPort(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new Error('the server is not listening on a port');
  return address.port;
}

function errorCode(cause: unknown): string {
  return typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
}
