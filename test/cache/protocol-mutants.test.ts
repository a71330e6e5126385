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
const revalidator: Action = { kind: 'read', replica: 0, revalidate: true };
const writerOn = (replica: 0 | 1): Action => ({ kind: 'write', replica, nested: false, fate: 'applied' });
const writer = writerOn(0);

const cases: readonly Case[] = [
  {
    step: 'the lease check of the tier',
    file: 'src/cache/memory-store.ts',
    remove: 'if (leases.get(key) !== lease) return;',
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
    program: { actions: [reader(0), writer], slow: ['users.read answered', 'tier.read answered'] },
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
      actions: [revalidator, reader(0), writer],
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
    file: 'src/cache/memory-store.ts',
    remove: 'for (const listener of listeners) listener(key);',
  },
  {
    step: 'emptying the tier',
    file: 'src/cache/memory-store.ts',
    remove: 'entries.delete(key);',
  },
  {
    step: 'the lease check on the answer to a change',
    file: 'src/cache/memory-store.ts',
    remove: 'successor && leases.get(key) === successor.lease',
    put: 'successor',
    program: {
      actions: [writer, writerOn(1)],
      slow: ['users.change answered', 'tier.invalidate asked'],
    },
  },
  {
    step: 'taking the lease before the change leaves',
    file: 'src/cache/metadata-cache.ts',
    remove: 'lease: begun.lease }',
    put: 'lease: (await tier.lease(key, true)) ?? begun.lease }',
  },
  {
    step: 'dropping again after the change',
    file: 'src/cache/metadata-cache.ts',
    remove: 'if (begun) await drop(key, successor);',
    put: 'if (begun?.lease !== undefined) await tier.release(key, begun.lease);',
  },
  {
    step: 'dropping after a change that failed',
    file: 'src/cache/metadata-cache.ts',
    remove: 'if (begun) await drop(key, successor);',
    put: 'if (successor) await drop(key, successor);\n else await tier.release(key, begun?.lease ?? 0);',
  },
  {
    step: 'having the cache begin when the change leaves',
    file: 'src/metadata/commit.ts',
    remove: 'await begin();',
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
