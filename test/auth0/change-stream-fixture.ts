/** A tenant's stream of events without a network: a test says what each attempt to open it comes to. */
import {
  type OffsetStore,
  type ChangeStream,
  type ChangeStreamOptions,
  createChangeStream,
} from '../../src/auth0/change-stream.ts';
import type { EventResponse, ServerEvent } from '../../src/lib/event-client.ts';
import { HttpFailure } from '../../src/lib/http-client.ts';
import { createManualClock } from '../lib/manual-clock.ts';

/** What one attempt comes to. Events that are a failure break the stream there. */
export type Attempt =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | { readonly events: ReadonlyArray<ServerEvent | HttpFailure | (() => void)> }
  | HttpFailure;

export const OPTIONS: ChangeStreamOptions = {
  baseUrl: 'https://tenant.example/api/v2',
  backoffMs: 100,
  maxBackoffMs: 1_000,
  refusedRetryMs: 60_000,
  reconnectMs: 10,
  minHealthyMs: 5_000,
};

export function userEvent(offset: string, userId: string, type = 'user.updated', time?: string): ServerEvent {
  const event = { type, ...(time === undefined ? {} : { time }), data: { object: { user_id: userId } } };
  return { type, id: offset, data: JSON.stringify({ offset, event }) };
}

export const mark = (offset: string): ServerEvent => ({
  type: 'offset-only',
  id: offset,
  data: JSON.stringify({ offset }),
});

export const broken = (kind: HttpFailure['kind'] = 'reset') => new HttpFailure(kind, 'test');

/** Consumes until every attempt was made, and tells what happened. */
export async function play(
  attempts: readonly Attempt[],
  { note, evict = async () => undefined, onFeed = () => undefined }: PlayOptions = {},
) {
  const clock = createManualClock();
  const over = new AbortController();
  const left = [...attempts];
  const asked: string[] = [];
  const bearers: string[] = [];
  const evicted: string[] = [];
  const outcomes: string[] = [];
  const troubles: string[] = [];
  const pauses: number[] = [];
  let issued = 0;
  let rejected = true;

  async function* stream(events: Extract<Attempt, { events: unknown }>['events']) {
    for (const event of events) {
      if (event instanceof HttpFailure) throw event;
      if (typeof event === 'function') event();
      else yield event;
    }
  }

  const feed = createChangeStream(
    {
      clock,
      random: () => 0.5,
      evict: async ({ userId }) => {
        await evict(userId);
        evicted.push(userId);
        return true;
      },
      observe: (outcome) => void outcomes.push(outcome),
      onTrouble: (description) => void troubles.push(description),
      sleep: async (ms) => {
        pauses.push(ms);
        clock.advance(ms);
        if (left.length === 0) over.abort();
      },
      tokens: {
        isHealthy: () => true,
        invalidate: () => {
          rejected = true;
        },
        async getToken() {
          if (rejected) issued += 1;
          rejected = false;
          return { value: `token-${issued}`, scopes: undefined };
        },
      },
      events: {
        async open({ url, headers }): Promise<EventResponse> {
          asked.push(url.slice(OPTIONS.baseUrl.length));
          bearers.push(headers['authorization'] ?? '');
          const attempt = left.shift();
          if (attempt === undefined || attempt instanceof HttpFailure) throw attempt ?? broken();
          if ('events' in attempt) return { status: 200, headers: new Map(), events: stream(attempt.events) };
          return {
            status: attempt.status,
            headers: new Map(Object.entries(attempt.headers ?? {})),
            events: stream([]),
          };
        },
      },
    },
    OPTIONS,
  );
  const store: OffsetStore = {
    load: async () => note,
    save: async (reached) => {
      note = reached;
    },
  };
  onFeed(feed);
  await feed.consume(store, over.signal);
  return { asked, bearers, evicted, outcomes, troubles, pauses, note, feed, clock };
}

interface PlayOptions {
  /** What an earlier consumer has left. */
  readonly note?: string;
  readonly evict?: (userId: string) => Promise<void>;
  /** Called before it begins. */
  readonly onFeed?: (feed: ChangeStream) => void;
}
