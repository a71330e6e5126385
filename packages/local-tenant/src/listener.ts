/**
 * One port on every loopback address there is. `localhost` means 127.0.0.1 on some machines and ::1 on others, and
 * whichever a client tries must reach the tenant; no other interface is ever bound.
 */
import { createServer, type RequestListener, type Server } from 'node:http';

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

/** Listens on `port`, or on a free one for 0. Rejects with the system's error, such as `EADDRINUSE`. */
export async function openListener(port: number): Promise<Listener> {
  const early: Parameters<RequestListener>[] = [];
  let handle: RequestListener = (...exchange) => {
    early.push(exchange);
  };
  const { servers, bound } = await bindLoopback(port, (...exchange) => handle(...exchange));
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

async function bindLoopback(
  port: number,
  handle: RequestListener,
  attempts = ANY_PORT_ATTEMPTS,
): Promise<{ servers: readonly Server[]; bound: number }> {
  const v4 = await bindServer('127.0.0.1', port, handle);
  const bound = boundPort(v4);
  try {
    const v6 = await bindServer('::1', bound, handle);
    return { servers: [v4, v6], bound };
  } catch (cause) {
    const code = errorCode(cause);
    if (missingAddressCodes.has(code)) return { servers: [v4], bound };
    await closeServer(v4);
    if (port === 0 && code === 'EADDRINUSE' && attempts > 1) return bindLoopback(port, handle, attempts - 1);
    throw cause;
  }
}

function bindServer(host: string, port: number, handle: RequestListener): Promise<Server> {
  // A client that keeps connections for a minute must not find them closed as it sends.
  const server = createServer({ keepAliveTimeout: 75_000 }, handle);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
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
