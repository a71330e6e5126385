/** A task for later as a dependency, so that tests need not wait for it. */

/** Runs the task once after `ms` milliseconds. Returns the function that calls it off. */
export type SetAlarm = (ms: number, task: () => void) => () => void;

/** Timers of Node take no more; a longer wait ends early. */
const WAIT_MAX_MS = 2_147_483_647;

export const setAlarm: SetAlarm = (ms, task) => {
  const timer = setTimeout(task, Math.min(WAIT_MAX_MS, Math.max(0, ms)));
  return () => clearTimeout(timer);
};
