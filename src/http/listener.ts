/**
 * An HTTP server with a bound on everything a client can make it wait for or hold, and problem documents
 * for what the parser refuses before a request exists.
 */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import { AppError } from '../lib/app-error.ts';
import { SafeError } from '../lib/safe-error.ts';
import { createConnections } from './connections.ts';
import type { ServerClasses } from './express-classes.ts';
import { LISTENER_BOUNDS, type ListenerBounds } from './listener-bounds.ts';
import { toOriginForm } from './request-bounds.ts';
import { type Refusal, refusalOf, refuseUnparsed } from './unparsed.ts';

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

const SWEEP_INTERVAL_MS = 50;
/** A turn of the event loop that takes longer had something to do. */
const QUIET_TURN_MS = 0.2;
const QUIET_TURN_WAIT_MS = 250;
/** A connection this young may have a request on its way. */
const IDLE_MS_MIN = 100;

interface Dependencies {
  readonly handler: RequestListener;
  /** What requests and responses are made of, where the handler wants them so. */
  readonly classes?: Partial<ServerClasses>;
  /** Told of bytes that were no request, which no other log line can name. */
  readonly onRefused: (refusal: Refusal) => void;
}

export function createListener(
  { handler, classes = {}, onRefused }: Dependencies,
  options: ListenerOptions,
  bounds: ListenerBounds = LISTENER_BOUNDS,
): Listener {
  const connections = createConnections(bounds);
  function take(req: IncomingMessage, res: ServerResponse, isLast = stopsParser(req)): void {
    toOriginForm(req);
    connections.take(req, res, () => handler(req, res), { isLast });
  }
  const server = createServer(
    {
      ...classes,
      maxHeaderSize: bounds.headerBytesMax,
      headersTimeout: bounds.headersTimeoutMs,
      requestTimeout: bounds.requestTimeoutMs,
      keepAliveTimeout: bounds.keepAliveTimeoutMs,
      connectionsCheckingInterval: bounds.checkIntervalMs,
      // Node would answer without a document.
      requireHostHeader: false,
    },
    (req, res) => take(req, res),
  );
  server.maxConnections = bounds.connectionsMax;
  // Node would drop what exceeds a number; too many are refused where requests are looked at.
  server.maxHeadersCount = 0;
  server.timeout = bounds.stalledTimeoutMs;
  let accepted = 0;
  server.on('connection', (socket) => {
    accepted += 1;
    connections.open(socket);
  });
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
    // Whoever reads the body says `100 Continue`. Where a refusal comes in its place, nobody can tell the body
    // from the next request.
    take(req, res, true);
  });
  // RFC 9110 section 10.1.1 lets a server pass over expectations that it does not know.
  server.on('checkExpectation', (req: IncomingMessage, res: ServerResponse) => take(req, res));
  server.on('connect', (_req: IncomingMessage, socket: Socket) => {
    socket.on('error', () => socket.destroy());
    socket.resume();
    end(socket, new AppError('request_malformed', 'This service is no proxy.'));
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // What still arrives on a connection that was refused.
    if (socket.writableEnded && !socket.destroyed) return;
    // Whoever never said a word waits for none.
    end(socket, socket.bytesRead === 0 ? undefined : refusalOf(error));
  });

  let unreadSweep: NodeJS.Timeout | undefined;

  function end(socket: Socket, refusal: AppError | undefined): void {
    const owed = connections.owed(socket);
    if (!refusal || !socket.writable || owed === 'answered early') socket.destroy();
    // A refusal would be taken for the answer to the request before.
    else if (owed === 'answer') connections.endAfterOwed(socket);
    else onRefused(refuseUnparsed(refusal, socket, bounds));
  }

  return {
    async start() {
      await listening(server, options);
      unreadSweep = setInterval(() => connections.cutUnread(bounds.answerTimeoutMs), bounds.checkIntervalMs);
      const address = server.address();
      return isPort(address) ? address.port : options.port;
    },
    async stop({ settleMs, graceMs }) {
      if (!server.listening) return;
      connections.askToLeave();
      await delay(settleMs);
      await quietTurn(() => accepted);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A connection that becomes idle from now on is closed, too.
      const sweep = setInterval(() => connections.closeIdle(IDLE_MS_MIN), SWEEP_INTERVAL_MS);
      const cutOff = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearInterval(unreadSweep);
      clearInterval(sweep);
      clearTimeout(cutOff);
    },
  };
}

/**
 * Resolves after a turn of the event loop that brought no connection and nothing else to do, or after as long as it
 * makes sense to wait for one. What waits in the backlog of a socket is reset when that is closed, so that nothing may
 * have arrived since connections were accepted last: a proxy does not repeat a PATCH that it has sent.
 */
async function quietTurn(countAccepted: () => number): Promise<void> {
  const givenUpAt = performance.now() + QUIET_TURN_WAIT_MS;
  for (let startedAt = performance.now(); startedAt < givenUpAt; startedAt = performance.now()) {
    const before = countAccepted();
    await setImmediate();
    if (countAccepted() === before && performance.now() - startedAt < QUIET_TURN_MS) return;
  }
}

/**
 * Whether Node's parser stops behind the request, because another protocol could begin there. The field is passed over
 * here (RFC 9110 section 7.8), but what came in the same segment is lost, so that the client must not wait for it.
 */
function stopsParser({ headers: { upgrade, connection } }: IncomingMessage): boolean {
  return upgrade !== undefined && /\bupgrade\b/i.test(connection ?? '');
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
