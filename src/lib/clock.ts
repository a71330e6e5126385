/**
 * Time as a dependency, so that tests move it by hand. Two kinds share the form: the time of day, for what others
 * name by it (the end of a token), and a monotonic one, for ages and pauses.
 */
export interface Clock {
  /** Milliseconds since the epoch; of a monotonic clock, since some moment that stays the same. */
  now(): number;
}

/**
 * Never set, and never steps back: an age measured by it stays true when the time of day changes. It begins with the
 * time of day at the start of the process, so that without a better one it can be compared with times of others.
 */
export const monotonicClock: Clock = { now: () => performance.timeOrigin + performance.now() };

/**
 * The clock for ages, waits and deadlines, which a correction of the system's time must not change.
 * A clock that a test moves is that already.
 */
export function toMonotonic(clock: Clock): Clock {
  return clock === systemClock ? monotonicClock : clock;
}

export const systemClock: Clock = { now: () => Date.now() };

// A task for later as a dependency, so that tests need not wait for it.

/** Runs the task once after `ms` milliseconds. Returns the function that calls it off. */
export type SetTimer = (ms: number, task: () => void) => () => void;

/** Timers of Node take no more; a longer wait ends early. */
const MAX_WAIT_MS = 2_147_483_647;

export const setTimer: SetTimer = (ms, task) => {
  const timer = setTimeout(task, Math.min(MAX_WAIT_MS, Math.max(0, ms)));
  return () => clearTimeout(timer);
};
