/** The property of the cache protocol, tried more often than `npm test` does, and shown to fail for each mutant of the code. */
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { loadParts, type Mutation } from './mutants.ts';
import { protocolProperty } from '../cache/protocol-property.ts';
import type { Action, Program } from '../cache/simulation.ts';

interface Case extends Mutation {
  readonly step: string;
  /** A program in which the step matters, where it rarely does; the scheduler still chooses the order. */
  readonly program?: Program;
}

const reader = (replica: 0 | 1): Action => ({ kind: 'read', replica, revalidate: false });
const revalidator: Action = { kind: 'read', replica: 0, revalidate: true };
const writerOn = (replica: 0 | 1): Action => ({ kind: 'write', replica, nested: false, fate: 'applied' });
const writer = writerOn(0);

const STORE = 'src/cache/memory-store.ts';
const CACHE = 'src/cache/metadata-cache.ts';

const cases: readonly Case[] = [
  {
    step: 'the check of the lease before the store is filled',
    file: STORE,
    within: 'fill',
    kind: 'condition',
    of: 'leases.get',
    put: 'false',
  },
  {
    step: 'taking the lease before the tenant is asked',
    file: CACHE,
    within: 'fetch',
    kind: 'call',
    of: 'store.fill',
    put: 'store.fill(key, entry, (await store.lease(key, true)) ?? lease)',
  },
  {
    step: 'the check of the fetch before the memory is filled',
    file: CACHE,
    within: 'keep',
    kind: 'call',
    of: 'isCurrent',
    put: 'true',
  },
  {
    step: 'the check of the fetch on an entry of the store',
    file: CACHE,
    within: 'fetch',
    kind: 'call',
    of: 'keep',
    put: 'Boolean(memory.set(key, { entry: shared, epoch }))',
    program: {
      actions: [reader(1), reader(0), writer],
      slow: ['store.read answered', 'users.change asked', 'announcement'],
    },
  },
  {
    step: 'telling one fetch from the next',
    file: CACHE,
    within: 'keep',
    kind: 'call',
    of: 'isCurrent',
    put: 'fetches.has(key)',
    program: { actions: [reader(0), writer], slow: ['users.read answered', 'store.read answered'] },
  },
  { step: 'forgetting the fetch', file: CACHE, within: 'forget', kind: 'statement', of: 'fetches.delete' },
  { step: 'forgetting the memory', file: CACHE, within: 'forget', kind: 'statement', of: 'memory.delete' },
  {
    step: 'forgetting again after the store was invalidated',
    file: CACHE,
    within: 'dropEntry',
    kind: 'statement',
    of: 'forget',
    nth: 2,
    program: {
      actions: [revalidator, reader(0), writer],
      slow: ['users.change asked', 'store.invalidate asked', 'announcement'],
    },
  },
  {
    step: 'the subscription to announcements',
    file: CACHE,
    within: 'createMetadataCache',
    kind: 'statement',
    of: 'store.onInvalidation',
  },
  { step: 'the announcement', file: STORE, within: 'invalidate', kind: 'statement', of: 'listener' },
  {
    step: 'deleting the entry of the store',
    file: STORE,
    within: 'invalidate',
    kind: 'statement',
    of: 'entries.delete',
  },
  {
    step: 'the check of the lease on the answer to a change',
    file: STORE,
    within: 'invalidate',
    kind: 'condition',
    of: 'leases.get',
    put: 'replacement',
    program: {
      actions: [writer, writerOn(1)],
      slow: ['users.change answered', 'store.invalidate asked'],
    },
  },
  {
    step: 'taking the lease before the change leaves',
    file: CACHE,
    within: 'change',
    kind: 'assignment',
    of: 'replacement',
    put: `replacement = {
      entry: { value, askedAt: begun.askedAt, announced: true },
      lease: (await store.lease(key, true)) ?? begun.lease,
    }`,
  },
  {
    step: 'invalidating again after the change',
    file: CACHE,
    within: 'change',
    kind: 'statement',
    of: 'dropEntry',
    nth: 2,
    put: 'if (begun?.lease !== undefined) await store.release(key, begun.lease);',
  },
  {
    step: 'invalidating after a change that failed',
    file: CACHE,
    within: 'change',
    kind: 'statement',
    of: 'dropEntry',
    nth: 2,
    put: '{ if (replacement) await dropEntry(key, replacement); else await store.release(key, begun?.lease ?? 0); }',
  },
  {
    step: 'invalidating when the change leaves',
    file: 'src/metadata/commit.ts',
    within: 'beforeSending',
    kind: 'statement',
    of: 'begin',
  },
];

/** Fixed, so that a run tells of the code and not of luck. Each mutant fails well within these runs. */
const RUNS = { seed: 20_260_101, numRuns: 1_000, endOnFailure: true };

test.each(cases)('the property fails without $step', async ({ program, ...mutation }) => {
  const property = protocolProperty(await loadParts([mutation]), program && fc.constant(program));
  expect((await fc.check(property, RUNS)).failed).toBe(true);
});

test('the property holds for the code in 600 random orders of events', async () => {
  const runs = fc.assert(protocolProperty(await loadParts()), { numRuns: 600 });
  await expect(runs).resolves.toBeUndefined();
});

test('the property holds for the runs that find the mutants when nothing was taken out', async () => {
  const parts = await loadParts();
  const programs = cases.flatMap(({ program }) => program ?? []);
  expect((await fc.check(protocolProperty(parts), { ...RUNS, numRuns: 150 })).failed).toBe(false);
  const held = protocolProperty(parts, fc.constantFrom(...programs));
  expect((await fc.check(held, { ...RUNS, numRuns: 150 })).failed).toBe(false);
});
