/**
 * Connections to others: bounded in number and, where they are kept, used again. Node's environment variables for
 * proxies are not looked at.
 */
import { Agent as HttpAgent, ClientRequest } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Socket } from 'node:net';

export interface ConnectionPool {
  /** For targets of http. */
  readonly http: HttpAgent;
  /** For targets of https. */
  readonly https: HttpAgent;
  /**
   * Whether this request, which has failed, went out on a connection that had been kept, and no byte of an answer came.
   * The other side closes kept connections when it likes. It did so most probably just before the request arrived.
   */
  failedOnKeptConnection(request: unknown): boolean;
  /** Closes all connections. */
  close(): void;
}

export interface ConnectionPoolOptions {
  /** Whether a connection stays open for the next request. */
  readonly keepAlive: boolean;
  /** For each target. */
  readonly connectionsMax: number;
}

export function createConnectionPool({ keepAlive, connectionsMax }: ConnectionPoolOptions): ConnectionPool {
  const options = { keepAlive, maxSockets: connectionsMax, scheduling: 'lifo' } as const;
  const http = new HttpAgent(options);
  const https = new HttpsAgent(options);
  const reused = new WeakMap<ClientRequest, { readonly socket: Socket; readonly bytesBefore: number }>();

  for (const agent of [http, https]) {
    const reuse = agent.reuseSocket.bind(agent);
    agent.reuseSocket = (socket, request) => {
      reuse(socket, request);
      // Of TLS these are the bytes of the application, so that an alert or a ticket is no answer.
      if (socket instanceof Socket) reused.set(request, { socket, bytesBefore: socket.bytesRead });
    };
  }

  return {
    http,
    https,
    failedOnKeptConnection(request) {
      const found = request instanceof ClientRequest ? reused.get(request) : undefined;
      return found !== undefined && found.socket.bytesRead === found.bytesBefore;
    },
    close() {
      http.destroy();
      https.destroy();
    },
  };
}
