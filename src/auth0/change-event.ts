/**
 * One message of the Events API (`GET /api/v2/events`), read for the only things that matter here: whose
 * profile changed, and how far the stream has come. Nothing else of a payload is kept.
 */
import { z } from 'zod';
import type { ServerEvent } from '../lib/event-client.ts';
import { parseJsonText } from '../lib/json-text.ts';

export interface UserChange {
  readonly kind: 'user';
  readonly userId: string;
  /** In milliseconds since the epoch, where the event tells. */
  readonly occurredAt: number | undefined;
  /** The time stamp of the user as the event shows them; undefined also where the user was deleted. */
  readonly updatedAt: string | undefined;
}

export type ChangeEvent =
  | UserChange
  /** A mark of how far the stream has come, sent while nothing happens. */
  | { readonly kind: 'progress' }
  | { readonly kind: 'ignored' }
  /** The server gives up; it closes the stream after this. */
  | { readonly kind: 'error' }
  | { readonly kind: 'malformed' };

/** `user.updated` as the schema has it, and `com.auth0.user.updated` as one page of the documentation does. */
const USER_CHANGED = /(?:^|\.)user\.(?:updated|deleted)$/;

const OFFSET_CHARACTERS_MAX = 1024;
const offset = z.string().min(1).max(OFFSET_CHARACTERS_MAX);

const changedUser = z.object({
  user_id: z.string().min(1).max(512),
  updated_at: z.iso.datetime().optional().catch(undefined),
});
const messageSchema = z.object({
  event: z.object({
    type: z.string(),
    time: z.string().optional(),
    data: z.object({ object: changedUser }),
  }),
});
const offsetSchema = z.object({ offset });

export function changeEventOf({ type, data }: ServerEvent): ChangeEvent {
  if (type === 'error') return { kind: 'error' };
  if (type === 'offset-only') return { kind: 'progress' };
  if (!USER_CHANGED.test(type)) return { kind: 'ignored' };
  const message = parseJsonText(data, messageSchema);
  if (!message || !USER_CHANGED.test(message.event.type)) return { kind: 'malformed' };
  const { time, data: payload } = message.event;
  const occurredAt = Date.parse(time ?? '');
  return {
    kind: 'user',
    userId: payload.object.user_id,
    occurredAt: Number.isNaN(occurredAt) ? undefined : occurredAt,
    updatedAt: type.endsWith('deleted') ? undefined : payload.object.updated_at,
  };
}

/** The place in the stream after this message: its `id`, or the offset that it repeats in its data. */
export function offsetOf({ id, data }: ServerEvent): string | undefined {
  const given = offset.safeParse(id);
  return given.success ? given.data : parseJsonText(data, offsetSchema)?.offset;
}
