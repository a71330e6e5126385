/**
 * Server-sent events of others (WHATWG HTML section 9.2): one request, one stream, bounded in the size of
 * what it buffers and in the time it may be silent. Like all HTTP here it fails with HttpFailure only and
 * follows no redirect. Reconnecting is the business of who reads.
 */
import { createParser } from 'eventsource-parser';
import { HttpFailure, isNeverSent } from './http-client.ts';

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
  readonly charactersMax: number;
}

export function createEventClient({ timeoutMs, idleMs, charactersMax }: EventClientOptions): EventClient {
  return {
    async open({ url, headers, signal }) {
      const watchdog = createWatchdog(signal);
      try {
        watchdog.expectWithin(timeoutMs);
        const response = await fetch(url, {
          // A compressing gateway would hold events back until it has a block of them.
          headers: { accept: 'text/event-stream', 'accept-encoding': 'identity', ...headers },
          redirect: 'manual',
          signal: watchdog.signal,
        });
        const head = { status: response.status, headers: new Map(response.headers) };
        if (response.status !== 200 || response.body === null) {
          watchdog.stop();
          await response.body?.cancel();
          return { ...head, events: none() };
        }
        if (!/^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '')) {
          await response.body.cancel();
          throw new HttpFailure('malformed', 'not an event stream');
        }
        watchdog.expectWithin(idleMs);
        return { ...head, events: read(response.body, watchdog, { idleMs, charactersMax }) };
      } catch (error) {
        watchdog.stop();
        throw toFailure(error);
      }
    },
  };
}

async function* none(): AsyncGenerator<ServerEvent> {
  // Nothing to read.
}

async function* read(
  body: ReadableStream<Uint8Array>,
  watchdog: Watchdog,
  { idleMs, charactersMax }: Pick<EventClientOptions, 'idleMs' | 'charactersMax'>,
): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let arrived: ServerEvent[] = [];
  let oversized = false;
  const parser = createParser({
    maxBufferSize: charactersMax,
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
  /** Aborts by the outer signal, or with an HttpFailure when something expected did not come. */
  readonly signal: AbortSignal;
  expectWithin(ms: number): void;
  /** Expects nothing for the time being. */
  rest(): void;
  stop(): void;
}

function createWatchdog(outer: AbortSignal): Watchdog {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const abort = () => controller.abort(outer.reason);
  outer.addEventListener('abort', abort, { once: true });
  if (outer.aborted) abort();
  return {
    signal: controller.signal,
    expectWithin(ms) {
      clearTimeout(timer);
      timer = setTimeout(() => controller.abort(new HttpFailure('timeout', 'silence')), ms);
    },
    rest: () => clearTimeout(timer),
    stop() {
      clearTimeout(timer);
      outer.removeEventListener('abort', abort);
    },
  };
}

/** Only the code of the system is kept: messages of fetch may name the address. */
function toFailure(error: unknown): HttpFailure {
  if (error instanceof HttpFailure) return error;
  const cause = error instanceof Error ? error.cause : undefined;
  const code = [cause, error].map(codeOf).find((found) => found !== undefined) ?? 'unknown';
  return new HttpFailure(isNeverSent(code) ? 'unreachable' : 'reset', code);
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
