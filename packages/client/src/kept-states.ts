/**
 * What has been seen of one resource: the latest state, for conditional requests, and a few others, on which a
 * change may still be based.
 */
import type { Answer } from './problem-answer.ts';

export interface Snapshot<T> {
  /** A copy of one's own. After a write with a token that may not read it is null, and the tag `''`. */
  readonly value: T;
  /** Names this state; `''` if an intermediary took the field away. */
  readonly etag: string;
  /** Bytes that the whole document takes, and may take; NaN if an intermediary took the field away. */
  readonly quota: { readonly limit: number; readonly used: number };
  /** Where a read came from (RFC 9211); undefined for a write. */
  readonly cacheStatus: string | undefined;
}

/** A state as text, which nobody can change who was given its value. */
export interface State {
  readonly etag: string;
  readonly text: string;
}

export interface KeptStates {
  latest(): State | undefined;
  /** The text that had this tag, if it was seen not long ago. */
  textOf(etag: string): string | undefined;
  /** A state seen in passing, which does not become the latest. */
  note(state: State): void;
  /** To be called before a request. `take` makes of its answer the latest state, unless a later request has. */
  begin(): { readonly base: State | undefined; readonly take: (answer: Answer) => State };
  /** The latest state is no longer known. */
  forget(): void;
}

const STATES_MAX = 8;

export function createKeptStates(): KeptStates {
  const seen = new Map<string, string>();
  let latest: State | undefined;
  let begun = 0;
  let taken = 0;

  function note({ etag, text }: State): void {
    seen.delete(etag);
    seen.set(etag, text);
    for (const oldest of seen.keys()) if (seen.size > STATES_MAX) seen.delete(oldest);
  }

  return {
    latest: () => latest,
    textOf: (etag) => seen.get(etag),
    note,
    begin() {
      begun += 1;
      const turn = begun;
      const base = latest;
      return {
        base,
        take({ status, headers, text }) {
          const state = status === 304 && base ? base : { etag: tagIn(headers), text };
          if (turn > taken) {
            taken = turn;
            latest = state;
          }
          note(state);
          return state;
        },
      };
    },
    forget() {
      latest = undefined;
      taken = begun;
    },
  };
}

/** An intermediary that compresses makes a tag weak, and a weak one matches no write; the content is the same. */
export function tagIn(headers: Headers): string {
  return (headers.get('etag') ?? '').replace(/^W\//, '');
}

/** What the header fields say beside the value. */
export function factsIn(headers: Headers): Omit<Snapshot<unknown>, 'value' | 'etag'> {
  const field = headers.get('metadata-quota') ?? '';
  const [, limit, used] = /limit=(\d+), used=(\d+)/.exec(field) ?? [];
  return {
    quota: { limit: Number(limit), used: Number(used) },
    cacheStatus: headers.get('cache-status') ?? undefined,
  };
}
