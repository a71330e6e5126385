/**
 * `/me/events` over fetch, because `EventSource` cannot send a token. Reconnects until it is stopped. `Last-Event-ID`
 * names the latest known state, so that no change between two connections is missed. A silent stream counts as lost.
 */
import { isMetadataError } from './errors.ts';
import { createFrameParser, type EventFrame } from './event-frames.ts';
import { getMember, parseJson } from './json.ts';
import { createNetworkError } from './response.ts';
import { delay, type Runtime } from './runtime.ts';
import type { Transport } from './transport.ts';

export interface MetadataChange {
  /** The entity tag of the whole document. */
  readonly etag: string;
  /** Top-level keys that may have changed, sorted. */
  readonly keys: readonly string[];
}

export interface WatchOptions {
  readonly signal?: AbortSignal;
  /**
   * Called for each failure, also for one of the listener. `final` is true when the client stops; otherwise it
   * reconnects.
   */
  readonly onError?: (error: unknown, final: boolean) => void;
}

export type Watch = (listener: (change: MetadataChange) => void, options?: WatchOptions) => () => void;

/** Three heartbeat intervals of the service. */
const MAX_SILENCE_MS = 45_000;
const RECONNECT_MS = 2_000;
/** Limits for the `retry` of a stream. */
const MIN_RECONNECT_MS = 1_000;
const MAX_RECONNECT_MS = 60_000;
/** A stream that ends sooner ended because of its token, or of a cause that is still there. */
const MIN_HEALTHY_MS = 10_000;

export function createWatch(
  runtime: Runtime,
  transport: Transport,
  getLatestEtag: () => string | undefined,
): Watch {
  const { setTimer, now, random } = runtime;

  return function watch(listener, { signal, onError } = {}) {
    let isStopped = false;
    /** Of the current connection, or of the delay before the next one. */
    let current = new AbortController();
    const stop = () => {
      isStopped = true;
      current.abort();
      signal?.removeEventListener('abort', stop);
    };
    let lastEventId = getLatestEtag() ?? '';
    let reconnectMs = RECONNECT_MS;

    function handleEvent({ event, data, id, retryMs }: EventFrame): void {
      lastEventId = id ?? lastEventId;
      reconnectMs = Math.max(retryMs ?? reconnectMs, MIN_RECONNECT_MS);
      const change = event === 'metadata.updated' ? parseJson(data) : undefined;
      const [etag, keys] = [getMember(change, 'etag'), getMember(change, 'keys')];
      if (typeof etag !== 'string' || !Array.isArray(keys)) return;
      try {
        listener({ etag, keys: keys.map(String) });
      } catch (error) {
        onError?.(error, false);
      }
    }

    /** Reads one connection from start to end. */
    async function readStream(forceRefresh: boolean): Promise<void> {
      const connection = (current = new AbortController());
      const abortConnection = () => connection.abort(createNetworkError(undefined, false));
      let cancel = setTimer(MAX_SILENCE_MS, abortConnection);
      try {
        const headers = {
          Accept: 'text/event-stream',
          ...(lastEventId ? { 'Last-Event-ID': lastEventId } : {}),
        };
        const { stream } = await transport.attempt(
          { path: '/me/events', headers, signal: connection.signal },
          forceRefresh,
        );
        if (stream === undefined) throw createNetworkError(undefined, false);
        const reader = stream.getReader();
        const next = () =>
          reader.read().catch((error: unknown) => {
            throw isMetadataError(error) ? error : createNetworkError(error, false);
          });
        const decoder = new TextDecoder();
        const parseFrames = createFrameParser();
        for (let piece = await next(); !piece.done; piece = await next()) {
          cancel();
          cancel = setTimer(MAX_SILENCE_MS, abortConnection);
          for (const frame of parseFrames(decoder.decode(piece.value, { stream: true }))) {
            if (!isStopped) handleEvent(frame);
          }
        }
      } finally {
        cancel();
      }
    }

    async function keepConnected(): Promise<void> {
      let failures = 0;
      let forceRefresh = false;
      for (;;) {
        if (isStopped) return;
        const startedAt = now();
        const isHealthy = () => now() - startedAt > MIN_HEALTHY_MS;
        let minDelayMs = 0;
        try {
          await readStream(forceRefresh);
          // The service ends a stream when its token expires. If a stream with a new token ends soon, too, there is
          // another reason, and a third token would not help.
          forceRefresh = !forceRefresh && !isHealthy();
        } catch (error) {
          if (isStopped) return;
          const final = isPermanent(error);
          if (final) stop();
          onError?.(error, final);
          minDelayMs = ((isMetadataError(error) && error.retryAfterSeconds) || 0) * 1000;
          forceRefresh = false;
        }
        if (isStopped) return;
        current = new AbortController();
        failures = isHealthy() ? 0 : failures + 1;
        const waitMs = Math.min(MAX_RECONNECT_MS, reconnectMs * 2 ** Math.max(0, failures - 1));
        await delay(runtime, Math.max(minDelayMs, waitMs * (1 + random() / 4)), current.signal).catch(stop);
      }
    }

    if (signal?.aborted) return stop;
    signal?.addEventListener('abort', stop, { once: true });
    void keepConnected();
    return stop;
  };
}

/** Whether the next attempt would be refused, too. */
function isPermanent(error: unknown): boolean {
  return isMetadataError(error) && error.status >= 400 && error.status < 500 && error.status !== 429;
}
