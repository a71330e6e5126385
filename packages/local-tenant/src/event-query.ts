/**
 * What a subscriber to the Events API asks for: which events, and from where on. Refusals are Auth0's: 400 for what
 * cannot be read, 410 for a place in the stream that is no longer kept.
 */
import type { Request } from 'express';
import { z } from 'zod';
import { Auth0Error } from './auth0-errors.ts';
import type { UserChange } from './user-changes.ts';

const EVENT_TYPES = ['user.created', 'user.updated', 'user.deleted'] as const;

const querySchema = z.object({
  event_type: z
    .union([z.enum(EVENT_TYPES), z.array(z.enum(EVENT_TYPES)).min(1)])
    .transform((types) => [types].flat())
    .default([...EVENT_TYPES]),
  from: z.string().min(1).optional(),
  from_timestamp: z.iso.datetime({ offset: true }).optional(),
});

export interface Subscription {
  readonly types: ReadonlySet<UserChange['type']>;
  /** What has happened since the place asked for, oldest first, of every type. */
  readonly backlog: readonly UserChange[];
}

/** The kept part of the record of changes. */
export interface Kept {
  readonly changes: readonly UserChange[];
  /** Offset of the newest change, kept or not; 0 before the first. */
  readonly newest: number;
}

/** How offsets look on the wire. */
export interface OffsetFormat {
  format(offset: number): string;
  /** Undefined for a text that never was an offset of any tenant. */
  parse(text: string): number | undefined;
}

/** What `request` subscribes to. Throws an `Auth0Error` of status 400 or 410. */
export function parseSubscription(request: Request, kept: Kept, offsets: OffsetFormat): Subscription {
  const parsed = querySchema.safeParse(request.query);
  if (!parsed.success) {
    throw invalidQuery(String(parsed.error.issues[0]?.path[0] ?? 'query'));
  }
  const { event_type: types, from, from_timestamp: timestamp } = parsed.data;
  if (from !== undefined && timestamp !== undefined) throw invalidQuery('from_timestamp');
  // Documented: of the two ways to name an offset, the header of SSE counts.
  const place = request.get('last-event-id') ?? from;
  return { types: new Set(types), backlog: backlogOf(kept, offsets, place, timestamp) };
}

function backlogOf(
  { changes, newest }: Kept,
  offsets: OffsetFormat,
  place: string | undefined,
  timestamp: string | undefined,
): readonly UserChange[] {
  if (place !== undefined) {
    const offset = offsets.parse(place);
    if (offset === undefined) throw invalidQuery('from');
    const oldest = newest - changes.length;
    if (offset < oldest || offset > newest) throw new Auth0Error(410, 'The offset has expired.');
    return changes.filter((change) => change.offset > offset);
  }
  if (timestamp === undefined) return [];
  const since = Date.parse(timestamp);
  return changes.filter(({ time }) => Date.parse(time) >= since);
}

function invalidQuery(name: string): Auth0Error {
  return new Auth0Error(
    400,
    `Query validation error: 'Invalid value' on property ${name}.`,
    'invalid_query_string',
  );
}
