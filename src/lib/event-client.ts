/**
 * Server-sent events of others (WHATWG HTML section 9.2): one request, one stream, bounded in the size of
 * what it buffers and in the time it may be silent. Like all HTTP here it fails with HttpFailure only and
 * follows no redirect. Reconnecting is up to the caller.
 */
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { createParser } from 'eventsource-parser';
import { type ConnectionPool, createConnectionPool, HttpFailure, isNeverSent } from './http-client.ts';

export interface EventRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Ends the request and the stream. */
  readonly signal: AbortSignal;
}

export interface ServerEvent {
  /** The `event` field; `message` where there is none. */
  readonly type: string;
  readonly id: string | undefined;
  readonly data: string;
}

export interface EventResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /**
   * The events in order, of an answer with status 200; none of any other. Ends when the server ends the
   * stream; reading on is what asks the server for more. @throws HttpFailure.
   */
  readonly events: AsyncIterable<ServerEvent>;
}

export interface EventClient {
  /** Answers any status. @throws HttpFailure. */
  open(request: EventRequest): Promise<EventResponse>;
}

export interface EventClientOptions {
  /** From the start of the request to the head of the answer. */
  readonly timeoutMs: number;
  /** A stream that brings nothing for this long, not even a comment, is taken for broken. */
  readonly idleMs: number;
  /** Of one event. */
  readonly maxCharacters: number;
  /** An HTTP proxy through which the stream is fetched, with its credentials. */
  readonly proxyUrl?: string | undefined;
}

export function createEventClient(options: EventClientOptions): EventClient {
  const { timeoutMs, idleMs, maxCharacters, proxyUrl } = options;
  // A stream ends with its connection, so there is nothing to keep.
  const pool = createConnectionPool({
    keepAlive: false,
    maxConnections: 4,
    proxyUrl,
    proxyTimeoutMs: timeoutMs,
  });

  return {
    async open({ url, headers, signal }) {
      const watchdog = createWatchdog(signal);
      try {
        watchdog.expectWithin(timeoutMs);
        const response = await request(pool, url, headers, watchdog);
        const head = { status: response.statusCode ?? 0, headers: toHeaderMap(response) };
        if (head.status !== 200) {
          watchdog.stop();
          response.destroy();
          return { ...head, events: none() };
        }
        if (!/^text\/event-stream\b/i.test(response.headers['content-type'] ?? '')) {
          response.destroy();
          throw new HttpFailure('malformed', 'not an event stream');
        }
        watchdog.expectWithin(idleMs);
        return { ...head, events: read(response, watchdog, { idleMs, maxCharacters }) };
      } catch (error) {
        watchdog.stop();
        throw toFailure(error);
      }
    },
  };
}

/** Sends the request. @returns the head of the answer, whose body follows. */
function request(
  pool: ConnectionPool,
  url: string,
  headers: EventRequest['headers'],
  watchdog: Watchdog,
): Promise<IncomingMessage> {
  const isSecure = url.startsWith('https:');
  return new Promise((resolve, reject) => {
    const sent = (isSecure ? httpsRequest : httpRequest)(
      url,
      {
        // A compressing gateway would hold events back until it has a block of them.
        headers: { accept: 'text/event-stream', 'accept-encoding': 'identity', ...headers },
        agent: isSecure ? pool.https : pool.http,
      },
      (response) => {
        // The reader gets this error. Without a reader it must not end the process.
        response.on('error', () => undefined);
        watchdog.onAbort((reason) => response.destroy(reason));
        resolve(response);
      },
    );
    sent.on('error', reject);
    watchdog.onAbort((reason) => {
      // Of a request without a connection yet, Node would tell later.
      reject(reason);
      sent.destroy(reason);
    });
    sent.end();
  });
}

function toHeaderMap({ headers }: IncomingMessage): ReadonlyMap<string, string> {
  return new Map(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

async function* none(): AsyncGenerator<ServerEvent> {
  // Nothing to read.
}

async function* read(
  body: AsyncIterable<Buffer>,
  watchdog: Watchdog,
  { idleMs, maxCharacters }: Pick<EventClientOptions, 'idleMs' | 'maxCharacters'>,
): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let arrived: ServerEvent[] = [];
  let oversized = false;
  const parser = createParser({
    maxBufferSize: maxCharacters,
    onEvent: ({ event = 'message', id, data }) => void arrived.push({ type: event, id, data }),
    onError: ({ type }) => {
      oversized ||= type === 'max-buffer-size-exceeded';
    },
  });
  try {
    for await (const chunk of body) {
      // While the reader is at work, it is not the server that is silent.
      watchdog.rest();
      parser.feed(decoder.decode(chunk, { stream: true }));
      const events = arrived;
      arrived = [];
      yield* events;
      if (oversized) throw new HttpFailure('malformed', 'an event is too large');
      watchdog.expectWithin(idleMs);
    }
  } catch (error) {
    throw toFailure(error);
  } finally {
    watchdog.stop();
  }
}

interface Watchdog {
  /** Called by the outer signal, or with an HttpFailure when something expected did not come. The latest one counts. */
  onAbort(listener: (reason: Error) => void): void;
  expectWithin(ms: number): void;
  /** Expects nothing for the time being. */
  rest(): void;
  stop(): void;
}

function createWatchdog(outer: AbortSignal): Watchdog {
  let timer: NodeJS.Timeout | undefined;
  let task: ((reason: Error) => void) | undefined;
  const abort = () => task?.(new HttpFailure('reset', 'aborted'));
  outer.addEventListener('abort', abort, { once: true });
  return {
    onAbort(listener) {
      task = listener;
      if (outer.aborted) abort();
    },
    expectWithin(ms) {
      clearTimeout(timer);
      timer = setTimeout(() => task?.(new HttpFailure('timeout', 'silence')), ms);
    },
    rest: () => clearTimeout(timer),
    stop() {
      clearTimeout(timer);
      outer.removeEventListener('abort', abort);
    },
  };
}

/** Only the code of the system is kept: messages may name the address. */
function toFailure(error: unknown): HttpFailure {
  if (error instanceof HttpFailure) return error;
  const code = readSystemCode(error) ?? 'unknown';
  return new HttpFailure(isNeverSent(code) ? 'unreachable' : 'reset', code);
}

function readSystemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
