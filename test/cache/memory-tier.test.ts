import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { createMemoryTier, type Lease } from '../../src/cache/memory-store.ts';
import { describeTier, type TierValue } from './tier-contract.ts';

const nothing = () => Promise.resolve();

describeTier('the memory of one process', async (options) => {
  const tier = createMemoryTier<TierValue>(options);
  return { here: tier, there: tier, delivered: nothing, stop: nothing };
});

describe('the bound on what the memory tier holds', () => {
  test('the entry that was longest unused goes first', async () => {
    const tier = createMemoryTier<string>({ entriesMax: 2 });
    const fill = async (id: string) =>
      tier.fill(id, { value: id, askedAt: 0 }, (await tier.lease(id, false)) ?? 0);
    await fill('a');
    await fill('b');
    await tier.read('a');
    await fill('c');
    const held = await Promise.all(['a', 'b', 'c'].map((id) => tier.read(id)));
    expect(held.map((entry) => entry?.value)).toEqual(['a', undefined, 'c']);
  });

  test('whatever was forgotten, no fill is taken whose id was invalidated since its lease', async () => {
    const id = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const step = fc.record({ kind: fc.constantFrom('lease', 'fill', 'invalidate'), id });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const tier = createMemoryTier<number>({ entriesMax: 2 });
        const leases = new Map<string, Lease>();
        const overtaken = new Set<string>();
        const wronglyHeld: unknown[] = [];
        await steps.reduce(async (before, { kind, id: at }, index) => {
          await before;
          if (kind === 'invalidate') {
            await tier.invalidate(at);
            overtaken.add(at);
          } else if (kind === 'lease') {
            leases.set(at, (await tier.lease(at, true)) ?? 0);
            overtaken.delete(at);
          } else {
            const lease = leases.get(at);
            if (lease === undefined) return;
            await tier.fill(at, { value: index, askedAt: 0 }, lease);
            if (overtaken.has(at)) wronglyHeld.push(await tier.read(at));
          }
        }, Promise.resolve());
        expect(wronglyHeld.filter((entry) => entry !== undefined)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});
