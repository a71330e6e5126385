/**
 * Connections to others: bounded in number, used again where they are kept, and through a proxy where one is given. The
 * environment variables that other programs take a proxy from are not looked at.
 */
import { type AgentOptions, Agent as HttpAgent, ClientRequest } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { isIP, Socket } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { HttpsProxyAgent } from 'https-proxy-agent';

type AgentConnectOpts = Parameters<HttpsProxyAgent<string>['connect']>[1];

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
  /** A proxy through which every target is reached (RFC 9110 section 9.3.6, CONNECT), with its credentials. */
  readonly proxyUrl: string | undefined;
  /** For the proxy's answer. */
  readonly proxyTimeoutMs: number;
}

export function createConnectionPool(options: ConnectionPoolOptions): ConnectionPool {
  const { keepAlive, connectionsMax, proxyUrl } = options;
  const agentOptions = { keepAlive, maxSockets: connectionsMax, scheduling: 'lifo', noDelay: true } as const;
  const tunnels =
    proxyUrl === undefined ? undefined : createTunnelAgent(agentOptions, { ...options, proxyUrl });
  const http = tunnels ?? new HttpAgent(agentOptions);
  const https = tunnels ?? new HttpsAgent(agentOptions);
  const reused = new WeakMap<ClientRequest, { readonly socket: Socket; readonly bytesBefore: number }>();

  for (const agent of new Set([http, https])) {
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

/** The error of a request for which the proxy made no connection. `code` begins with `PROXY_`. */
class TunnelError extends Error {
  readonly code: string;

  constructor(code: string) {
    super('the proxy made no connection');
    this.name = 'TunnelError';
    this.code = `PROXY_${code}`;
  }
}

/**
 * An agent that reaches every target through a tunnel. What https-proxy-agent leaves to its user is added here: an
 * answer of the proxy other than 200 is an error and not the answer of the target, a proxy that does not answer is left
 * after a while, and the credentials are in no address that it might print (`DEBUG`).
 */
function createTunnelAgent(
  agentOptions: AgentOptions,
  { proxyUrl, proxyTimeoutMs }: { readonly proxyUrl: string; readonly proxyTimeoutMs: number },
): HttpAgent {
  const { address, headers } = splitCredentials(proxyUrl);
  const agent = new HttpsProxyAgent(address, { ...agentOptions, headers });
  const connect = agent.connect.bind(agent);
  const { connectOpts } = agent;

  agent.connect = async (request, target) => {
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), proxyTimeoutMs);
    let status: unknown;
    request.once('proxyConnect', (answer: { readonly statusCode: number }) => {
      status = answer.statusCode;
    });
    // Looked at before the call returns its promise, so that each connection has its own.
    agent.connectOpts = Object.assign({}, connectOpts, { signal: patience.signal });
    try {
      const socket = await connect(request, withIdentity(target));
      if (status === 200) return socket;
      socket.destroy();
    } catch (error) {
      throw new TunnelError(patience.signal.aborted ? 'TIMEOUT' : systemCodeOf(error));
    } finally {
      clearTimeout(timer);
    }
    throw new TunnelError(String(status));
  };
  return agent;
}

function splitCredentials(proxyUrl: string): {
  readonly address: URL;
  readonly headers: Readonly<Record<string, string>>;
} {
  const address = new URL(proxyUrl);
  const { username, password } = address;
  address.username = '';
  address.password = '';
  if (username + password === '') return { address, headers: {} };
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  // RFC 7617 section 2.1: proxies expect UTF-8 nowadays.
  return {
    address,
    headers: { 'Proxy-Authorization': `Basic ${Buffer.from(credentials).toString('base64')}` },
  };
}

/** A target without a name is to prove its address; on a connection that exists already Node would ask for another. */
function withIdentity(target: AgentConnectOpts): AgentConnectOpts {
  const { host } = target;
  if (!target.secureEndpoint || typeof host !== 'string' || isIP(host) === 0) return target;
  return { ...target, checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate) };
}

function systemCodeOf(error: unknown): string {
  const code: unknown =
    typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z0-9_]+$/.test(code) ? code : 'CLOSED';
}
