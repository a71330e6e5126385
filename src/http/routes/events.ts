/**
 * `/me/events`: sends callers an event when their own metadata changes. An event has the changed keys and never a value.
 * The stream ends with the token. A client reconnects with another token, and its `Last-Event-ID` shows whether it missed
 * a change.
 */
import type { Request, Response } from 'express';
import type { Caller } from '../../identity/caller.ts';
import type { Clock, SetTimer } from '../../lib/clock.ts';
import { AppError } from '../../lib/app-error.ts';
import type { MetadataUpdate, MetadataWatch } from '../../metadata/watch.ts';
import { accepts } from '../request-options.ts';
import {
  startEventStream,
  type EventStream,
  type EventStreamOptions,
  type OpenStreams,
  EVENT_STREAM_HEADERS,
} from '../event-stream.ts';
import { addStaleClaims, sendResponse } from '../response.ts';
import type { Guard } from '../middleware/authorize.ts';
import { type PartialScopes, type Route, createRoute } from './route.ts';

/** What streams depend on. */
export interface Streaming {
  readonly watch: MetadataWatch;
  readonly streams: OpenStreams;
  readonly clock: Clock;
  readonly setTimer: SetTimer;
  readonly random: () => number;
  /**
   * Calls `end` when the key that verified the caller's token is no longer the issuer's. Called when a stream opens;
   * returns the function that ends the watch, which is called when the stream is over.
   */
  readonly watchRevoked?: (caller: Caller, end: () => void) => () => void;
}

export interface StreamingOptions extends EventStreamOptions {
  /** When clients should reconnect at the earliest. Each gets a time of its own up to twice that. */
  readonly reconnectMs: number;
}

export function createEventRoutes(
  {
    watch,
    streams,
    guard,
    clock,
    setTimer,
    random,
    watchRevoked = neverRevoked,
  }: Streaming & { readonly guard: Guard },
  {
    readScope,
    partial,
    reconnectMs,
    ...options
  }: StreamingOptions & { readonly readScope: string; readonly partial: PartialScopes },
): readonly Route[] {
  async function streamEvents(req: Request, res: Response, caller: Caller): Promise<void> {
    if (!accepts(req.headers.accept, 'text/event-stream')) {
      throw new AppError('not_acceptable', 'This resource can only be answered as text/event-stream.');
    }
    if (req.method === 'HEAD') {
      sendResponse(res, 200, [EVENT_STREAM_HEADERS]);
      return;
    }
    let stream: EventStream | undefined;
    let ended = false;
    const end = () => {
      ended = true;
      stream?.end();
    };
    const release = streams.acquire(caller.userId, end);
    const endWatchRevoked = watchRevoked(caller, end);
    const leave = () => {
      release();
      endWatchRevoked();
    };
    res.once('close', leave);

    const tell = ({ etag, keys, staleClaims }: MetadataUpdate) =>
      stream?.send({ id: etag, event: 'metadata.updated', data: { etag, keys, ...toMember(staleClaims) } });
    const {
      etag,
      staleClaims,
      missed,
      end: endWatching,
    } = await begin(req, caller, tell, end).catch((error: unknown) => {
      leave();
      throw error;
    });
    // The client left while the first state was read.
    if (res.destroyed) {
      endWatching();
      leave();
      return;
    }
    const retryMs = reconnectMs * (1 + random());
    // A client that missed something has seen it only with the event that tells of it: until then, its id is the old one.
    const first = {
      id: missed ? undefined : etag,
      event: 'stream.opened',
      data: { etag, ...toMember(staleClaims) },
    };
    addStaleClaims(req, { staleClaims });
    stream = startEventStream(res, { first, retryMs }, options);
    const cancelExpiry = setTimer(caller.expiresAt * 1000 - clock.now(), end);
    res.once('close', () => {
      endWatching();
      cancelExpiry();
    });
    if (missed) tell(missed);
    if (ended) stream.end();
  }

  function begin(req: Request, caller: Caller, updated: (update: MetadataUpdate) => void, gone: () => void) {
    return watch.begin(caller, req.get('last-event-id') || undefined, { updated, gone });
  }

  return [createRoute('/me/events', { GET: guard(readScope, streamEvents, partial.read) })];
}

/** What an event says of the claims of the stream's token: nothing where none is stale. */
function toMember(staleClaims: readonly string[] = []): { readonly claims_stale?: readonly string[] } {
  return staleClaims.length > 0 ? { claims_stale: staleClaims } : {};
}

function neverRevoked(): () => void {
  return () => undefined;
}
