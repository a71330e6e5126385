/**
 * The Events API: `GET /api/v2/events`, changes of users as server-sent events. A stream can resume from any stored
 * offset. As at Auth0, it is closed every few minutes, and the plan limits the number of streams.
 */
import type { Request, RequestHandler, Response } from 'express';
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Auth0Error } from './auth0-errors.ts';
import type { JsonObject } from './json.ts';
import type { ManagementGuard } from './management-guard.ts';
import type { UserChange, UserChanges } from './user-store.ts';

// A change of a user as a CloudEvent in Auth0's profile (Events catalog, `user.*`). A change always has the same id.

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const ID_CHARACTERS = 22;
const TENANT = 'local';

/** The event for a change. `host` is the tenant's, without a scheme. */
function toCloudEvent(change: UserChange, host: string): JsonObject {
  return {
    specversion: '1.0',
    type: change.type,
    source: `urn:auth0:${host}`,
    id: `evt_${createId(`${host} ${change.time} ${change.offset}`)}`,
    time: change.time,
    a0tenant: TENANT,
    a0stream: `est_${createId(host)}`,
    data: {
      object: change.user,
      ...(change.previous === undefined ? {} : { previous_object: change.previous }),
    },
  };
}

/** 22 letters and digits that follow from `seed`. */
function createId(seed: string): string {
  const bytes = createHash('sha256').update(seed).digest().subarray(0, ID_CHARACTERS);
  return Array.from(bytes, (byte) => ALPHABET.charAt(byte % ALPHABET.length)).join('');
}

// The query of a subscription: event types and offset. As at Auth0, an invalid one is 400, and an offset that is no
// longer stored is 410.

const EVENT_TYPES = ['user.created', 'user.updated', 'user.deleted'] as const;

const querySchema = z.object({
  event_type: z
    .union([z.enum(EVENT_TYPES), z.array(z.enum(EVENT_TYPES)).min(1)])
    .transform((types) => [types].flat())
    .default([...EVENT_TYPES]),
  from: z.string().min(1).optional(),
  from_timestamp: z.iso.datetime({ offset: true }).optional(),
});

interface Subscription {
  readonly types: ReadonlySet<UserChange['type']>;
  /** What has happened since the place asked for, oldest first, of every type. */
  readonly backlog: readonly UserChange[];
}

/** The stored changes. */
interface KeptChanges {
  readonly changes: readonly UserChange[];
  /** Offset of the newest change, kept or not; 0 before the first. */
  readonly newest: number;
}

/** How offsets look on the wire. */
interface OffsetFormat {
  format(offset: number): string;
  /** Undefined for a text that never was an offset of any tenant. */
  parse(text: string): number | undefined;
}

/** What `request` subscribes to. Throws an `Auth0Error` of status 400 or 410. */
function parseSubscription(request: Request, kept: KeptChanges, offsets: OffsetFormat): Subscription {
  const parsed = querySchema.safeParse(request.query);
  if (!parsed.success) {
    throw createInvalidQueryError(String(parsed.error.issues[0]?.path[0] ?? 'query'));
  }
  const { event_type: types, from, from_timestamp: timestamp } = parsed.data;
  if (from !== undefined && timestamp !== undefined) throw createInvalidQueryError('from_timestamp');
  // Documented: of the two ways to name an offset, the header of SSE counts.
  const place = request.get('last-event-id') ?? from;
  return { types: new Set(types), backlog: getBacklog(kept, offsets, place, timestamp) };
}

function getBacklog(
  { changes, newest }: KeptChanges,
  offsets: OffsetFormat,
  place: string | undefined,
  timestamp: string | undefined,
): readonly UserChange[] {
  if (place !== undefined) {
    const offset = offsets.parse(place);
    if (offset === undefined) throw createInvalidQueryError('from');
    const oldest = newest - changes.length;
    if (offset < oldest || offset > newest) throw new Auth0Error(410, 'The offset has expired.');
    return changes.filter((change) => change.offset > offset);
  }
  if (timestamp === undefined) return [];
  const since = Date.parse(timestamp);
  return changes.filter(({ time }) => Date.parse(time) >= since);
}

function createInvalidQueryError(name: string): Auth0Error {
  return new Auth0Error(
    400,
    `Query validation error: 'Invalid value' on property ${name}.`,
    'invalid_query_string',
  );
}

interface EventFeedOptions {
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
const MAX_UNREAD_BYTES = 1_048_576;

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
    if (open.size >= connections) throw createTooManyConnectionsError();
    open.add(response);
    response.status(200).set({ 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    response.flushHeaders();

    const write = (frame: string) => {
      response.write(frame);
      if (response.writableLength > MAX_UNREAD_BYTES) response.destroy();
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
    const data = JSON.stringify({ offset, event: toCloudEvent(change, host) });
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
 * Offsets count on from the moment the tenant was started, so that those of an earlier run, whose changes are gone,
 * are told from those of this one.
 */
function createOffsets(startedAt: number): OffsetFormat {
  const base = startedAt * 1000;
  return {
    format: (offset) => String(base + offset),
    parse: (text) => (/^\d{1,16}$/.test(text) ? Number(text) - base : undefined),
  };
}

function createTooManyConnectionsError(): Auth0Error {
  return new Auth0Error(429, 'Too many connections to the Events API', 'too_many_requests', {
    headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
  });
}
