/**
 * The connections of a listener. On each, requests are answered one after another in the order in which they
 * came (RFC 9112 section 9.3.2 forbids more where one of them changes something), and few may wait.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * What the client is owed: nothing, a refusal of a request that it is still sending, or the answer to a whole
 * one. `answered early`: the answer has begun, or is over, while the request is still on its way.
 */
export type Owed = 'nothing' | 'refusal' | 'answer' | 'answered early';

export interface Connections {
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

export function createConnections({ pipelinedMax }: { readonly pipelinedMax: number }): Connections {
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
