/**
 * An answer that is a stream of server-sent events (WHATWG HTML section 9.2). Nothing on the way may keep or
 * hold it back, and a client that does not read is cut off instead of being remembered in memory.
 */
import type { Response } from 'express';

export interface StreamEvent {
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

/** The header fields of every stream. */
export function prepareEventStream(res: Response): void {
  res.statusCode = 200;
  res.setHeader('Content-Type', 'text/event-stream');
  res.setHeader('Cache-Control', 'no-store');
  // Understood by nginx and others that would collect the answer first.
  res.setHeader('X-Accel-Buffering', 'no');
}

/**
 * Begins the stream with its first event, which must have data: readers pass over the id of an event without any, or
 * hand on an empty message. `retryMs` is when the client should connect again.
 */
export function beginEventStream(
  res: Response,
  { first, retryMs }: { readonly first: StreamEvent; readonly retryMs: number },
  { heartbeatMs, unreadBytesMax }: EventStreamOptions,
): EventStream {
  prepareEventStream(res);
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
