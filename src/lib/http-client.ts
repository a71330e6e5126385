/**
 * HTTP as this service speaks it to others: bounded in time and size, never following a redirect, and
 * failing only with HttpFailure. An axios error never leaves this file, because it carries the request,
 * and with it our token and secret.
 */
import { create as createAxios, isAxiosError } from 'axios';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { type AgentOptions, ClientRequest, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { isIP, Socket } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { SafeError } from './app-error.ts';

// Connections to others: bounded in number, used again where they are kept, and through a proxy where one is given. The
// environment variables that other programs take a proxy from are not looked at.

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

interface ConnectionPoolOptions {
  /** Whether a connection stays open for the next request. */
  readonly keepAlive: boolean;
  /** For each target. */
  readonly maxConnections: number;
  /** A proxy through which every target is reached (RFC 9110 section 9.3.6, CONNECT), with its credentials. */
  readonly proxyUrl: string | undefined;
  /** For the proxy's answer. */
  readonly proxyTimeoutMs: number;
}

export function createConnectionPool(options: ConnectionPoolOptions): ConnectionPool {
  const { keepAlive, maxConnections, proxyUrl } = options;
  const agentOptions = { keepAlive, maxSockets: maxConnections, scheduling: 'lifo', noDelay: true } as const;
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
      throw new TunnelError(patience.signal.aborted ? 'TIMEOUT' : readSystemCode(error));
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

function readSystemCode(error: unknown): string {
  const code: unknown =
    typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z0-9_]+$/.test(code) ? code : 'CLOSED';
}

export interface HttpRequest {
  readonly method: 'GET' | 'PATCH' | 'POST';
  readonly url: string;
  /** What the request is for, one of a few words, for those who count. */
  readonly operation?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it stands; set `content-type` with it. */
  readonly body?: string;
  /** Shortens the time-out for this request. */
  readonly timeoutMs?: number;
  /** Awaited before the client repeats the request (see HttpClient). A throw leaves it at the first failure. */
  readonly beforeRepeating?: () => Promise<void>;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
}

/**
 * - `unreachable`: no connection came about, so nothing was sent. `PROXY_407` and the like say that it was the proxy.
 * - `timeout`: no answer in time; `reset`: the connection ended before an answer began.
 * - `malformed`: an answer began, but was cut short, too large or not HTTP.
 */
type HttpFailureKind = 'unreachable' | 'timeout' | 'reset' | 'malformed';

/** Why no usable answer came. The message names the kind and a system error code, nothing else. */
export class HttpFailure extends SafeError {
  readonly kind: HttpFailureKind;

  constructor(kind: HttpFailureKind, systemCode: string) {
    super(`${kind} (${systemCode})`);
    this.name = 'HttpFailure';
    this.kind = kind;
  }
}

export interface HttpClient {
  /**
   * Answers any status. A request that failed on a kept connection before a byte of an answer came is repeated once, on
   * a new connection. RFC 9110 section 9.2.2 wants for that a request that is idempotent or was not processed. Almost
   * surely it was not. If it was, no request of this service does more when it is applied twice: a change sets
   * first-level keys to values, and a token is issued once more.
   * @throws HttpFailure.
   */
  send(request: HttpRequest): Promise<HttpResponse>;
  /** Closes idle connections. */
  close(): void;
}

interface HttpClientOptions {
  /** From the start of the request to the last byte of the answer. */
  readonly timeoutMs: number;
  readonly maxResponseBytes: number;
  readonly maxRequestBytes: number;
  readonly maxConnections: number;
  /** An HTTP proxy through which every target is reached, with its credentials. */
  readonly proxyUrl?: string | undefined;
}

const NEVER_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);
/**
 * The other side is not who it should be (codes of OpenSSL and of Node): no request was written on such a connection.
 */
const NOT_TRUSTED =
  /^(?:CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|HOSTNAME_MISMATCH|ERR_TLS_CERT_)/;

/** Whether a failure with this code came before anything was sent. */
export function isNeverSent(systemCode: string): boolean {
  return NEVER_SENT.has(systemCode) || NOT_TRUSTED.test(systemCode) || systemCode.startsWith('PROXY_');
}

/** Of the time for a request, what the proxy may take to make a connection. */
const PROXY_SHARE = 0.8;
const TIMED_OUT = new Set(['ETIMEDOUT', 'ECONNABORTED', 'ERR_CANCELED']);

export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { maxConnections, proxyUrl } = options;
  // A proxy that does not answer is left before the request itself is, so that it is known that nothing was sent.
  const poolOptions = {
    maxConnections,
    proxyUrl,
    proxyTimeoutMs: Math.ceil(options.timeoutMs * PROXY_SHARE),
  };
  const kept = createConnectionPool({ ...poolOptions, keepAlive: true });
  const fresh = createConnectionPool({ ...poolOptions, keepAlive: false });
  const client = createAxios({
    adapter: 'http',
    proxy: false,
    maxRedirects: 0,
    maxContentLength: options.maxResponseBytes,
    maxBodyLength: options.maxRequestBytes,
    responseType: 'text',
    // Bodies are text until the one who asked has looked at the status.
    transformResponse: [(data: unknown) => data],
    transformRequest: [(data: unknown) => data],
    validateStatus: () => true,
  });

  async function attempt(
    request: HttpRequest,
    pool: ConnectionPool,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    const { method, url, headers = {}, body } = request;
    const response = await client.request<unknown>({
      method,
      url,
      headers: { accept: 'application/json', ...headers },
      httpAgent: pool.http,
      httpsAgent: pool.https,
      signal,
      ...(body === undefined ? {} : { data: body }),
    });
    return {
      status: response.status,
      headers: lowerCaseHeaders(response.headers),
      text: typeof response.data === 'string' ? response.data : '',
    };
  }

  async function repeat(
    request: HttpRequest,
    signal: AbortSignal,
    first: HttpFailure,
  ): Promise<HttpResponse> {
    try {
      await request.beforeRepeating?.();
    } catch {
      throw first;
    }
    try {
      return await attempt(request, fresh, signal);
    } catch (error) {
      const second = toFailure(error);
      // Of the two, what may have been sent counts.
      throw second.kind === 'unreachable' ? first : second;
    }
  }

  return {
    async send(request) {
      // axios counts a time-out of its own from the last byte received; this one is absolute.
      // Node takes whole milliseconds only, and what is left of a deadline is seldom that.
      const signal = AbortSignal.timeout(Math.ceil(request.timeoutMs ?? options.timeoutMs));
      try {
        return await attempt(request, kept, signal);
      } catch (error) {
        const failure = toFailure(error);
        const sent: unknown = isAxiosError(error) ? error.request : undefined;
        // The time of this request ended before the proxy's did: there was no tunnel to send anything through.
        if (failure.kind === 'timeout' && proxyUrl !== undefined && isWithoutConnection(sent)) {
          throw new HttpFailure('unreachable', new TunnelError('TIMEOUT').code);
        }
        const isStale = failure.kind === 'reset' && kept.failedOnKeptConnection(sent);
        if (isStale) return repeat(request, signal, failure);
        throw failure;
      }
    },
    close() {
      kept.close();
      fresh.close();
    },
  };
}

/** Node gives a request its socket when there is one; through a proxy, that is when the tunnel stands. */
function isWithoutConnection(request: unknown): boolean {
  return request instanceof ClientRequest && request.socket === null;
}

function lowerCaseHeaders(headers: object): ReadonlyMap<string, string> {
  return new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
}

function toFailure(error: unknown): HttpFailure {
  const code = isAxiosError(error) ? (error.code ?? 'unknown') : 'unknown';
  if (isNeverSent(code)) return new HttpFailure('unreachable', code);
  if (TIMED_OUT.has(code)) return new HttpFailure('timeout', code);
  // An answer had begun when axios reports one of these (cut short, too large, not HTTP).
  if (code === 'ERR_BAD_RESPONSE' || /^(?:HPE|Z)_/.test(code)) return new HttpFailure('malformed', code);
  return new HttpFailure('reset', code);
}
