/**
 * Log lines: JSON, one object each, made of fields listed here and nowhere else. No token, secret, body or
 * metadata value is a field.
 */
import pino, { type DestinationStream, type Logger as Pino } from 'pino';
import { describeError } from '../lib/safe-error.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface RequestLine {
  readonly requestId: string;
  readonly method: string;
  /** The template of the route, which names no key. */
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
  readonly clientId: string | undefined;
  /** Where the request is traced. */
  readonly traceId: string | undefined;
  readonly failure: { readonly code: string; readonly error: unknown } | undefined;
}

export interface Logger {
  info(event: string, fields?: Readonly<Record<string, string | number | boolean>>): void;
  warn(event: string, error: unknown): void;
  error(event: string, error: unknown): void;
  request(line: RequestLine): void;
  flush(): void;
}

/** Where log lines go unless a test wants to read them. */
export function standardOutput(): DestinationStream {
  return pino.destination(1);
}

export function createLogger(
  { destination }: { readonly destination: DestinationStream },
  { level }: { readonly level: LogLevel },
): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    messageKey: 'event',
  };
  const log: Pino = pino(options, destination);

  return {
    info: (event, fields = {}) => log.info(fields, event),
    warn: (event, error) => log.warn({ error: describeError(error) }, event),
    error: (event, error) => log.error({ error: describeError(error) }, event),
    request({ requestId, method, route, status, durationMs, clientId, traceId, failure }) {
      const fields = {
        request_id: requestId,
        method,
        route,
        status,
        duration_ms: Math.round(durationMs * 100) / 100,
        ...(clientId === undefined ? {} : { client_id: clientId }),
        ...(traceId === undefined ? {} : { trace_id: traceId }),
        ...(failure === undefined ? {} : { code: failure.code, ...causeOf(failure) }),
      };
      // A fault of ours or of the tenant is worth a look; a refusal of the caller's is daily business.
      if (status >= 500) log.error(fields, 'request');
      else log.info(fields, 'request');
    },
    flush: () => log.flush(),
  };
}

/** What lies behind a failure: an error of ours is named by its code already, so only its cause counts. */
function causeOf({ code, error }: { readonly code: string; readonly error: unknown }): object {
  if (code === 'internal') return { error: describeError(error) };
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? {} : { cause: describeError(cause) };
}
