/**
 * Tells each write of a group what it has to do with the change that carries the group to the tenant, for
 * whoever keeps account of writes.
 */
import type { JsonObject } from '../lib/json.ts';
import { rootChanges } from './changes.ts';
import type { Verdict, Write } from './judgement.ts';

/** Tells each write that has a part in the change, and no other. @returns how many have one. */
export function tellCarried(
  writes: readonly Write[],
  verdicts: readonly Verdict[],
  base: JsonObject,
  correlationId: string,
): number {
  let before = base;
  let carried = 0;
  writes.forEach(({ onCarried }, index) => {
    const verdict = verdicts[index];
    if (verdict === undefined || verdict.error !== undefined) return;
    const changes = rootChanges(before, verdict.document);
    before = verdict.document;
    if (changes === undefined) return;
    carried += 1;
    onCarried?.({ correlationId, keys: Object.keys(changes) });
  });
  return carried;
}
