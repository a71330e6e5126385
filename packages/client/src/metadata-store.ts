/** The user's metadata as state that a user interface subscribes to: read once, kept up to date by events. */
import { ConflictError, StepUpRequiredError } from './errors.ts';
import type { JsonObject, MergePatch } from './json.ts';
import type { MetadataClient, WriteOptions } from './options.ts';
import type { Snapshot } from './snapshot-store.ts';

export interface MetadataState<T extends object = JsonObject> {
  /** `error` only while there is no value. */
  readonly status: 'loading' | 'ready' | 'error';
  readonly value: T | undefined;
  readonly etag: string | undefined;
  /**
   * The error of the latest read, or the one after which there are no more live updates. A StepUpRequiredError of a
   * write stays, while the document can be read, until a write succeeds, `refresh()`, or `theirs` in a conflict.
   */
  readonly error: unknown;
  /** The claims of the access token that differ from what is stored. */
  readonly staleClaims: readonly string[];
  /** The refused change, until the user chooses. */
  readonly conflict: ConflictError<T> | undefined;
}

export interface MetadataStore<T extends object = JsonObject> {
  /** The current state; the same object until it changes. */
  readonly getState: () => MetadataState<T>;
  /** The state before the first read, as a server renders it. */
  readonly getInitialState: () => MetadataState<T>;
  /** Reads and follows changes while there is at least one listener. Returns the function that unsubscribes. */
  readonly subscribe: (listener: () => void) => () => void;
  /**
   * Changes the document, based on the shown state. Resolves to false on a conflict, which is then in the state.
   * @throws as `MetadataClient.patch`, except ConflictError. A StepUpRequiredError is in the state as well.
   */
  readonly patch: (changes: MergePatch<T>, options?: WriteOptions) => Promise<boolean>;
  /**
   * Ends the conflict: `mine` sends the refused change again, based on the state that the user has seen; `theirs`
   * discards it. Resolves as `patch` does, and to true without a conflict.
   */
  readonly resolveConflict: (choice: 'mine' | 'theirs') => Promise<boolean>;
  /** Reads again; bypasses the cache of the service. Errors are in the state. */
  readonly refresh: () => Promise<void>;
  /** Takes what `onClaims` of the client reports. */
  readonly setStaleClaims: (claims: readonly string[]) => void;
}

/** Creates the store of one client. `initial` is a snapshot that a server has read. */
export function createMetadataStore<T extends object>(
  client: Pick<MetadataClient<T>, 'read' | 'patch' | 'watch'>,
  initial?: Pick<Snapshot<T>, 'value' | 'etag'>,
): MetadataStore<T> {
  const initialState: MetadataState<T> = {
    status: initial ? 'ready' : 'loading',
    value: initial?.value,
    etag: initial?.etag,
    error: undefined,
    staleClaims: [],
    conflict: undefined,
  };
  const listeners = new Set<() => void>();
  let state = initialState;
  let stopWatching: (() => void) | undefined;
  let startedRequests = 0;
  let latestApplied = 0;

  function setState(change: Partial<MetadataState<T>>): void {
    const keys = ['status', 'value', 'etag', 'error', 'staleClaims', 'conflict'] as const;
    const next = { ...state, ...change };
    if (keys.every((key) => next[key] === state[key])) return;
    state = next;
    for (const listener of listeners) listener();
  }

  /** Shows a document, unless the response to a later request is shown already. */
  function show({ value, etag }: Pick<Snapshot<T>, 'value' | 'etag'>, request: number): void {
    if (request < latestApplied) return;
    latestApplied = request;
    // Changes of others do not answer what a write has asked for.
    const error = state.error instanceof StepUpRequiredError ? state.error : undefined;
    // An unchanged document stays the same object, so that nothing is rendered again.
    const isShown = state.status === 'ready' && etag !== '' && etag === state.etag;
    setState(isShown ? { error } : { status: 'ready', value, etag, error });
  }

  function endStepUp(): void {
    if (state.error instanceof StepUpRequiredError) setState({ error: undefined });
  }

  async function read(revalidate: boolean): Promise<void> {
    const request = ++startedRequests;
    try {
      show(await client.read({ revalidate }), request);
    } catch (error) {
      if (request >= latestApplied) setState({ status: state.status === 'ready' ? 'ready' : 'error', error });
    }
  }

  async function patch(changes: MergePatch<T>, options?: WriteOptions): Promise<boolean> {
    const request = ++startedRequests;
    try {
      const snapshot = await client.patch(changes, { ifMatch: state.etag || false, ...options });
      setState({ conflict: undefined });
      endStepUp();
      // A token that may not read sees nothing.
      if (snapshot.etag !== '') show(snapshot, request);
      return true;
    } catch (error) {
      if (error instanceof StepUpRequiredError) setState({ error });
      if (!(error instanceof ConflictError)) throw error;
      setState({ conflict: error });
      return false;
    }
  }

  return {
    getState: () => state,
    getInitialState: () => initialState,
    subscribe(listener) {
      // React subscribes the same function again after it has unsubscribed it.
      const notify = () => listener();
      listeners.add(notify);
      if (stopWatching === undefined) {
        void read(false);
        stopWatching = client.watch(() => void read(false), {
          onError: (error, final) => {
            if (final) setState({ error });
          },
        });
      }
      return () => {
        listeners.delete(notify);
        // React's strict mode subscribes again at once: the stream stays open.
        queueMicrotask(() => {
          if (listeners.size > 0) return;
          stopWatching?.();
          stopWatching = undefined;
        });
      };
    },
    patch,
    async resolveConflict(choice) {
      const { conflict } = state;
      if (conflict === undefined) return true;
      if (choice === 'mine') return patch(conflict.changes, { ifMatch: conflict.etag ?? false });
      setState({ conflict: undefined });
      endStepUp();
      await read(false);
      return true;
    },
    refresh: () => {
      endStepUp();
      return read(true);
    },
    setStaleClaims: (staleClaims) => setState({ staleClaims }),
  };
}
