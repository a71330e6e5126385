/**
 * The Events API: `GET /api/v2/events`, changes of users as server-sent events. A stream can be resumed from any offset
 * that is still kept; like Auth0's, it is closed every few minutes, and a plan allows only so many at once.
 */
import type { Request, RequestHandler, Response } from 'express';
import { Auth0Error } from './auth0-errors.ts';
import { cloudEventOf } from './cloud-event.ts';
import { type OffsetFormat, parseSubscription } from './event-query.ts';
import type { ManagementGuard } from './management-guard.ts';
import type { UserChange, UserChanges } from './user-changes.ts';

export interface EventFeedOptions {
  /** The tenant's host, for the `source` of events. */
  readonly host: string;
  /** Streams open at once. */
  readonly connections: number;
  /** A stream is closed after this time. */
  readonly cycleMs: number;
  readonly heartbeatMs: number;
}

export interface EventFeed {
  /** Answers with a stream that lasts until it is cycled, closed or left. */
  readonly subscribe: RequestHandler;
  /** Ends every stream. */
  close(): void;
}

interface Dependencies {
  readonly changes: UserChanges;
  readonly guard: ManagementGuard;
  readonly now: () => number;
}

const RETRY_AFTER_SECONDS = 2;
const RECONNECT_MS = 2000;
/** What a subscriber may leave unread before it is taken for dead. */
const UNREAD_BYTES_MAX = 1_048_576;

/** A feed without subscribers. */
export function createEventFeed(
  { changes, guard, now }: Dependencies,
  { host, connections, cycleMs, heartbeatMs }: EventFeedOptions,
): EventFeed {
  const open = new Set<Response>();
  const offsets = createOffsets(now());

  function stream(request: Request, response: Response): void {
    const { types, backlog } = parseSubscription(
      request,
      { changes: changes.history(), newest: changes.newest() },
      offsets,
    );
    if (open.size >= connections) throw tooManyConnections();
    open.add(response);
    response.status(200).set({ 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    response.flushHeaders();

    const write = (frame: string) => {
      response.write(frame);
      if (response.writableLength > UNREAD_BYTES_MAX) response.destroy();
    };
    const send = (change: UserChange) => {
      if (types.has(change.type)) write(eventFrame(change));
    };
    const beat = () => write(`${offsetFrame()}: heartbeat\n\n`);
    write(`:connected\n\nretry: ${RECONNECT_MS}\n\n`);
    backlog.forEach(send);
    const unsubscribe = changes.subscribe(send);
    const heartbeat = setInterval(beat, heartbeatMs);
    const cycle = setTimeout(() => response.end(), cycleMs);
    response.once('close', () => {
      open.delete(response);
      unsubscribe();
      clearInterval(heartbeat);
      clearTimeout(cycle);
    });
  }

  function eventFrame(change: UserChange): string {
    const offset = offsets.format(change.offset);
    const data = JSON.stringify({ offset, event: cloudEventOf(change, host) });
    return `event: ${change.type}\nid: ${offset}\ndata: ${data}\n\n`;
  }

  function offsetFrame(): string {
    const offset = offsets.format(changes.newest());
    return `event: offset-only\nid: ${offset}\ndata: ${JSON.stringify({ offset })}\n\n`;
  }

  return {
    async subscribe(request, response) {
      await guard.admit(request, ['read:events']);
      stream(request, response);
    },
    close() {
      for (const response of open) response.end();
    },
  };
}

/**
 * Offsets count on from the moment the tenant was started, so that those of an earlier run, whose changes nobody kept,
 * are told from those of this one.
 */
function createOffsets(startedAt: number): OffsetFormat {
  const base = startedAt * 1000;
  return {
    format: (offset) => String(base + offset),
    parse: (text) => (/^\d{1,16}$/.test(text) ? Number(text) - base : undefined),
  };
}

function tooManyConnections(): Auth0Error {
  return new Auth0Error(429, 'Too many connections to the Events API', 'too_many_requests', {
    headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
  });
}
