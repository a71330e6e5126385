/**
 * The consumer of Auth0's Events API: every change of a user, whoever made it, evicts that user from the
 * cache and is announced to all replicas. Payloads are never copied into the cache: they may be partial, late
 * or in the wrong order, whereas an eviction is right however often and in whatever order it happens.
 *
 * The place in the stream is remembered only after the eviction, so a change is evicted at least once across
 * lost connections and restarts. Where the tenant no longer keeps that place (410), the feed goes on from
 * now: what changed in between is served from the cache until its entries end by their TTL.
 */
import { z } from 'zod';
import { SafeError } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { EventClient, EventResponse, ServerEvent } from '../lib/event-client.ts';
import { HttpFailure } from '../lib/http-client.ts';
import { parseJsonText } from '../lib/json.ts';
import { retryAfterSeconds } from './errors.ts';
import type { TokenProvider } from './token-provider.ts';

// One message of the Events API (`GET /api/v2/events`), read for the only things that matter here: whose
// profile changed, and how far the stream has come. Nothing else of a payload is kept.

interface UserChange {
  readonly kind: 'user';
  readonly userId: string;
  /** In milliseconds since the epoch, where the event tells. */
  readonly occurredAt: number | undefined;
  /** The time stamp of the user as the event shows them; undefined also where the user was deleted. */
  readonly updatedAt: string | undefined;
}

type ChangeEvent =
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
const offsetText = z.string().min(1).max(OFFSET_CHARACTERS_MAX);

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
const offsetSchema = z.object({ offset: offsetText });

function changeEventOf({ type, data }: ServerEvent): ChangeEvent {
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
function offsetOf({ id, data }: ServerEvent): string | undefined {
  const given = offsetText.safeParse(id);
  return given.success ? given.data : parseJsonText(data, offsetSchema)?.offset;
}

// How the change feed is doing: whether it is up, and how far behind the tenant it is.

interface FeedHealth {
  begin(): void;
  connected(): void;
  /** A change was evicted that happened at this time. */
  evicted(occurredAt: number | undefined): void;
  /** Nothing is left to be told. */
  caughtUp(): void;
  disconnected(): void;
  end(): void;
  /** False when this process should be consuming, and has had no stream for a while. */
  passing(): boolean;
  /**
   * While the stream is open, the time from the latest change to its eviction; while it is not, the time
   * since it was lost. 0 where another process consumes.
   */
  lagSeconds(): number;
}

/** Streams are closed every few minutes in the course of things; only a longer absence is worth a word. */
const TOLERATED_MS = 30_000;

function createFeedHealth(clock: Clock): FeedHealth {
  let consuming = false;
  let lostAt: number | undefined;
  let lagMs = 0;

  return {
    begin() {
      consuming = true;
      lostAt = clock.now();
    },
    connected() {
      lostAt = undefined;
    },
    evicted(occurredAt) {
      if (occurredAt !== undefined) lagMs = Math.max(0, clock.now() - occurredAt);
    },
    caughtUp() {
      lagMs = 0;
    },
    disconnected() {
      lostAt = clock.now();
    },
    end() {
      consuming = false;
      lagMs = 0;
    },
    passing: () => !consuming || lostAt === undefined || clock.now() - lostAt < TOLERATED_MS,
    lagSeconds() {
      if (!consuming) return 0;
      return (lostAt === undefined ? lagMs : Math.max(0, clock.now() - lostAt)) / 1000;
    },
  };
}

// How far one consumer has come in the tenant's stream of events, and from where it, or its successor, goes on.

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
type Place = Readonly<z.infer<typeof placeSchema>>;

interface Journey {
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
async function beginJourney(bookmark: Bookmark, signal: AbortSignal, now: number): Promise<Journey> {
  const note = await bookmark.load().catch(() => undefined);
  const place = note === undefined ? undefined : parseJsonText(note, placeSchema);
  const journey = { bookmark, signal, place, failures: 0, stuck: 0, renewed: false };
  if (place === undefined) await moveTo(journey, { since: now });
  return journey;
}

async function moveTo(journey: Journey, place: Place): Promise<void> {
  journey.place = place;
  await journey.bookmark.save(JSON.stringify(place));
}

function streamUrl(baseUrl: string, { place }: Journey): string {
  const url = `${baseUrl}/events?${EVENT_TYPES}`;
  if (place === undefined) return url;
  if ('offset' in place) return `${url}&from=${encodeURIComponent(place.offset)}`;
  const since = new Date(place.since - CLOCK_MARGIN_MS).toISOString();
  return `${url}&from_timestamp=${encodeURIComponent(since)}`;
}

/** Notes one more attempt that came to nothing. @returns the pause before the next: jittered, exponential. */
function backoff(
  journey: Journey,
  random: () => number,
  { backoffMs, backoffMaxMs }: { readonly backoffMs: number; readonly backoffMaxMs: number },
): number {
  journey.failures += 1;
  const longest = Math.min(backoffMaxMs, backoffMs * 2 ** (journey.failures - 1));
  return longest * (0.5 + random() / 2);
}

type FeedOutcome = 'evicted' | 'known' | 'ignored' | 'malformed';

export interface ChangeFeed {
  /** Consumes until the signal aborts, and then resolves. Never rejects: trouble is told and retried. */
  consume(bookmark: Bookmark, signal: AbortSignal): Promise<void>;
  readonly health: Pick<FeedHealth, 'passing' | 'lagSeconds'>;
}

/** `gap`: events were missed. `refused`: the machine client lacks `read:events`. */
export type StreamTrouble = 'gap' | 'refused' | 'unavailable' | 'interrupted';

interface Dependencies {
  readonly events: EventClient;
  readonly tokens: TokenProvider;
  /** Forgets a user everywhere. @returns false where that was not needed, because the change was made here. */
  readonly evict: (change: UserChange) => Promise<boolean>;
  readonly observe: (outcome: FeedOutcome) => void;
  /** Called once for each kind of trouble until the stream is open again. */
  readonly onTrouble: (trouble: StreamTrouble, error: unknown) => void;
  readonly clock: Clock;
  /** Ends early, and without an error, when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly random: () => number;
}

export interface ChangeFeedOptions {
  /** Base of the Management API, without a trailing slash. */
  readonly baseUrl: string;
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  /** Pause after a refusal for want of a scope, which only a person can change. */
  readonly refusedMs: number;
  /** Pause, at most, after a stream that the tenant closed in the course of things. */
  readonly cycledMs: number;
  /** A stream that lasted this long was no failure, even if it brought nothing. */
  readonly steadyMs: number;
}

const STUCK_MAX = 3;

export function createChangeFeed(deps: Dependencies, options: ChangeFeedOptions): ChangeFeed {
  const { events, tokens, evict, observe, clock, sleep, random } = deps;
  const health = createFeedHealth(clock);
  const told = new Set<StreamTrouble>();

  function report(trouble: StreamTrouble, error: unknown): void {
    if (!told.has(trouble)) deps.onTrouble(trouble, error);
    told.add(trouble);
  }

  function restart(journey: Journey, reason: Error): void {
    deps.onTrouble('gap', reason);
    journey.place = undefined;
    journey.stuck = 0;
  }

  const pauseAfterFailure = (journey: Journey) => backoff(journey, random, options);

  /** One stream, or the attempt at one. @returns the pause before the next. */
  async function travel(journey: Journey): Promise<number> {
    const token = await tokens.token();
    const response = await events.open({
      url: streamUrl(options.baseUrl, journey),
      headers: { authorization: `Bearer ${token.value}` },
      signal: journey.signal,
    });
    if (response.status === 200) return listen(journey, response.events);
    if (response.status !== 401 && response.status !== 403) return unavailable(journey, response);
    tokens.reject(token);
    journey.renewed = !journey.renewed;
    // The token may have been revoked, or be older than the scope: another is tried at once, a third later.
    if (journey.renewed) return 0;
    report('refused', answered(response));
    return options.refusedMs;
  }

  function unavailable(journey: Journey, response: EventResponse): number {
    const { status, headers } = response;
    const lost = status === 410 || status === 400;
    if (lost && journey.place !== undefined) {
      restart(journey, answered(response));
      return pauseAfterFailure(journey);
    }
    report('unavailable', answered(response));
    const pauseMs = pauseAfterFailure(journey);
    if (status !== 429) return pauseMs;
    const seconds = retryAfterSeconds({ status, headers, text: '' }, clock.now());
    return Math.max(pauseMs, seconds * 1000 * (1 + random() / 10));
  }

  async function listen(journey: Journey, stream: EventResponse['events']): Promise<number> {
    const openedAt = clock.now();
    if (journey.place === undefined) await moveTo(journey, { since: openedAt });
    const { place: begun } = journey;
    journey.renewed = false;
    told.clear();
    health.connected();
    let failure: unknown;
    try {
      for await (const event of stream) {
        if (journey.signal.aborted) return 0;
        await apply(journey, event);
      }
    } catch (error) {
      failure = error;
    } finally {
      health.disconnected();
    }
    const moved = begun !== journey.place;
    const steady = moved || clock.now() - openedAt >= options.steadyMs;
    if (steady) journey.failures = 0;
    const broken = failure instanceof HttpFailure ? failure.kind : undefined;
    journey.stuck = broken === 'malformed' && !moved ? journey.stuck + 1 : 0;
    // Whatever cannot be read there would hold up everything after it for ever.
    if (journey.stuck >= STUCK_MAX) restart(journey, new SafeError('the stream fails at one place'));
    // A connection that breaks after a while is as good as one that was closed.
    const routine = steady && (broken === 'reset' || broken === 'timeout');
    if (failure !== undefined && !routine) throw failure;
    // Not the longer `retry` that the tenant asks for: a change made in this pause is seen only after it.
    return steady ? random() * options.cycledMs : pauseAfterFailure(journey);
  }

  async function apply(journey: Journey, event: ServerEvent): Promise<void> {
    const change = changeEventOf(event);
    switch (change.kind) {
      case 'user':
        observe((await evict(change)) ? 'evicted' : 'known');
        health.evicted(change.occurredAt);
        break;
      case 'progress':
        health.caughtUp();
        break;
      case 'error':
        throw new HttpFailure('malformed', 'the stream reports an error');
      case 'ignored':
      case 'malformed':
        observe(change.kind);
    }
    const offset = offsetOf(event);
    if (offset !== undefined) await moveTo(journey, { offset });
  }

  return {
    health,
    async consume(bookmark, signal) {
      health.begin();
      const journey = await beginJourney(bookmark, signal, clock.now());
      while (!signal.aborted) {
        const pauseMs = await travel(journey).catch((error: unknown) => {
          if (!signal.aborted) report('interrupted', error);
          return pauseAfterFailure(journey);
        });
        await sleep(pauseMs, signal);
      }
      health.end();
    },
  };
}

function answered({ status }: EventResponse): SafeError {
  return new SafeError(`events.subscribe answered ${status}`);
}
