/** How far one consumer has come in the tenant's stream of events, and from where it goes on. */

/** Where the place in the stream is kept. */
export interface OffsetStore {
  load(): Promise<string | undefined>;
  save(offset: string): Promise<void>;
}

export interface Journey {
  readonly offsets: OffsetStore;
  readonly signal: AbortSignal;
  /** The place after the last event that was acted upon. */
  offset: string | undefined;
  /** Without an offset: when the stream was first open, in case it breaks before it gives one. */
  since: number | undefined;
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

export async function beginJourney(offsets: OffsetStore, signal: AbortSignal): Promise<Journey> {
  const offset = await offsets.load().catch(() => undefined);
  return { offsets, signal, offset, since: undefined, failures: 0, stuck: 0, renewed: false };
}

/** Where the stream is to be resumed; without anything known, it begins with what happens next. */
export function streamUrl(baseUrl: string, { offset, since }: Journey): string {
  const url = `${baseUrl}/events?${EVENT_TYPES}`;
  if (offset !== undefined) return `${url}&from=${encodeURIComponent(offset)}`;
  if (since === undefined) return url;
  return `${url}&from_timestamp=${encodeURIComponent(new Date(since - CLOCK_MARGIN_MS).toISOString())}`;
}

/** Gives up the place reached: the stream goes on with what happens next. */
export function startAnew(journey: Journey): void {
  Object.assign(journey, { offset: undefined, since: undefined, stuck: 0 });
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
