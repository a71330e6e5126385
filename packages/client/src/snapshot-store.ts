/**
 * What the client has seen of one resource: the latest state, for conditional requests, and a few older ones, on which
 * a change may still be based.
 */
import type { ClientResponse } from './response.ts';

export interface Snapshot<T> {
  /** The caller's own copy. After a write with a token that may not read it is null, and `etag` is `''`. */
  readonly value: T;
  /** The entity tag of this state; `''` if an intermediary removed the header. */
  readonly etag: string;
  /** Bytes that the whole document takes, and may take; NaN if an intermediary removed the header. */
  readonly quota: { readonly limit: number; readonly used: number };
  /** `Cache-Status` (RFC 9211) of a read; undefined for a write. */
  readonly cacheStatus: string | undefined;
}

/** A state as text, so that callers who change their copy do not change it. */
export interface DocumentState {
  readonly etag: string;
  readonly text: string;
}

export interface SnapshotStore {
  getLatest(): DocumentState | undefined;
  /** The text that had this entity tag, if it is among the latest states. */
  getText(etag: string): string | undefined;
  /** Stores a state that does not become the latest one. */
  remember(state: DocumentState): void;
  /** Call it before a request. `take` makes the response the latest state, unless a later request was faster. */
  startRequest(): {
    readonly base: DocumentState | undefined;
    readonly take: (response: ClientResponse) => DocumentState;
  };
  /** Forgets the latest state. */
  forgetLatest(): void;
}

const MAX_STATES = 8;

export function createSnapshotStore(): SnapshotStore {
  const textByEtag = new Map<string, string>();
  let latest: DocumentState | undefined;
  let begun = 0;
  let taken = 0;

  function remember({ etag, text }: DocumentState): void {
    textByEtag.delete(etag);
    textByEtag.set(etag, text);
    for (const oldest of textByEtag.keys()) if (textByEtag.size > MAX_STATES) textByEtag.delete(oldest);
  }

  return {
    getLatest: () => latest,
    getText: (etag) => textByEtag.get(etag),
    remember,
    startRequest() {
      begun += 1;
      const turn = begun;
      const base = latest;
      return {
        base,
        take({ status, headers, text }) {
          const state = status === 304 && base ? base : { etag: readEtag(headers), text };
          if (turn > taken) {
            taken = turn;
            latest = state;
          }
          remember(state);
          return state;
        },
      };
    },
    forgetLatest() {
      latest = undefined;
      taken = begun;
    },
  };
}

/** The strong entity tag. An intermediary that compresses makes it weak, and a weak one matches no write. */
export function readEtag(headers: Headers): string {
  return (headers.get('etag') ?? '').replace(/^W\//, '');
}

/** What the headers say about a value. */
export function readQuotaAndCacheStatus(headers: Headers): Omit<Snapshot<unknown>, 'value' | 'etag'> {
  const header = headers.get('metadata-quota') ?? '';
  const [, limit, used] = /limit=(\d+), used=(\d+)/.exec(header) ?? [];
  return {
    quota: { limit: Number(limit), used: Number(used) },
    cacheStatus: headers.get('cache-status') ?? undefined,
  };
}
