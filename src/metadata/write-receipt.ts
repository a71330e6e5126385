/**
 * Tells each write of a group what it has to do with the change that carries the group to the tenant, for
 * whoever keeps account of writes.
 */
import type { Judged, Verdict, Write } from './judgement.ts';

/** Tells each write that has a part in the change, and no other. @returns how many have one. */
export function tellCarried(
  writes: readonly Write[],
  verdicts: readonly Verdict[],
  base: Judged,
  correlationId: string,
): number {
  let before = base;
  let carried = 0;
  writes.forEach(({ onCarried }, index) => {
    const verdict = verdicts[index];
    if (verdict === undefined || verdict.after === before) return;
    before = verdict.after;
    carried += 1;
    onCarried?.({ correlationId, keys: verdict.changedKeys });
  });
  return carried;
}
