/** How far one consumer has come in the tenant's stream of events, and from where it, or its successor, goes on. */
import { z } from 'zod';
import { parseJsonText } from '../lib/json-text.ts';

/** Keeps a note of the place reached, for whoever consumes next. */
export interface Bookmark {
  load(): Promise<string | undefined>;
  save(note: string): Promise<void>;
}

const placeSchema = z.union([
  z.object({ offset: z.string().min(1).max(1024) }),
  // Until the stream has told an offset: when this began.
  z.object({ since: z.number() }),
]);
export type Place = Readonly<z.infer<typeof placeSchema>>;

export interface Journey {
  readonly bookmark: Bookmark;
  readonly signal: AbortSignal;
  /** After the last event that was acted upon; undefined once that is lost: whatever happens next. */
  place: Place | undefined;
  /** Attempts in a row that came to nothing. */
  failures: number;
  /** Streams in a row that could not be read beyond the same place. */
  stuck: number;
  /** Whether the token is a new one because the one before was refused. */
  renewed: boolean;
}

const EVENT_TYPES = 'event_type=user.updated&event_type=user.deleted';

/** Two clocks are involved where a time stamp has to stand in for an offset. */
const CLOCK_MARGIN_MS = 60_000;

/**
 * Goes on where another consumer has come to. Without a note of one it begins a little before `now`, because
 * what the cache learnt shortly before the stream is open may have changed before it is.
 */
export async function beginJourney(bookmark: Bookmark, signal: AbortSignal, now: number): Promise<Journey> {
  const note = await bookmark.load().catch(() => undefined);
  const place = note === undefined ? undefined : parseJsonText(note, placeSchema);
  const journey = { bookmark, signal, place, failures: 0, stuck: 0, renewed: false };
  if (place === undefined) await moveTo(journey, { since: now });
  return journey;
}

export async function moveTo(journey: Journey, place: Place): Promise<void> {
  journey.place = place;
  await journey.bookmark.save(JSON.stringify(place));
}

export function streamUrl(baseUrl: string, { place }: Journey): string {
  const url = `${baseUrl}/events?${EVENT_TYPES}`;
  if (place === undefined) return url;
  if ('offset' in place) return `${url}&from=${encodeURIComponent(place.offset)}`;
  const since = new Date(place.since - CLOCK_MARGIN_MS).toISOString();
  return `${url}&from_timestamp=${encodeURIComponent(since)}`;
}

/** Notes one more attempt that came to nothing. @returns the pause before the next: jittered, exponential. */
export function backoff(
  journey: Journey,
  random: () => number,
  { backoffMs, backoffMaxMs }: { readonly backoffMs: number; readonly backoffMaxMs: number },
): number {
  journey.failures += 1;
  const longest = Math.min(backoffMaxMs, backoffMs * 2 ** (journey.failures - 1));
  return longest * (0.5 + random() / 2);
}
