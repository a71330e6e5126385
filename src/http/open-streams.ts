/** The streams that are open: bounded for each user and in all, and ended together when the service stops. */
import { AppError } from '../lib/app-error.ts';

export interface OpenStreams {
  /**
   * Takes a place. `end` is called when the service stops. Returns the function that gives the place back.
   * @throws AppError `rate_limited` when there is none, `draining` when the service is stopping.
   */
  admit(userId: string, end: () => void): () => void;
  /** How many are open. */
  count(): number;
  /** Ends every stream and admits no more. */
  close(): void;
}

export interface OpenStreamsOptions {
  readonly perUserMax: number;
  readonly totalMax: number;
}

/** Whoever closes a stream may open another at once; a full house empties as tokens end. */
const RETRY_AFTER_SECONDS = 5;
const RETRY_FULL_SECONDS = 60;

export function createOpenStreams({ perUserMax, totalMax }: OpenStreamsOptions): OpenStreams {
  const byUser = new Map<string, Set<() => void>>();
  let total = 0;
  let closed = false;

  return {
    admit(userId, end) {
      if (closed) {
        throw new AppError('draining', 'The service is shutting down; connect again.', {
          retryAfterSeconds: 1,
        });
      }
      const own = byUser.get(userId) ?? new Set();
      if (own.size >= perUserMax) {
        throw full(`A user may have ${perUserMax} streams open at a time.`, RETRY_AFTER_SECONDS);
      }
      if (total >= totalMax) throw full('There is no room for another stream.', RETRY_FULL_SECONDS);
      // One function may be given twice; the place is what is counted.
      const place = () => end();
      own.add(place);
      byUser.set(userId, own);
      total += 1;
      return () => {
        if (!own.delete(place)) return;
        total -= 1;
        if (own.size === 0) byUser.delete(userId);
      };
    },
    count: () => total,
    close() {
      closed = true;
      for (const place of [...byUser.values()].flatMap((own) => [...own])) place();
    },
  };
}

function full(message: string, retryAfterSeconds: number): AppError {
  return new AppError('rate_limited', message, { retryAfterSeconds });
}
