/** Waiting for what announces itself by no event. */
import { setTimeout as delay } from 'node:timers/promises';

const PAUSE_MS = 5;
/** It only ends a test that hangs; no test may rely on when a condition becomes true. */
const DEADLINE_MS = 50_000;

/** The first answer of `probe` that is not undefined. @throws Error when none comes before the deadline. */
export async function until<T>(
  probe: () => Promise<T | undefined> | T | undefined,
  deadline = Date.now() + DEADLINE_MS,
): Promise<T> {
  const found = await probe();
  if (found !== undefined) return found;
  if (Date.now() > deadline) throw new Error('what the test waits for did not happen');
  await delay(PAUSE_MS);
  return until(probe, deadline);
}
