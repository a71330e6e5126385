/**
 * An HTTP server with a bound on everything a client can make it wait for or hold, and problem documents
 * for what the parser refuses before a request exists.
 */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../lib/app-error.ts';
import { SafeError } from '../lib/safe-error.ts';
import { renderProblem } from './problem.ts';

export interface Listener {
  /** Resolves with the port. @throws SafeError that says which address is taken or not ours. */
  start(): Promise<number>;
  /**
   * For `settleMs` asks every caller to leave (`Connection: close`) while still answering, so that nobody
   * finds a connection closed under a request; then takes no more connections, lets requests end, and
   * cuts off those still open after `graceMs`.
   */
  stop(bounds: { readonly settleMs: number; readonly graceMs: number }): Promise<void>;
}

export interface ListenerOptions {
  readonly name: string;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
}

const HEADER_BYTES_MAX = 16_384;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** Longer than the idle time of common load balancers (60 s), so that they never reuse a closed one. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
const SWEEP_INTERVAL_MS = 50;

export function createListener(handler: RequestListener, options: ListenerOptions): Listener {
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      connectionsCheckingInterval: 5_000,
    },
    (req, res) => {
      if (stopping) res.setHeader('Connection', 'close');
      handler(req, res);
    },
  );
  let stopping = false;
  server.on('clientError', refuseUnparsed);

  return {
    async start() {
      await listening(server, options);
      const address = server.address();
      return isPort(address) ? address.port : options.port;
    },
    async stop({ settleMs, graceMs }) {
      if (!server.listening) return;
      stopping = true;
      await delay(settleMs);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A connection that becomes idle from now on is closed, too.
      const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_INTERVAL_MS);
      const cutOff = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearInterval(sweep);
      clearTimeout(cutOff);
    },
  };
}

function isPort(address: ReturnType<Server['address']>): address is AddressInfo {
  return typeof address === 'object' && address !== null;
}

function listening(server: Server, { name, host, port }: ListenerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'is taken by another process' : `failed (${error.code})`;
      reject(new SafeError(`the ${name} listener: ${host}:${port} ${reason}`));
    });
    server.listen(port, host, resolve);
  });
}

/** Answers bytes that are no request. There is no request id to honour, and the connection ends. */
function refuseUnparsed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const refusal =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? new AppError('headers_too_large', 'The header fields are larger than this service reads.')
      : new AppError('request_malformed', 'The bytes received are not a complete HTTP request.');
  const { status, headers, body } = renderProblem(refusal, 'none');
  const lines = Object.entries({
    ...headers,
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  });
  socket.end(
    [`HTTP/1.1 ${status} `, ...lines.map(([name, value]) => `${name}: ${value}`), '', body].join('\r\n'),
  );
}
