import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { loadParts, type Mutation } from './mutants.ts';
import { protocolProperty } from './protocol-property.ts';
import type { Action, Program } from './simulation.ts';

interface Case extends Mutation {
  readonly step: string;
  /** A program in which the step matters, where it rarely does; the scheduler still chooses the order. */
  readonly program?: Program;
}

const reader = (replica: 0 | 1): Action => ({ kind: 'read', replica, revalidate: false });
const writer: Action = { kind: 'write', replica: 0, nested: false, fate: 'applied' };

const cases: readonly Case[] = [
  {
    step: 'the lease check of the tier',
    file: 'src/cache/memory-tier.ts',
    remove: 'if (raised <= Number(lease)) entries.set',
    put: 'entries.set',
  },
  {
    step: 'taking the lease before asking the tenant',
    file: 'src/cache/metadata-cache.ts',
    remove: 'await tier.fill(key, entry, lease);',
    put: 'await tier.fill(key, entry, (await tier.lease(key, true)) ?? lease);',
  },
  {
    step: 'the flight check before the memory is filled',
    file: 'src/cache/metadata-cache.ts',
    remove: 'if (current) memory.set',
    put: 'memory.set',
  },
  {
    step: 'the flight check on what the tier holds',
    file: 'src/cache/metadata-cache.ts',
    remove: "origin: 'tier', stored: keep(shared) }",
    put: "origin: 'tier', stored: Boolean(memory.set(key, { entry: shared, era })) }",
    program: {
      actions: [reader(1), reader(0), writer],
      slow: ['tier.read answered', 'users.change asked', 'announcement'],
    },
  },
  {
    step: 'telling one flight from the next',
    file: 'src/cache/metadata-cache.ts',
    remove: 'const current = isCurrent();',
    put: 'const current = flights.has(key);',
  },
  {
    step: 'forgetting the flight',
    file: 'src/cache/metadata-cache.ts',
    remove: 'flights.delete(key);\n    memory',
    put: 'memory',
  },
  {
    step: 'forgetting the memory',
    file: 'src/cache/metadata-cache.ts',
    remove: '    memory.delete(key);\n',
  },
  {
    step: 'forgetting again after the tier was emptied',
    file: 'src/cache/metadata-cache.ts',
    remove: 'not yet emptied.\n    forget(key);',
    put: 'not yet emptied.',
    program: {
      actions: [reader(0), reader(0), writer],
      slow: ['users.change asked', 'tier.invalidate asked', 'announcement'],
    },
  },
  {
    step: 'the ear for announcements',
    file: 'src/cache/metadata-cache.ts',
    remove: 'tier.onInvalidation(forget);',
  },
  {
    step: 'the announcement',
    file: 'src/cache/memory-tier.ts',
    remove: 'for (const listener of listeners) listener(key);',
  },
  {
    step: 'emptying the tier',
    file: 'src/cache/memory-tier.ts',
    remove: 'entries.delete(key);',
  },
  {
    step: 'the invalidation after the change',
    file: 'src/metadata/commit.ts',
    remove: 'what it did not answer.\n      await cache.invalidate(userId);',
    put: 'what it did not answer.',
  },
  {
    step: 'the invalidation after a change that failed',
    file: 'src/metadata/commit.ts',
    remove: 'return profile;\n    } finally {',
    put: 'await cache.invalidate(userId);\n return profile;\n } catch (error) { throw error; }\n if (!userId) {',
  },
];

/** Fixed, so that a run tells of the code and not of luck. Each mutant fails well within these runs. */
const RUNS = { seed: 20_260_101, numRuns: 1_000, endOnFailure: true };

test.each(cases)('the property fails without $step', async ({ program, ...mutation }) => {
  const property = protocolProperty(await loadParts([mutation]), program && fc.constant(program));
  expect((await fc.check(property, RUNS)).failed).toBe(true);
});

test('the property holds for copies of the code in which nothing was taken out', async () => {
  const parts = await loadParts();
  const programs = cases.flatMap(({ program }) => program ?? []);
  expect((await fc.check(protocolProperty(parts), { ...RUNS, numRuns: 150 })).failed).toBe(false);
  const held = protocolProperty(parts, fc.constantFrom(...programs));
  expect((await fc.check(held, { ...RUNS, numRuns: 150 })).failed).toBe(false);
});
