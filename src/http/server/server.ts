/**
 * An HTTP server with a bound on everything a client can make it wait for or hold, and problem documents
 * for what the parser refuses before a request exists.
 */
import type { Express } from 'express';
import { createServer, IncomingMessage, type RequestListener, type Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import { AppError, SafeError } from '../../lib/app-error.ts';
import { toOriginForm } from '../middleware/validate-request.ts';
import { type Refusal, refusalOf, refuseUnparsed } from './client-error.ts';
import { LISTENER_BOUNDS, type ListenerBounds } from './limits.ts';

// The connections of a listener. On each, requests are answered one after another in the order in which they
// came (RFC 9112 section 9.3.2 forbids more where one of them changes something), and few may wait.

/**
 * What the client is owed: nothing, a refusal of a request that it is still sending, or the answer to a whole
 * one. `answered early`: the answer has begun, or is over, while the request is still on its way.
 */
type Owed = 'nothing' | 'refusal' | 'answer' | 'answered early';

interface Connections {
  open(socket: Socket): void;
  /**
   * Runs `answer` when its turn has come; never, where too many wait: its connection ends before. With `isLast`, the
   * connection ends behind this answer, and says so: what follows the request cannot be told from it.
   */
  take(
    req: IncomingMessage,
    res: ServerResponse,
    answer: () => void,
    options?: { readonly isLast: boolean },
  ): void;
  owed(socket: Socket): Owed;
  /** Takes no more requests from the connection, and ends it when what is owed has been answered. */
  endAfterOwed(socket: Socket): void;
  /** From now on asks every client to leave. */
  askToLeave(): void;
  /**
   * Cuts off the clients that have not taken an answer for longer than this, counted from the first call that found it
   * complete on our side.
   */
  cutUnread(olderThanMs: number): void;
  /** Ends the connections that have been without a request for longer than this. */
  closeIdle(olderThanMs: number): void;
}

interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Since when nothing but the client's reading has been left to do. */
  unreadSince: number | undefined;
}

interface Connection {
  /** The request that is being answered, and its answer; undefined while the connection is idle. */
  current: Exchange | undefined;
  latest: Exchange | undefined;
  readonly waiting: Array<{ readonly res: ServerResponse; readonly start: () => void }>;
  idleSince: number;
  ending: boolean;
}

function createConnections({ pipelinedMax }: { readonly pipelinedMax: number }): Connections {
  const connections = new Map<Socket, Connection>();
  let leaving = false;

  function start(socket: Socket, connection: Connection, req: IncomingMessage, res: ServerResponse): void {
    if (leaving) res.setHeader('Connection', 'close');
    connection.latest = { req, res, unreadSince: undefined };
    connection.current = connection.latest;
    res.on('close', () => {
      connection.current = undefined;
      connection.idleSince = performance.now();
      // A request behind the answer that closes the connection must not be processed (RFC 9112 section 9.6).
      if (socket.destroyed || socket.writableEnded) return;
      const next = connection.waiting.shift();
      if (next) next.start();
      else if (connection.ending) socket.destroySoon();
    });
  }

  return {
    open(socket) {
      connections.set(socket, {
        current: undefined,
        latest: undefined,
        waiting: [],
        idleSince: performance.now(),
        ending: false,
      });
      socket.once('close', () => connections.delete(socket));
    },
    take(req, res, answer, { isLast } = { isLast: false }) {
      const { socket } = req;
      const connection = connections.get(socket);
      if (!connection || connection.ending) return;
      if (isLast) {
        res.setHeader('Connection', 'close');
        connection.ending = true;
      }
      const run = () => {
        start(socket, connection, req, res);
        answer();
      };
      if (connection.current === undefined) {
        run();
        return;
      }
      connection.waiting.push({ res, start: run });
      if (connection.waiting.length < pipelinedMax) return;
      // The client learns from this answer that nobody will look at what it sent behind this request.
      res.setHeader('Connection', 'close');
      connection.ending = true;
    },
    owed(socket) {
      const { current, latest } = connections.get(socket) ?? {};
      if (current?.req.complete) return 'answer';
      if (!latest || latest.req.complete) return 'nothing';
      return latest.res.headersSent ? 'answered early' : 'refusal';
    },
    endAfterOwed(socket) {
      const connection = connections.get(socket);
      if (!connection || connection.ending) return;
      connection.ending = true;
      const last = connection.waiting.at(-1) ?? connection.current;
      if (last && !last.res.headersSent) last.res.setHeader('Connection', 'close');
    },
    askToLeave() {
      leaving = true;
    },
    cutUnread(olderThanMs) {
      const now = performance.now();
      for (const [socket, { current }] of connections) {
        if (!current?.res.writableEnded) continue;
        current.unreadSince ??= now;
        if (now - current.unreadSince > olderThanMs) socket.destroy();
      }
    },
    closeIdle(olderThanMs) {
      const now = performance.now();
      for (const [socket, { current, idleSince }] of connections) {
        // Also those that never sent a request, which Node does not count as idle.
        if (current === undefined && now - idleSince > olderThanMs) socket.destroy();
      }
    },
  };
}

// Classes for a server whose requests and responses already have the prototypes that Express gives to each. Express
// sets them with `Object.setPrototypeOf`, which on Node 20 and 22 makes slow objects of both; where they stand
// already, that changes nothing. docs/performance.md has what it saves.

interface ServerClasses {
  readonly IncomingMessage: typeof IncomingMessage;
  readonly ServerResponse: typeof ServerResponse;
}

/** To be called once for an application, before it answers anything. */
export function expressClasses(app: Express): ServerClasses {
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
   * For `settleMs` asks every caller to leave (`Connection: close`) while still answering, so that nobody
   * finds a connection closed under a request; then takes no more connections, lets requests end, and
   * cuts off those still open after `graceMs`.
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
