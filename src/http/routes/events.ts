/**
 * `/me/events`: tells a caller that their own metadata changed, whoever changed it. The stream says what to
 * read again and never what it holds. It ends with the token; a client connects again with another one and,
 * by `Last-Event-ID`, learns whether it missed something.
 */
import type { Request, Response } from 'express';
import type { Caller } from '../../identity/caller.ts';
import type { Clock, SetAlarm } from '../../lib/clock.ts';
import { AppError } from '../../lib/app-error.ts';
import type { MetadataUpdate, MetadataWatch } from '../../metadata/watch.ts';
import { accepts } from '../request-options.ts';
import {
  beginEventStream,
  type EventStream,
  type EventStreamOptions,
  type OpenStreams,
  EVENT_STREAM_HEADERS,
} from '../event-stream.ts';
import { sendResponse } from '../response.ts';
import type { Guard } from '../middleware/authorize.ts';
import { type Resource, resource } from './route.ts';

/** What streams are made of. */
export interface Streaming {
  readonly watch: MetadataWatch;
  readonly streams: OpenStreams;
  readonly clock: Clock;
  readonly setAlarm: SetAlarm;
  readonly random: () => number;
  /**
   * Calls `end` when the key that verified the caller's token is no longer the issuer's. Called when a stream opens;
   * returns the function that ends the watch, which is called when the stream is over.
   */
  readonly watchRevoked?: (caller: Caller, end: () => void) => () => void;
}

export interface StreamingOptions extends EventStreamOptions {
  /** When clients should connect again, at the earliest; each is told a time of its own up to twice that. */
  readonly reconnectMs: number;
}

export function eventRoutes(
  {
    watch,
    streams,
    guard,
    clock,
    setAlarm,
    random,
    watchRevoked = neverRevoked,
  }: Streaming & { readonly guard: Guard },
  { readScope, reconnectMs, ...options }: StreamingOptions & { readonly readScope: string },
): readonly Resource[] {
  async function follow(req: Request, res: Response, caller: Caller): Promise<void> {
    if (!accepts(req.headers.accept, 'text/event-stream')) {
      throw new AppError('not_acceptable', 'Only text/event-stream can be answered here.');
    }
    if (req.method === 'HEAD') {
      sendResponse(res, 200, EVENT_STREAM_HEADERS);
      return;
    }
    let stream: EventStream | undefined;
    let ended = false;
    const end = () => {
      ended = true;
      stream?.end();
    };
    const giveBack = streams.admit(caller.userId, end);
    const endWatchRevoked = watchRevoked(caller, end);
    const leave = () => {
      giveBack();
      endWatchRevoked();
    };
    res.once('close', leave);

    const tell = ({ etag, keys }: MetadataUpdate) =>
      stream?.send({ id: etag, event: 'metadata.updated', data: { etag, keys } });
    const {
      etag,
      missed,
      end: endWatching,
    } = await begin(req, caller, tell, end).catch((error: unknown) => {
      leave();
      throw error;
    });
    // A client that left before there was anybody to hear it.
    if (res.destroyed) {
      endWatching();
      leave();
      return;
    }
    const retryMs = reconnectMs * (1 + random());
    // A client that missed something has seen it only with the event that tells of it: until then, its id is the old one.
    const first = { id: missed ? undefined : etag, event: 'stream.opened', data: { etag } };
    stream = beginEventStream(res, { first, retryMs }, options);
    const cancelExpiry = setAlarm(caller.expiresAt * 1000 - clock.now(), end);
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

  return [resource('/me/events', { GET: guard(readScope, follow) })];
}

function neverRevoked(): () => void {
  return () => undefined;
}
