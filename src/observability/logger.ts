/**
 * Log lines: JSON, one object each, made of fields listed here and nowhere else. No token, secret, body or
 * metadata value is a field.
 */
import pino, { type DestinationStream, type Logger as Pino } from 'pino';
import type { LogLevel } from '../../config/parsers.ts';
import { escapeUnprintable } from '../lib/json.ts';
import { describeError } from '../lib/app-error.ts';

/** Who acted for a user. */
export interface LoggedActor {
  /** Its `sub`, which is written as a keyed hash only. */
  readonly sub: string;
  /** How many actors the token names. */
  readonly count: number;
}

export interface RequestLine {
  readonly requestId: string;
  readonly method: string;
  /** The template of the route, which names no key. */
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
  readonly clientId: string | undefined;
  readonly actor: LoggedActor | undefined;
  /** Where the request is traced. */
  readonly traceId: string | undefined;
  readonly failure: { readonly code: string; readonly error: unknown } | undefined;
}

export interface Logger {
  info(event: string, fields?: Readonly<Record<string, string | number | boolean>>): void;
  warn(event: string, error: unknown): void;
  error(event: string, error: unknown): void;
  request(line: RequestLine): void;
  /** Writes what still waits, before the process ends. */
  flush(): void;
}

export interface LogStream extends DestinationStream {
  /** Writes what still waits, before it returns. */
  flushSync?(): void;
}

/** Lines are written in blocks of this size, or */
const BLOCK_CHARACTERS = 32_768;
/** when the first of them has waited this long: what a process that is killed may leave unsaid. */
const WAIT_MS = 200;

/**
 * Where log lines go unless a test wants to read them. To write each line at once takes more time than to
 * answer the request that it is about.
 */
export function standardOutput(): LogStream {
  const stream = pino.destination({ dest: 1, sync: false });
  let lines: string[] = [];
  let characters = 0;
  let timer: NodeJS.Timeout | undefined;

  function writeBlock(): void {
    clearTimeout(timer);
    timer = undefined;
    const block = lines.join('');
    lines = [];
    characters = 0;
    if (block !== '') stream.write(block);
  }

  return {
    write(line) {
      lines.push(line);
      characters += line.length;
      if (characters >= BLOCK_CHARACTERS) writeBlock();
      else timer ??= setTimeout(writeBlock, WAIT_MS).unref();
    },
    flushSync() {
      writeBlock();
      stream.flushSync();
    },
  };
}

interface Dependencies {
  readonly destination: LogStream;
  /** From the id of an actor to what stands in a line in its place: the same as in the audit. */
  readonly hide: (id: string) => string;
}

export function createLogger(
  { destination, hide }: Dependencies,
  { level }: { readonly level: LogLevel },
): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    messageKey: 'event',
  };
  const timeNow = createTimeText();
  const log: Pino = pino(options, { write: (line) => destination.write(escapeUnprintable(line)) });

  return {
    info: (event, fields = {}) => log.info(fields, event),
    warn: (event, error) => log.warn({ error: describeError(error) }, event),
    error: (event, error) => log.error({ error: describeError(error) }, event),
    request(line) {
      const { status } = line;
      // A fault of ours or of the tenant is worth a look; a refusal of the caller's is daily business.
      const lineLevel = status >= 500 ? 'error' : 'info';
      if (log.isLevelEnabled(lineLevel))
        destination.write(`${requestText(lineLevel, timeNow(), line, hide)}\n`);
    },
    flush: () => destination.flushSync?.(),
  };
}

/**
 * The line of a request, as pino would write it for a fourth of the time: there is one with each answer. Of the values that
 * stand in it as they are, none can hold a quotation mark: an id is checked, a method is one of Node's parser, and
 * the others are ours.
 */
function requestText(level: LogLevel, time: string, line: RequestLine, hide: Dependencies['hide']): string {
  const { requestId, method, route, status, durationMs, clientId, actor, traceId, failure } = line;
  const client = clientId === undefined ? '' : `,"client_id":${escapeUnprintable(JSON.stringify(clientId))}`;
  const actors = actor === undefined ? '' : `,"actor":"${hide(actor.sub)}","actors":${actor.count}`;
  const trace = traceId === undefined ? '' : `,"trace_id":"${traceId}"`;
  const code = failure && `,${JSON.stringify({ code: failure.code, ...causeOf(failure) }).slice(1, -1)}`;
  const duration = Math.round(durationMs * 100) / 100;
  return (
    `{"level":"${level}","time":"${time}","request_id":"${requestId}","method":"${method}","route":"${route}",` +
    `"status":${status},"duration_ms":${duration}${client}${actors}${trace}${code ?? ''},"event":"request"}`
  );
}

/** Written once for all lines of a millisecond. */
function createTimeText(): () => string {
  let at = 0;
  let text = '';
  return () => {
    const now = Date.now();
    if (now !== at) text = new Date(now).toISOString();
    at = now;
    return text;
  };
}

/** What lies behind a failure: an error of ours is named by its code already, so only its cause counts. */
function causeOf({ code, error }: { readonly code: string; readonly error: unknown }): object {
  if (code === 'internal') return { error: describeError(error) };
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? {} : { cause: describeError(cause) };
}
