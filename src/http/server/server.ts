/**
 * An HTTP server with limits on everything that a client can make it wait for or keep, and with problem documents for
 * what the parser refuses.
 */
import type { Express } from 'express';
import { createServer, IncomingMessage, type RequestListener, type Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import { AppError, SafeError } from '../../lib/app-error.ts';
import { toOriginForm } from '../middleware/validate-request.ts';
import { type ClientError, toClientError, sendClientError } from './client-error.ts';
import { SERVER_LIMITS, type ServerLimits } from './limits.ts';

// The connections of a listener. Node runs every request that a segment holds at once. Here the requests of a connection
// run one after another, because a client may send a read behind a write (RFC 9112 section 9.3.2), and because a request
// behind an answer that closes the connection must not run at all (section 9.6).

interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly run: () => void;
  /** Since when the client has only had to read the rest of the answer. */
  unreadSince: number | undefined;
}

interface Connection {
  /** In the order of their requests. The first is running; the others wait. */
  readonly pending: Exchange[];
  /** The one that ran last, or is running. */
  latest: Exchange | undefined;
  idleSince: number;
  /** Whether it takes no more requests, and closes behind the pending ones. */
  closing: boolean;
}

interface Connections {
  add(socket: Socket): void;
  /**
   * Runs the request once those before it on its connection are answered. Drops it where the connection is closing. With
   * `isLast`, the connection closes behind its answer: where the request ends is not known.
   */
  enqueue(
    req: IncomingMessage,
    res: ServerResponse,
    options: { readonly run: () => void; readonly isLast: boolean },
  ): void;
  /** Takes no more requests from the connection, and closes it behind the answers that are pending. */
  closeAfterPending(socket: Socket): void;
  /** What to do about bytes that are not a request. */
  getErrorAction(socket: Socket): 'answer' | 'close after pending' | 'destroy';
  /** From now on, closes each connection behind its next answer. */
  startDraining(): void;
  /** Destroys connections whose clients have not read a complete answer for so long since the first call that saw it. */
  destroyUnread(timeoutMs: number): void;
  /** Destroys connections without a request for so long. */
  destroyIdle(timeoutMs: number): void;
}

function createConnections({ maxPipelined }: Pick<ServerLimits, 'maxPipelined'>): Connections {
  const connections = new Map<Socket, Connection>();
  let draining = false;

  function run(socket: Socket, connection: Connection, exchange: Exchange): void {
    const { res } = exchange;
    if (draining) res.shouldKeepAlive = false;
    connection.latest = exchange;
    res.on('close', () => {
      connection.pending.shift();
      connection.idleSince = performance.now();
      if (socket.destroyed || socket.writableEnded) return;
      const [next] = connection.pending;
      if (next) run(socket, connection, next);
      else if (connection.closing) socket.destroySoon();
    });
    exchange.run();
  }

  function closeAfterPending(connection: Connection): void {
    connection.closing = true;
    // Node then sends `Connection: close`, unless the headers have left.
    const last = connection.pending.at(-1);
    if (last) last.res.shouldKeepAlive = false;
  }

  return {
    add(socket) {
      connections.set(socket, {
        pending: [],
        latest: undefined,
        idleSince: performance.now(),
        closing: false,
      });
      socket.once('close', () => connections.delete(socket));
    },
    enqueue(req, res, { run: start, isLast }) {
      const connection = connections.get(req.socket);
      if (!connection || connection.closing) return;
      const exchange = { req, res, run: start, unreadSince: undefined };
      connection.pending.push(exchange);
      if (isLast || connection.pending.length > maxPipelined) closeAfterPending(connection);
      if (connection.pending.length === 1) run(req.socket, connection, exchange);
    },
    closeAfterPending(socket) {
      const connection = connections.get(socket);
      if (connection) closeAfterPending(connection);
    },
    getErrorAction(socket) {
      const { pending = [], latest } = connections.get(socket) ?? {};
      // The client would take an error for the answer to this request.
      if (pending[0]?.req.complete) return 'close after pending';
      // The error is in the body of a request whose answer has begun.
      return latest && !latest.req.complete && latest.res.headersSent ? 'destroy' : 'answer';
    },
    startDraining() {
      draining = true;
    },
    destroyUnread(timeoutMs) {
      const now = performance.now();
      for (const [socket, { pending }] of connections) {
        const [current] = pending;
        if (!current?.res.writableEnded) continue;
        current.unreadSince ??= now;
        if (now - current.unreadSince > timeoutMs) socket.destroy();
      }
    },
    destroyIdle(timeoutMs) {
      const now = performance.now();
      for (const [socket, { pending, idleSince }] of connections) {
        // Also connections that never sent a request, which Node does not count as idle.
        if (pending.length === 0 && now - idleSince > timeoutMs) socket.destroy();
      }
    },
  };
}

// Classes for a server whose requests and responses already have the prototypes that Express gives to each. Express
// sets them with `Object.setPrototypeOf`, which makes both objects slow on Node 20 and 22. Where they are set already, it
// changes nothing. docs/performance.md says what it saves.

interface ServerClasses {
  readonly IncomingMessage: typeof IncomingMessage;
  readonly ServerResponse: typeof ServerResponse;
}

/** To be called once for an application, before it answers anything. */
export function createServerClasses(app: Express): ServerClasses {
  class AppRequest extends IncomingMessage {}
  class AppResponse<Req extends IncomingMessage = IncomingMessage> extends ServerResponse<Req> {}
  Object.setPrototypeOf(AppRequest.prototype, app.request);
  Object.setPrototypeOf(AppResponse.prototype, app.response);
  Object.assign(app, { request: AppRequest.prototype, response: AppResponse.prototype });
  return { IncomingMessage: AppRequest, ServerResponse: AppResponse };
}

interface Listener {
  /** Resolves with the port. @throws SafeError that says which address is taken or not ours. */
  start(): Promise<number>;
  /**
   * For `settleMs` answers with `Connection: close`, so that no client finds a connection closed under a request. Then
   * accepts no more connections, waits for the requests, and destroys connections still open after `graceMs`.
   */
  stop(bounds: { readonly settleMs: number; readonly graceMs: number }): Promise<void>;
}

interface ListenerOptions {
  /** For messages about this listener. */
  readonly name: string;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
}

const SWEEP_INTERVAL_MS = 50;
/** A turn of the event loop that takes longer had work to do. */
const QUIET_TURN_MS = 0.2;
const QUIET_TURN_WAIT_MS = 250;
/** A connection this young may have a request on its way. */
const MIN_IDLE_MS = 100;

interface Dependencies {
  readonly handler: RequestListener;
  /** The classes of requests and responses; by default those of Node. */
  readonly classes?: Partial<ServerClasses>;
  /** Called for bytes that are not a request, which no other log line reports. */
  readonly onClientError: (refusal: ClientError) => void;
}

export function createListener(
  { handler, classes = {}, onClientError: onRefused }: Dependencies,
  options: ListenerOptions,
  bounds: ServerLimits = SERVER_LIMITS,
): Listener {
  const connections = createConnections(bounds);
  function take(req: IncomingMessage, res: ServerResponse, isLast = stopsParser(req)): void {
    toOriginForm(req);
    connections.enqueue(req, res, { run: () => handler(req, res), isLast });
  }
  const server = createServer(
    {
      ...classes,
      maxHeaderSize: bounds.maxHeaderBytes,
      headersTimeout: bounds.headersTimeoutMs,
      requestTimeout: bounds.requestTimeoutMs,
      keepAliveTimeout: bounds.keepAliveTimeoutMs,
      connectionsCheckingInterval: bounds.checkIntervalMs,
      // Node would answer without a problem document.
      requireHostHeader: false,
    },
    (req, res) => take(req, res),
  );
  server.maxConnections = bounds.maxConnections;
  // Node would drop headers beyond a number without a word. `validateRequest` refuses too many.
  server.maxHeadersCount = 0;
  server.timeout = bounds.stalledTimeoutMs;
  let accepted = 0;
  server.on('connection', (socket) => {
    accepted += 1;
    connections.add(socket);
  });
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
    // The body reader sends `100 Continue`. Where an error is sent instead, the body that may follow cannot be told from
    // the next request.
    take(req, res, true);
  });
  // RFC 9110 section 10.1.1 lets a server ignore expectations that it does not know.
  server.on('checkExpectation', (req: IncomingMessage, res: ServerResponse) => take(req, res));
  server.on('connect', (_req: IncomingMessage, socket: Socket) => {
    socket.on('error', () => socket.destroy());
    socket.resume();
    end(socket, new AppError('request_malformed', 'CONNECT is not supported.'));
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // More bytes on a connection that was answered with an error.
    if (socket.writableEnded && !socket.destroyed) return;
    // A client that sent nothing is not sent an error.
    end(socket, socket.bytesRead === 0 ? undefined : toClientError(error));
  });

  let unreadSweep: NodeJS.Timeout | undefined;

  function end(socket: Socket, refusal: AppError | undefined): void {
    const action = connections.getErrorAction(socket);
    if (!refusal || !socket.writable || action === 'destroy') socket.destroy();
    else if (action === 'close after pending') connections.closeAfterPending(socket);
    else onRefused(sendClientError(refusal, socket, bounds));
  }

  return {
    async start() {
      await listening(server, options);
      unreadSweep = setInterval(
        () => connections.destroyUnread(bounds.answerTimeoutMs),
        bounds.checkIntervalMs,
      );
      const address = server.address();
      return isPort(address) ? address.port : options.port;
    },
    async stop({ settleMs, graceMs }) {
      if (!server.listen) return;
      connections.startDraining();
      await delay(settleMs);
      await quietTurn(() => accepted);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A connection that becomes idle from now on is closed, too.
      const sweep = setInterval(() => connections.destroyIdle(MIN_IDLE_MS), SWEEP_INTERVAL_MS);
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
 * Whether Node's parser stops behind the request, because another protocol could begin there. The header is ignored
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
