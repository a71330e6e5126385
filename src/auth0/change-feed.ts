/**
 * The consumer of Auth0's Events API: every change of a user, whoever made it, evicts that user from the
 * cache and is announced to all replicas. Payloads are never copied into the cache: they may be partial, late
 * or in the wrong order, whereas an eviction is right however often and in whatever order it happens.
 *
 * The place in the stream is remembered only after the eviction, so a change is evicted at least once across
 * lost connections and restarts. Where the tenant no longer keeps that place (410), the feed goes on from
 * now: what changed in between is served from the cache until its entries end by their TTL.
 */
import type { Clock } from '../lib/clock.ts';
import type { EventClient, EventResponse, ServerEvent } from '../lib/event-client.ts';
import { HttpFailure } from '../lib/http-client.ts';
import { SafeError } from '../lib/safe-error.ts';
import { changeEventOf, offsetOf, type UserChange } from './change-event.ts';
import { retryAfterSeconds } from './failure.ts';
import { createFeedHealth, type FeedHealth } from './feed-health.ts';
import { backoff, beginJourney, type Bookmark, type Journey, moveTo, streamUrl } from './feed-journey.ts';
import type { TokenProvider } from './token-provider.ts';

export type FeedOutcome = 'evicted' | 'known' | 'ignored' | 'malformed';

export interface ChangeFeed {
  /** Consumes until the signal aborts, and then resolves. Never rejects: trouble is told and retried. */
  consume(bookmark: Bookmark, signal: AbortSignal): Promise<void>;
  readonly health: Pick<FeedHealth, 'passing' | 'lagSeconds'>;
}

interface Dependencies {
  readonly events: EventClient;
  readonly tokens: TokenProvider;
  /** Forgets a user everywhere. @returns false where that was not needed, because the change was made here. */
  readonly evict: (change: UserChange) => Promise<boolean>;
  readonly observe: (outcome: FeedOutcome) => void;
  /** Called once for each kind of trouble, until the stream was open again. */
  readonly onTrouble: (description: string, error: unknown) => void;
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
const GAP = 'the change feed has a gap: changes made elsewhere meanwhile show when their cache entries end';
const REFUSED = 'the change feed is refused: the machine client needs the scope read:events';

export function createChangeFeed(deps: Dependencies, options: ChangeFeedOptions): ChangeFeed {
  const { events, tokens, evict, observe, clock, sleep, random } = deps;
  const health = createFeedHealth(clock);
  const told = new Set<string>();

  function tell(description: string, error: unknown): void {
    if (!told.has(description)) deps.onTrouble(description, error);
    told.add(description);
  }

  function restart(journey: Journey, reason: Error): void {
    deps.onTrouble(GAP, reason);
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
    tell(REFUSED, answered(response));
    return options.refusedMs;
  }

  function unavailable(journey: Journey, response: EventResponse): number {
    const { status, headers } = response;
    const lost = status === 410 || status === 400;
    if (lost && journey.place !== undefined) {
      restart(journey, answered(response));
      return pauseAfterFailure(journey);
    }
    tell('the change feed is not available', answered(response));
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
          if (!signal.aborted) tell('the change feed was interrupted', error);
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
