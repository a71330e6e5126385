/**
 * An answer that is a stream of server-sent events (WHATWG HTML section 9.2). No proxy may store or buffer it. A client
 * that does not read is disconnected, so that its events do not collect in memory.
 */
import type { Response } from 'express';
import { AppError } from '../lib/app-error.ts';
import { startResponse } from './response.ts';

interface StreamEvent {
  /** What the client sends as `Last-Event-ID` when it reconnects. Without one, it sends the id before it. */
  readonly id: string | undefined;
  readonly event: string;
  /** Sent as JSON. */
  readonly data: unknown;
}

export interface EventStream {
  send(event: StreamEvent): void;
  end(): void;
}

export interface EventStreamOptions {
  readonly heartbeatMs: number;
  /** What a client may leave unread. */
  readonly maxUnreadBytes: number;
}

/** The headers of every stream. */
export const EVENT_STREAM_HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store',
  // Keeps nginx, and others that know it, from collecting the answer first.
  'X-Accel-Buffering': 'no',
};

/**
 * Begins the stream with its first event, which must have data: readers pass over the id of an event without any, or
 * hand on an empty message. `retryMs` is when the client should connect again.
 */
export function startEventStream(
  res: Response,
  { first, retryMs }: { readonly first: StreamEvent; readonly retryMs: number },
  { heartbeatMs, maxUnreadBytes }: EventStreamOptions,
): EventStream {
  startResponse(res, 200, [EVENT_STREAM_HEADERS]);
  res.flushHeaders();

  function write(lines: string): void {
    if (res.writableEnded || res.destroyed) return;
    res.write(lines);
    if (res.writableLength > maxUnreadBytes) res.destroy();
  }

  const heartbeat = setInterval(() => {
    // What was written one heartbeat ago has still not been taken.
    if (res.writableLength > 0) res.destroy();
    // A comment without an empty line behind it: some readers would hand on an empty message.
    else write(': heartbeat\n');
  }, heartbeatMs);
  res.once('close', () => clearInterval(heartbeat));
  write(`retry: ${Math.round(retryMs)}\n${toFrame(first)}`);

  return {
    send: (event) => write(toFrame(event)),
    end: () => {
      if (!res.writableEnded) res.end();
    },
  };
}

function toFrame({ id, event, data }: StreamEvent): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

// The streams that are open: bounded for each user and in all, and ended together when the service stops.

export interface OpenStreams {
  /**
   * Counts a stream. `end` is called when the service stops. Returns the function that releases it.
   * @throws AppError `rate_limited` when too many are open, `draining` when the service is stopping.
   */
  acquire(userId: string, end: () => void): () => void;
  /** How many are open. */
  count(): number;
  /** Ends every stream and refuses new ones. */
  close(): void;
}

interface OpenStreamsOptions {
  readonly maxPerUser: number;
  readonly maxTotal: number;
}

/** A user who closes a stream may open another at once. */
const RETRY_AFTER_SECONDS = 5;
/** Streams end with their tokens. */
const RETRY_FULL_SECONDS = 60;

export function createOpenStreams({ maxPerUser, maxTotal }: OpenStreamsOptions): OpenStreams {
  const byUser = new Map<string, Set<() => void>>();
  let total = 0;
  let closed = false;

  return {
    acquire(userId, end) {
      if (closed) {
        throw new AppError('draining', 'The service is shutting down. Connect again.', {
          retryAfterSeconds: 1,
        });
      }
      const own = byUser.get(userId) ?? new Set();
      if (own.size >= maxPerUser) {
        throw createLimitError(
          `A user may have ${maxPerUser} event streams open at a time.`,
          RETRY_AFTER_SECONDS,
        );
      }
      if (total >= maxTotal) throw createLimitError('Too many event streams are open.', RETRY_FULL_SECONDS);
      // The same function may come twice.
      const stream = () => end();
      own.add(stream);
      byUser.set(userId, own);
      total += 1;
      return () => {
        if (!own.delete(stream)) return;
        total -= 1;
        if (own.size === 0) byUser.delete(userId);
      };
    },
    count: () => total,
    close() {
      closed = true;
      for (const stream of [...byUser.values()].flatMap((own) => [...own])) stream();
    },
  };
}

function createLimitError(message: string, retryAfterSeconds: number): AppError {
  return new AppError('rate_limited', message, { retryAfterSeconds });
}
