/**
 * `/me/events` over fetch, because `EventSource` cannot send a token. Connects again for as long as it is
 * watched, names the state last heard of, so that nothing between two connections is missed, and takes a stream
 * that is silent for lost.
 */
import { isMetadataError } from './errors.ts';
import { createFrameReader, type EventFrame } from './event-frames.ts';
import { own, parse } from './json.ts';
import { networkProblem } from './problem-answer.ts';
import { pause, type Runtime } from './runtime.ts';
import type { Transport } from './transport.ts';

export interface MetadataChange {
  /** The tag of the whole document as it is now. */
  readonly etag: string;
  /** Top-level keys that may have changed, sorted. */
  readonly keys: readonly string[];
}

export interface WatchOptions {
  readonly signal?: AbortSignal;
  /**
   * Told of every failure, the listener's included. `final` says that nothing more will come; otherwise it is tried
   * again.
   */
  readonly onError?: (error: unknown, final: boolean) => void;
}

export type Watch = (listener: (change: MetadataChange) => void, options?: WatchOptions) => () => void;

/** Three heartbeats of the service. */
const SILENCE_MS = 45_000;
const RECONNECT_MS = 2_000;
/** Bounds for what a stream asks for with `retry`. */
const RECONNECT_MIN_MS = 1_000;
const RECONNECT_MAX_MS = 60_000;
/** A stream that ends sooner has ended because of its token, or of something that repeats itself. */
const STEADY_MS = 10_000;

export function createWatch(
  runtime: Runtime,
  transport: Transport,
  etagSeen: () => string | undefined,
): Watch {
  const { setAlarm, now, random } = runtime;

  return function watch(listener, { signal, onError = () => undefined } = {}) {
    const watching = new AbortController();
    const stop = () => {
      watching.abort();
      signal?.removeEventListener('abort', stop);
    };
    let lastEventId = etagSeen() ?? '';
    let reconnectMs = RECONNECT_MS;

    function hear({ event, data, id, retryMs }: EventFrame): void {
      lastEventId = id ?? lastEventId;
      reconnectMs = Math.max(retryMs ?? reconnectMs, RECONNECT_MIN_MS);
      const change = event === 'metadata.updated' ? parse(data) : undefined;
      const [etag, keys] = [own(change, 'etag'), own(change, 'keys')];
      if (typeof etag !== 'string' || !Array.isArray(keys)) return;
      try {
        listener({ etag, keys: keys.map(String) });
      } catch (error) {
        onError(error, false);
      }
    }

    /** One connection, from its opening to its end. */
    async function listen(forceRefresh: boolean): Promise<void> {
      const connection = new AbortController();
      const cut = () => connection.abort(networkProblem(undefined, false));
      watching.signal.addEventListener('abort', cut, { once: true });
      let cancel = setAlarm(SILENCE_MS, cut);
      try {
        const headers = {
          Accept: 'text/event-stream',
          ...(lastEventId ? { 'Last-Event-ID': lastEventId } : {}),
        };
        const { stream } = await transport.attempt(
          { path: '/me/events', headers, signal: connection.signal },
          forceRefresh,
        );
        if (stream === undefined) throw networkProblem(undefined, false);
        const reader = stream.getReader();
        const next = () =>
          reader.read().catch((error: unknown) => {
            throw isMetadataError(error) ? error : networkProblem(error, false);
          });
        const decoder = new TextDecoder();
        const framesIn = createFrameReader();
        for (let piece = await next(); !piece.done; piece = await next()) {
          cancel();
          cancel = setAlarm(SILENCE_MS, cut);
          for (const frame of framesIn(decoder.decode(piece.value, { stream: true }))) {
            if (!watching.signal.aborted) hear(frame);
          }
        }
      } finally {
        cancel();
        watching.signal.removeEventListener('abort', cut);
      }
    }

    async function follow(): Promise<void> {
      let failures = 0;
      let forceRefresh = false;
      while (!watching.signal.aborted) {
        const startedAt = now();
        const isSteady = () => now() - startedAt > STEADY_MS;
        let leastMs = 0;
        try {
          await listen(forceRefresh);
          // The service ends a stream with its token, and may take one that has just expired for a moment longer. A
          // stream that ends again with a new token ended for another reason, and a third token would not help.
          forceRefresh = !forceRefresh && !isSteady();
        } catch (error) {
          if (watching.signal.aborted) return;
          const final = willStay(error);
          if (final) stop();
          onError(error, final);
          leastMs = ((isMetadataError(error) && error.retryAfterSeconds) || 0) * 1000;
          forceRefresh = false;
        }
        failures = isSteady() ? 0 : failures + 1;
        const waitMs = Math.min(RECONNECT_MAX_MS, reconnectMs * 2 ** Math.max(0, failures - 1));
        await pause(runtime, Math.max(leastMs, waitMs * (1 + random() / 4)), watching.signal).catch(stop);
      }
    }

    if (signal?.aborted) return stop;
    signal?.addEventListener('abort', stop, { once: true });
    void follow();
    return stop;
  };
}

/** A refusal that the next attempt would meet again. */
function willStay(error: unknown): boolean {
  return isMetadataError(error) && error.status >= 400 && error.status < 500 && error.status !== 429;
}
