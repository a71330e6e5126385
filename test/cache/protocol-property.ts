/** The promise of the cache protocol as a property over every order of events, for any version of the code. */
import * as fc from 'fast-check';
import { type Action, type Fate, MESSAGES, type Parts, type Program, simulate } from './simulation.ts';

// Most events on one replica, because most races are between those.
const replica = fc.constantFrom<0 | 1>(0, 0, 0, 1);
const fate = fc.constantFrom<Fate>('applied', 'applied', 'refused', 'applied-unanswered', 'lost');
const revalidate = fc.constantFrom(false, false, false, true);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('read'), replica, revalidate }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('write'), replica, nested: fc.boolean(), fate }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('age') }) },
);
const anyProgram: fc.Arbitrary<Program> = fc.record({
  actions: fc.array(action, { minLength: 2, maxLength: 6, size: 'max' }),
  slow: fc.oneof(fc.constant(MESSAGES), fc.subarray([...MESSAGES])),
});

/**
 * Whatever the order of events: a read that begins after a write of its replica has answered sees it, and
 * when all is quiet every replica reads what the tenant holds.
 */
export function protocolProperty(parts: Parts, program: fc.Arbitrary<Program> = anyProgram) {
  return fc.asyncProperty(fc.scheduler(), program, (scheduler, chosen) => simulate(parts, scheduler, chosen));
}
