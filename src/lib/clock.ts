/**
 * Time as a dependency, so that tests move it by hand. Two kinds share the form: the time of day, for what others
 * name by it (the end of a token), and a monotonic one, for ages and pauses.
 */
export interface Clock {
  /** Milliseconds since the epoch; of a monotonic clock, since some moment that stays the same. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** Never set, and never steps back: an age measured by it stays true when the time of day changes. */
export const monotonicClock: Clock = { now: () => performance.now() };
