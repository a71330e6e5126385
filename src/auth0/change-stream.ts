/**
 * The consumer of Auth0's Events API (`GET /api/v2/events`). Every change of a user, by any program, evicts that user
 * from the cache of all replicas. Payloads are never copied into the cache: they may be partial, late or out of order.
 * An eviction is right in any order and any number of times.
 *
 * The offset is saved after the eviction, so that a change is evicted at least once across lost connections and
 * restarts. Where the tenant no longer has that offset (410), the stream goes on from now. What changed in between is
 * served from the cache until its entries expire.
 */
import { z } from 'zod';
import { SafeError } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { EventClient, EventResponse, ServerEvent } from '../lib/event-client.ts';
import { HttpFailure } from '../lib/http-client.ts';
import { parseJsonText } from '../lib/json.ts';
import { readRetryAfterSeconds } from './errors.ts';
import type { TokenProvider } from './token-provider.ts';

// One message of the Events API. Only two things are read: whose profile changed, and the offset in the stream.

interface UserChange {
  readonly kind: 'user';
  readonly userId: string;
  /** Milliseconds since the epoch. Undefined where the event has no time. */
  readonly occurredAt: number | undefined;
  /** `updated_at` of the user in the event. Undefined also where the user was deleted. */
  readonly updatedAt: string | undefined;
}

type ChangeEvent =
  | UserChange
  /** A new offset without a change, sent while nothing happens. */
  | { readonly kind: 'progress' }
  | { readonly kind: 'ignored' }
  /** An error of the server, which closes the stream after it. */
  | { readonly kind: 'error' }
  | { readonly kind: 'malformed' };

/** The schema says `user.updated`, one page of Auth0's documentation `com.auth0.user.updated`. */
const USER_CHANGED = /(?:^|\.)user\.(?:updated|deleted)$/;

const MAX_OFFSET_CHARACTERS = 1024;
const offsetText = z.string().min(1).max(MAX_OFFSET_CHARACTERS);

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

function parseChangeEvent({ type, data }: ServerEvent): ChangeEvent {
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

/** The offset after this message: its `id`, or `offset` in its data. */
function readOffset({ id, data }: ServerEvent): string | undefined {
  const given = offsetText.safeParse(id);
  return given.success ? given.data : parseJsonText(data, offsetSchema)?.offset;
}

/** Whether the stream is open, and how far behind the tenant it is. */
interface StreamHealth {
  begin(): void;
  connected(): void;
  /** A change that happened at this time was evicted. */
  evicted(occurredAt: number | undefined): void;
  /** Every change so far was received. */
  caughtUp(): void;
  disconnected(): void;
  end(): void;
  /** False when this process should consume and has had no stream for 30 s. */
  isHealthy(): boolean;
  /**
   * The time from the latest change to its eviction while the stream is open, else the time since it was lost. 0 where
   * another process consumes.
   */
  getLagSeconds(): number;
}

/** Auth0 closes streams every few minutes. Only a longer absence is a problem. */
const MAX_DISCONNECTED_MS = 30_000;

function createStreamHealth(clock: Clock): StreamHealth {
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
    isHealthy: () => !consuming || lostAt === undefined || clock.now() - lostAt < MAX_DISCONNECTED_MS,
    getLagSeconds() {
      if (!consuming) return 0;
      return (lostAt === undefined ? lagMs : Math.max(0, clock.now() - lostAt)) / 1000;
    },
  };
}

/** Stores the cursor of the stream for the next consumer. */
export interface OffsetStore {
  load(): Promise<string | undefined>;
  save(cursor: string): Promise<void>;
}

const cursorSchema = z.union([
  z.object({ offset: z.string().min(1).max(1024) }),
  // Until the first offset: the time at which the consumer began, in milliseconds since the epoch.
  z.object({ since: z.number() }),
]);
type Cursor = Readonly<z.infer<typeof cursorSchema>>;

interface ConsumerState {
  readonly store: OffsetStore;
  readonly signal: AbortSignal;
  /** The position after the last applied event. Undefined after a gap: the stream goes on from now. */
  cursor: Cursor | undefined;
  /** Consecutive streams that failed or brought nothing. */
  failures: number;
  /** Consecutive streams that could not be read beyond the same cursor. */
  stuckStreams: number;
  /** Whether the token was renewed because the one before was refused. */
  renewed: boolean;
}

const EVENT_TYPES = 'event_type=user.updated&event_type=user.deleted';

/** A time instead of an offset compares two clocks, which may differ by this much. */
const CLOCK_MARGIN_MS = 60_000;

/**
 * Starts at the cursor of the previous consumer. Without one it starts a little before `now`, because a document that
 * was cached shortly before the stream opened may have changed before it was open.
 */
async function loadState(store: OffsetStore, signal: AbortSignal, now: number): Promise<ConsumerState> {
  const saved = await store.load().catch(() => undefined);
  const cursor = saved === undefined ? undefined : parseJsonText(saved, cursorSchema);
  const state = { store, signal, cursor, failures: 0, stuckStreams: 0, renewed: false };
  if (cursor === undefined) await saveCursor(state, { since: now });
  return state;
}

async function saveCursor(state: ConsumerState, cursor: Cursor): Promise<void> {
  state.cursor = cursor;
  await state.store.save(JSON.stringify(cursor));
}

function createStreamUrl(baseUrl: string, { cursor }: ConsumerState): string {
  const url = `${baseUrl}/events?${EVENT_TYPES}`;
  if (cursor === undefined) return url;
  if ('offset' in cursor) return `${url}&from=${encodeURIComponent(cursor.offset)}`;
  const since = new Date(cursor.since - CLOCK_MARGIN_MS).toISOString();
  return `${url}&from_timestamp=${encodeURIComponent(since)}`;
}

/** Counts a failed stream. @returns the pause before the next: exponential, with jitter. */
function countFailure(
  state: ConsumerState,
  random: () => number,
  { backoffMs, maxBackoffMs }: { readonly backoffMs: number; readonly maxBackoffMs: number },
): number {
  state.failures += 1;
  const longest = Math.min(maxBackoffMs, backoffMs * 2 ** (state.failures - 1));
  return longest * (0.5 + random() / 2);
}

type EventOutcome = 'evicted' | 'known' | 'ignored' | 'malformed';

export interface ChangeStream {
  /** Consumes until the signal aborts, and then resolves. Never rejects: failures are reported and retried. */
  consume(store: OffsetStore, signal: AbortSignal): Promise<void>;
  readonly health: Pick<StreamHealth, 'isHealthy' | 'getLagSeconds'>;
}

/** `gap`: events were missed. `refused`: the machine client lacks `read:events`. */
export type StreamTrouble = 'gap' | 'refused' | 'unavailable' | 'interrupted';

interface Dependencies {
  readonly events: EventClient;
  readonly tokens: TokenProvider;
  /**
   * Evicts a user on all replicas. @returns false where the cache has this change already, because it was made here.
   */
  readonly evict: (change: UserChange) => Promise<boolean>;
  readonly observe: (outcome: EventOutcome) => void;
  /** Called once for each kind of trouble until the stream is open again. */
  readonly onTrouble: (trouble: StreamTrouble, error: unknown) => void;
  readonly clock: Clock;
  /** Ends early, and without an error, when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly random: () => number;
}

export interface ChangeStreamOptions {
  /** Base of the Management API, without a trailing slash. */
  readonly baseUrl: string;
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** Pause after a refusal for a missing scope, which an operator must add. */
  readonly refusedRetryMs: number;
  /** Longest pause after a stream that the tenant closed without an error. */
  readonly reconnectMs: number;
  /** A stream that lasted this long does not count as failed, even if it brought nothing. */
  readonly minHealthyMs: number;
}

const MAX_STUCK_STREAMS = 3;

export function createChangeStream(deps: Dependencies, options: ChangeStreamOptions): ChangeStream {
  const { events, tokens, evict, observe, clock, sleep, random } = deps;
  const health = createStreamHealth(clock);
  const reported = new Set<StreamTrouble>();

  function report(trouble: StreamTrouble, error: unknown): void {
    if (!reported.has(trouble)) deps.onTrouble(trouble, error);
    reported.add(trouble);
  }

  function resetCursor(state: ConsumerState, reason: Error): void {
    deps.onTrouble('gap', reason);
    state.cursor = undefined;
    state.stuckStreams = 0;
  }

  const pauseAfterFailure = (state: ConsumerState) => countFailure(state, random, options);

  /** Opens one stream and consumes it to its end. @returns the pause before the next. */
  async function runStream(state: ConsumerState): Promise<number> {
    const token = await tokens.getToken();
    const response = await events.open({
      url: createStreamUrl(options.baseUrl, state),
      headers: { authorization: `Bearer ${token.value}` },
      signal: state.signal,
    });
    if (response.status === 200) return consumeEvents(state, response.events);
    if (response.status !== 401 && response.status !== 403) return handleUnavailable(state, response);
    tokens.invalidate(token);
    state.renewed = !state.renewed;
    // The token may have been revoked, or be older than the scope. A new one is tried at once, a third one later.
    if (state.renewed) return 0;
    report('refused', createStatusError(response));
    return options.refusedRetryMs;
  }

  function handleUnavailable(state: ConsumerState, response: EventResponse): number {
    const { status, headers } = response;
    const lost = status === 410 || status === 400;
    if (lost && state.cursor !== undefined) {
      resetCursor(state, createStatusError(response));
      return pauseAfterFailure(state);
    }
    report('unavailable', createStatusError(response));
    const pauseMs = pauseAfterFailure(state);
    if (status !== 429) return pauseMs;
    const seconds = readRetryAfterSeconds({ status, headers, text: '' }, clock.now());
    return Math.max(pauseMs, seconds * 1000 * (1 + random() / 10));
  }

  async function consumeEvents(state: ConsumerState, stream: EventResponse['events']): Promise<number> {
    const openedAt = clock.now();
    if (state.cursor === undefined) await saveCursor(state, { since: openedAt });
    const { cursor: initialCursor } = state;
    state.renewed = false;
    reported.clear();
    health.connected();
    let failure: unknown;
    try {
      for await (const event of stream) {
        if (state.signal.aborted) return 0;
        await applyEvent(state, event);
      }
    } catch (error) {
      failure = error;
    } finally {
      health.disconnected();
    }
    const moved = initialCursor !== state.cursor;
    const healthy = moved || clock.now() - openedAt >= options.minHealthyMs;
    if (healthy) state.failures = 0;
    const broken = failure instanceof HttpFailure ? failure.kind : undefined;
    state.stuckStreams = broken === 'malformed' && !moved ? state.stuckStreams + 1 : 0;
    // An event that cannot be read would hold up all events after it for ever.
    if (state.stuckStreams >= MAX_STUCK_STREAMS)
      resetCursor(state, new SafeError('the stream fails at the same offset each time'));
    // A connection that breaks after a healthy time counts as closed.
    const routine = healthy && (broken === 'reset' || broken === 'timeout');
    if (failure !== undefined && !routine) throw failure;
    // Shorter than the `retry` of the tenant: a change made during the pause is seen only after it.
    return healthy ? random() * options.reconnectMs : pauseAfterFailure(state);
  }

  async function applyEvent(state: ConsumerState, event: ServerEvent): Promise<void> {
    const change = parseChangeEvent(event);
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
    const offset = readOffset(event);
    if (offset !== undefined) await saveCursor(state, { offset });
  }

  return {
    health,
    async consume(store, signal) {
      health.begin();
      const state = await loadState(store, signal, clock.now());
      while (!signal.aborted) {
        const pauseMs = await runStream(state).catch((error: unknown) => {
          if (!signal.aborted) report('interrupted', error);
          return pauseAfterFailure(state);
        });
        await sleep(pauseMs, signal);
      }
      health.end();
    },
  };
}

function createStatusError({ status }: EventResponse): SafeError {
  return new SafeError(`events.subscribe answered ${status}`);
}
