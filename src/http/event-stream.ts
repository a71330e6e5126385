/**
 * An answer that is a stream of server-sent events (WHATWG HTML section 9.2). Nothing on the way may keep or
 * hold it back, and a client that does not read is cut off instead of being remembered in memory.
 */
import type { Response } from 'express';

export interface StreamEvent {
  readonly id: string;
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
 * Begins the stream. `lastEventId` is what the client will name when it connects again, although nothing has
 * happened yet; `retryMs` is when it should.
 */
export function beginEventStream(
  res: Response,
  { lastEventId, retryMs }: { readonly lastEventId: string; readonly retryMs: number },
  { heartbeatMs, unreadBytesMax }: EventStreamOptions,
): EventStream {
  prepareEventStream(res);
  res.flushHeaders();

  function write(frame: string): void {
    if (res.writableEnded || res.destroyed) return;
    res.write(`${frame}\n\n`);
    if (res.writableLength > unreadBytesMax) res.destroy();
  }

  const heartbeat = setInterval(() => {
    // What was written one heartbeat ago has still not been taken.
    if (res.writableLength > 0) res.destroy();
    else write(': heartbeat');
  }, heartbeatMs);
  res.once('close', () => clearInterval(heartbeat));
  write(`retry: ${Math.round(retryMs)}\nid: ${lastEventId}`);

  return {
    send: ({ id, event, data }) => write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}`),
    end: () => {
      if (!res.writableEnded) res.end();
    },
  };
}
