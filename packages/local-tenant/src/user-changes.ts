/**
 * The tenant's record of changes to users, whoever made them: the seam an Events API feed is built on. Changes are
 * numbered without gaps and the newest are kept, so that a reader can resume.
 */
import type { StoredUser } from './stored-user.ts';

export interface UserChange {
  /** Position in the log, counting from 1. */
  readonly offset: number;
  readonly type: 'user.created' | 'user.updated' | 'user.deleted';
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly user: StoredUser;
  readonly previous?: StoredUser;
}

export interface UserChanges {
  /** Appends a change and tells every subscriber before it returns. */
  publish(change: Omit<UserChange, 'offset' | 'time'>): void;
  /** Calls `listener` for each later change. Returns the function that ends the subscription. */
  subscribe(listener: (change: UserChange) => void): () => void;
  /** The kept changes, oldest first. */
  history(): readonly UserChange[];
  /** Offset of the newest change, 0 before the first. */
  newest(): number;
}

/** An empty log that keeps the newest `keep` changes. `now` is in milliseconds since 1970. */
export function createUserChanges(now: () => number, options: { keep?: number } = {}): UserChanges {
  const keep = options.keep ?? 1000;
  const listeners = new Set<(change: UserChange) => void>();
  let kept: UserChange[] = [];
  let offset = 0;
  return {
    publish(change) {
      offset += 1;
      const numbered = { ...change, offset, time: new Date(now()).toISOString() };
      kept = [...kept, numbered].slice(-keep);
      for (const listener of listeners) listener(numbered);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    history: () => kept,
    newest: () => offset,
  };
}
