/**
 * The service's log: JSON lines written by pino, one object each. Every line is one of the events of `LOG_EVENTS`, with
 * the fields listed there and no others. No field holds a token, a secret, a body or a metadata value.
 */
import pino, { type DestinationStream } from 'pino';
import type { LogLevel } from '../../config/parsers.ts';
import type { ObservedRequest } from '../http/middleware/request-context.ts';
import { describeError } from '../lib/app-error.ts';

interface LogEventDeclaration {
  readonly level: 'info' | 'warn' | 'error';
  /**
   * Names of the fields. `error` takes anything that was thrown, and is written without its message unless that is
   * safe.
   */
  readonly fields: readonly string[];
  /** What happened and what follows, for the table in `docs/operations.md`. */
  readonly meaning: string;
}

/** Every event of the log except `request`. `npm run docs` makes the table of the documentation from it. */
export const LOG_EVENTS = {
  started: {
    level: 'info',
    fields: ['port', 'ops_port'],
    meaning: 'Both listeners are open.',
  },
  stopping: {
    level: 'info',
    fields: ['signal'],
    meaning: 'A signal asked the process to stop. Requests in flight are completed.',
  },
  stopped: { level: 'info', fields: [], meaning: 'Everything is closed. The process ends.' },
  crashed: {
    level: 'error',
    fields: ['error'],
    meaning: 'An exception was not caught. The process ends with code 1. Report it.',
  },
  configuration_warning: {
    level: 'warn',
    fields: ['detail'],
    meaning: 'At the start, once for each warning of the [configuration](configuration.md).',
  },
  schema_warning: {
    level: 'warn',
    fields: ['detail'],
    meaning: 'At the start: something in the policy has no effect, or looks like a mistake.',
  },
  http_parse_error: {
    level: 'info',
    fields: ['request_id', 'code'],
    meaning:
      'Bytes on a connection are no HTTP request that could be routed. They were answered with `code`.',
  },
  jwks_fetch_failed: {
    level: 'warn',
    fields: ['issuer', 'error'],
    meaning:
      'The signing keys of the issuer could not be fetched. See [Signing keys are stale](#signing-keys-are-stale).',
  },
  management_token_fetch_failed: {
    level: 'warn',
    fields: ['error'],
    meaning:
      'No Management API token was issued. See [Auth0 refuses this service](#auth0-refuses-this-service).',
  },
  management_scope_missing: {
    level: 'error',
    fields: ['scope', 'feature'],
    meaning: 'The machine client lacks a scope that the feature needs. Add it to the client grant.',
  },
  management_scopes_excessive: {
    level: 'warn',
    fields: ['scopes'],
    meaning:
      'The machine client has scopes that nothing needs. Remove them from the client grant. With `LEAST_PRIVILEGE=enforce` the process ends with code 1.',
  },
  redis_unavailable: {
    level: 'warn',
    fields: ['error'],
    meaning:
      'Redis cannot be reached or refuses a command. `error` has the code. See [Redis is down](#redis-is-down).',
  },
  redis_available: { level: 'info', fields: [], meaning: 'Redis works again.' },
  writes_without_lock: {
    level: 'warn',
    fields: [],
    meaning:
      'Redis has answered nothing for 4 s. Writes are made without the shared lock until `redis_available`. See [Redis](#redis).',
  },
  write_locks_paused: {
    level: 'info',
    fields: ['locks_after_ms'],
    meaning: 'Redis may have lost write locks. It grants new ones after `locks_after_ms`.',
  },
  redis_may_evict_locks: {
    level: 'warn',
    fields: ['policy'],
    meaning:
      'Redis evicts any key when it is full, locks included. Set `maxmemory-policy noeviction`. See [Redis](#redis).',
  },
  concurrent_change: {
    level: 'info',
    fields: ['correlation_id'],
    meaning:
      'The answer of Auth0 shows that another change of the user was made after their document was read.',
  },
  change_stream_started: {
    level: 'info',
    fields: [],
    meaning: 'This replica consumes the change stream of Auth0.',
  },
  change_stream_stopped: {
    level: 'info',
    fields: [],
    meaning: 'This replica no longer consumes the change stream.',
  },
  change_stream_interrupted: {
    level: 'warn',
    fields: ['error'],
    meaning:
      'The change stream failed and is opened again. See [The change stream lags](#the-change-stream-lags).',
  },
  change_stream_unavailable: {
    level: 'warn',
    fields: ['error'],
    meaning: 'Auth0 did not open the change stream. `error` has the status.',
  },
  change_stream_refused: {
    level: 'warn',
    fields: ['error'],
    meaning: 'Auth0 refuses the change stream. Give the machine client the scope `read:events`.',
  },
  change_stream_gap: {
    level: 'warn',
    fields: ['error'],
    meaning:
      'Events were missed. Changes made elsewhere in the meantime show when their cache entries expire.',
  },
  audit_write_failed: {
    level: 'warn',
    fields: ['error'],
    meaning:
      'The audit file cannot be written. See [The audit cannot be written](#the-audit-cannot-be-written).',
  },
  trace_export_failed: {
    level: 'warn',
    fields: ['error'],
    meaning: 'The collector does not take spans. Spans are lost until it does.',
  },
} as const satisfies Readonly<Record<string, LogEventDeclaration>>;

export type LogEvent = keyof typeof LOG_EVENTS;

/** The fields that an event must have. */
type LogFields<E extends LogEvent> = {
  readonly [F in (typeof LOG_EVENTS)[E]['fields'][number]]: F extends 'error' ? unknown : string | number;
};

export interface Logger {
  /** Writes one event at the level that `LOG_EVENTS` declares. An unknown event or field does not compile. */
  log<E extends LogEvent>(
    event: E,
    ...fields: (typeof LOG_EVENTS)[E]['fields'] extends readonly [] ? [] : [fields: LogFields<E>]
  ): void;
  /** Writes the event `request`: at level `error` from status 500 on, else at `info`. */
  readonly request: (request: ObservedRequest) => void;
  /** Writes buffered lines before it returns. */
  flush(): void;
}

export interface LogStream extends DestinationStream {
  /** Writes buffered lines before it returns. */
  flushSync?(): void;
}

/**
 * Lines are written when this many bytes are buffered, because a system call for each line costs more than the line.
 */
const MIN_WRITE_BYTES = 8_192;
/** Lines are written at this interval at the latest: what a killed process may lose. */
const FLUSH_INTERVAL_MS = 200;

/** Standard output, buffered. pino writes what is left when the process exits. */
export function createStandardOutput(): LogStream {
  return pino.destination({
    dest: 1,
    sync: false,
    minLength: MIN_WRITE_BYTES,
    periodicFlush: FLUSH_INTERVAL_MS,
  });
}

interface Dependencies {
  readonly destination: LogStream;
  /** Turns the id of an actor into the keyed hash that the audit uses, too. */
  readonly hashId: (id: string) => string;
}

/** @returns a logger that never throws for what it is given. */
export function createLogger(
  { destination, hashId }: Dependencies,
  { level }: { readonly level: LogLevel },
): Logger {
  const log = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label: string) => ({ level: label }) },
      messageKey: 'event',
    },
    { write: (line: string) => destination.write(escapeUnprintable(line)) },
  );

  return {
    log(event, ...[fields]) {
      const described =
        fields !== undefined && 'error' in fields ? { error: describeError(fields.error) } : {};
      log[LOG_EVENTS[event].level]({ ...fields, ...described }, event);
    },
    request({ requestId, method, route, status, durationMs, clientId, actor, traceId, failure }) {
      // A failure of this service or of Auth0 needs a look. A refused request is daily business.
      const lineLevel = status >= 500 ? 'error' : 'info';
      if (!log.isLevelEnabled(lineLevel)) return;
      log[lineLevel](
        {
          request_id: requestId,
          method,
          route,
          status,
          duration_ms: Math.round(durationMs * 100) / 100,
          client_id: clientId,
          actor: actor && hashId(actor.sub),
          actors: actor?.count,
          trace_id: traceId,
          ...(failure && { code: failure.code, ...describeCause(failure) }),
        },
        'request',
      );
    },
    flush: () => destination.flushSync?.(),
  };
}

/** What led to a failure. The code names an expected error already, so only its cause is added. */
function describeCause({ code, error }: { readonly code: string; readonly error: unknown }): object {
  if (code === 'internal') return { error: describeError(error) };
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? {} : { cause: describeError(cause) };
}

/**
 * What does not show in a terminal or turns its text around: DEL, C1 controls, format characters such as marks of
 * direction, and line and paragraph separators (Unicode general categories Cc, Cf, Zl, Zp). JSON allows them in texts.
 */
const PLAIN = /^[\u0020-\u007e]*$/;
const UNPRINTABLE = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * The same JSON text with such characters as `\uXXXX`. For lines that people read, with what callers choose in them.
 */
export function escapeUnprintable(json: string): string {
  // Nearly every line, and much faster than to look for each of them.
  if (PLAIN.test(json)) return json;
  return json.replaceAll(UNPRINTABLE, (character) =>
    [...Array(character.length).keys()]
      .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
