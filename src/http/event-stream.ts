/**
 * An answer that is a stream of server-sent events (WHATWG HTML section 9.2). Nothing on the way may keep or
 * hold it back, and a client that does not read is cut off instead of being remembered in memory.
 */
import type { Response } from 'express';
import { AppError } from '../lib/app-error.ts';
import { startResponse } from './response.ts';

interface StreamEvent {
  /** What the client names when it connects again. Without one, it goes on naming what it named before. */
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
  readonly unreadBytesMax: number;
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
export function beginEventStream(
  res: Response,
  { first, retryMs }: { readonly first: StreamEvent; readonly retryMs: number },
  { heartbeatMs, unreadBytesMax }: EventStreamOptions,
): EventStream {
  startResponse(res, 200, EVENT_STREAM_HEADERS);
  res.flushHeaders();

  function write(lines: string): void {
    if (res.writableEnded || res.destroyed) return;
    res.write(lines);
    if (res.writableLength > unreadBytesMax) res.destroy();
  }

  const heartbeat = setInterval(() => {
    // What was written one heartbeat ago has still not been taken.
    if (res.writableLength > 0) res.destroy();
    // A comment without an empty line behind it: some readers would hand on an empty message.
    else write(': heartbeat\n');
  }, heartbeatMs);
  res.once('close', () => clearInterval(heartbeat));
  write(`retry: ${Math.round(retryMs)}\n${frameOf(first)}`);

  return {
    send: (event) => write(frameOf(event)),
    end: () => {
      if (!res.writableEnded) res.end();
    },
  };
}

function frameOf({ id, event, data }: StreamEvent): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

// The streams that are open: bounded for each user and in all, and ended together when the service stops.

export interface OpenStreams {
  /**
   * Takes a place. `end` is called when the service stops. Returns the function that gives the place back.
   * @throws AppError `rate_limited` when there is none, `draining` when the service is stopping.
   */
  admit(userId: string, end: () => void): () => void;
  /** How many are open. */
  count(): number;
  /** Ends every stream and admits no more. */
  close(): void;
}

interface OpenStreamsOptions {
  readonly perUserMax: number;
  readonly totalMax: number;
}

/** Whoever closes a stream may open another at once; a full house empties as tokens end. */
const RETRY_AFTER_SECONDS = 5;
const RETRY_FULL_SECONDS = 60;

export function createOpenStreams({ perUserMax, totalMax }: OpenStreamsOptions): OpenStreams {
  const byUser = new Map<string, Set<() => void>>();
  let total = 0;
  let closed = false;

  return {
    admit(userId, end) {
      if (closed) {
        throw new AppError('draining', 'The service is shutting down; connect again.', {
          retryAfterSeconds: 1,
        });
      }
      const own = byUser.get(userId) ?? new Set();
      if (own.size >= perUserMax) {
        throw full(`A user may have ${perUserMax} streams open at a time.`, RETRY_AFTER_SECONDS);
      }
      if (total >= totalMax) throw full('There is no room for another stream.', RETRY_FULL_SECONDS);
      // One function may be given twice; the place is what is counted.
      const place = () => end();
      own.add(place);
      byUser.set(userId, own);
      total += 1;
      return () => {
        if (!own.delete(place)) return;
        total -= 1;
        if (own.size === 0) byUser.delete(userId);
      };
    },
    count: () => total,
    close() {
      closed = true;
      for (const place of [...byUser.values()].flatMap((own) => [...own])) place();
    },
  };
}

function full(message: string, retryAfterSeconds: number): AppError {
  return new AppError('rate_limited', message, { retryAfterSeconds });
}
