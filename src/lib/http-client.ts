/**
 * HTTP as this service speaks it to others: bounded in time and size, never following a redirect, and
 * failing only with HttpFailure. An axios error never leaves this file, because it carries the request,
 * and with it our token and secret.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { create as createAxios, isAxiosError } from 'axios';
import { SafeError } from './safe-error.ts';

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
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
}

/**
 * - `unreachable`: no connection came about, so nothing was sent.
 * - `timeout`: no answer in time; `reset`: the connection ended before an answer began.
 * - `malformed`: an answer began, but was cut short, too large or not HTTP.
 */
export type HttpFailureKind = 'unreachable' | 'timeout' | 'reset' | 'malformed';

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
  /** Answers any status. @throws HttpFailure. */
  send(request: HttpRequest): Promise<HttpResponse>;
  /** Closes idle connections. */
  close(): void;
}

export interface HttpClientOptions {
  /** From the start of the request to the last byte of the answer. */
  readonly timeoutMs: number;
  readonly responseBytesMax: number;
  readonly requestBytesMax: number;
  readonly connectionsMax: number;
}

const NEVER_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);
/** The other side is not who it should be (codes of OpenSSL and of Node): no request was written on such a connection. */
const NOT_TRUSTED =
  /^(?:CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|HOSTNAME_MISMATCH|ERR_TLS_CERT_)/;

/** Whether a failure with this code came before anything was sent. */
export function isNeverSent(systemCode: string): boolean {
  return NEVER_SENT.has(systemCode) || NOT_TRUSTED.test(systemCode);
}

const TIMED_OUT = new Set(['ETIMEDOUT', 'ECONNABORTED', 'ERR_CANCELED']);

export function createHttpClient(options: HttpClientOptions): HttpClient {
  const agentOptions = { keepAlive: true, maxSockets: options.connectionsMax, scheduling: 'lifo' } as const;
  const httpAgent = new HttpAgent(agentOptions);
  const httpsAgent = new HttpsAgent(agentOptions);
  const client = createAxios({
    adapter: 'http',
    httpAgent,
    httpsAgent,
    proxy: false,
    maxRedirects: 0,
    maxContentLength: options.responseBytesMax,
    maxBodyLength: options.requestBytesMax,
    responseType: 'text',
    // Bodies are text until the one who asked has looked at the status.
    transformResponse: [(data: unknown) => data],
    transformRequest: [(data: unknown) => data],
    validateStatus: () => true,
  });

  return {
    async send({ method, url, headers = {}, body, timeoutMs = options.timeoutMs }) {
      try {
        const response = await client.request<unknown>({
          method,
          url,
          headers: { accept: 'application/json', ...headers },
          // axios counts its own time-out from the last byte received; this one is absolute.
          timeout: timeoutMs,
          signal: AbortSignal.timeout(timeoutMs),
          ...(body === undefined ? {} : { data: body }),
        });
        return {
          status: response.status,
          headers: lowerCaseHeaders(response.headers),
          text: typeof response.data === 'string' ? response.data : '',
        };
      } catch (error) {
        throw toFailure(error);
      }
    },
    close() {
      httpAgent.destroy();
      httpsAgent.destroy();
    },
  };
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
