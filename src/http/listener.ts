/**
 * An HTTP server with a bound on everything a client can make it wait for or hold, and problem documents
 * for what the parser refuses before a request exists.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type RequestListener, type Server, STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay, setImmediate } from 'node:timers/promises';
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
  /** For messages about this listener. */
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
const IDLE_MS_MIN = 100;

interface Dependencies {
  readonly handler: RequestListener;
  /** Told of bytes that were no request, which no other log line can name. */
  readonly onRefused: (refusal: { readonly requestId: string; readonly code: string }) => void;
}

export function createListener({ handler, onRefused }: Dependencies, options: ListenerOptions): Listener {
  /** Since when each connection is idle; undefined while a request is under way on it. */
  const idleSince = new Map<Socket, number | undefined>();
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
      idleSince.set(req.socket, undefined);
      res.once('close', () => {
        if (idleSince.has(req.socket)) idleSince.set(req.socket, performance.now());
      });
      handler(req, res);
    },
  );
  let stopping = false;
  server.on('connection', (socket) => {
    idleSince.set(socket, performance.now());
    socket.once('close', () => idleSince.delete(socket));
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const refusal = refuseUnparsed(error, socket);
    if (refusal) onRefused(refusal);
  });

  /**
   * Also those that never sent a request, which Node does not count as idle; but none so young that a
   * request may be on its way.
   */
  function closeIdle(): void {
    for (const [socket, since] of idleSince) {
      if (since !== undefined && performance.now() - since > IDLE_MS_MIN) socket.destroy();
    }
  }

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
      // Right after connections were accepted: those that wait in the backlog of a closing socket are reset.
      await setImmediate();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A connection that becomes idle from now on is closed, too.
      const sweep = setInterval(closeIdle, SWEEP_INTERVAL_MS);
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

/** Answers bytes that are no request, and ends the connection. */
function refuseUnparsed(
  error: NodeJS.ErrnoException,
  socket: Socket,
): { readonly requestId: string; readonly code: string } | undefined {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return undefined;
  }
  const refusal =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? new AppError('headers_too_large', 'The header fields are larger than this service reads.')
      : new AppError('request_malformed', 'The bytes received are not a complete HTTP request.');
  const requestId = randomUUID();
  const { status, headers, body } = renderProblem(refusal, requestId);
  const lines = Object.entries({
    ...headers,
    'X-Request-Id': requestId,
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...lines.map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end([...head, '', body].join('\r\n'));
  return { requestId, code: refusal.code };
}
