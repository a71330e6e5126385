import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { createMemoryStore, type Lease } from '../../src/cache/memory-store.ts';
import { describeStore, type StoredValue } from './store-contract.ts';

const nothing = () => Promise.resolve();

describeStore('the memory of one process', async (options) => {
  const store = createMemoryStore<StoredValue>(options);
  return { here: store, there: store, delivered: nothing, stop: nothing };
});

describe('the bound on what the memory store holds', () => {
  test('the entry that was longest unused goes first', async () => {
    const store = createMemoryStore<string>({ maxEntries: 2 });
    const fill = async (id: string) =>
      store.fill(id, { value: id, askedAt: 0 }, (await store.lease(id, false)) ?? 0);
    await fill('a');
    await fill('b');
    await store.read('a');
    await fill('c');
    const held = await Promise.all(['a', 'b', 'c'].map((id) => store.read(id)));
    expect(held.map((entry) => entry?.value)).toEqual(['a', undefined, 'c']);
  });

  test('whatever was forgotten, no fill is taken whose id was invalidated since its lease', async () => {
    const id = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const step = fc.record({ kind: fc.constantFrom('lease', 'fill', 'invalidate'), id });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const store = createMemoryStore<number>({ maxEntries: 2 });
        const leases = new Map<string, Lease>();
        const overtaken = new Set<string>();
        const wronglyHeld: unknown[] = [];
        await steps.reduce(async (before, { kind, id: at }, index) => {
          await before;
          if (kind === 'invalidate') {
            await store.invalidate(at);
            overtaken.add(at);
          } else if (kind === 'lease') {
            leases.set(at, (await store.lease(at, true)) ?? 0);
            overtaken.delete(at);
          } else {
            const lease = leases.get(at);
            if (lease === undefined) return;
            await store.fill(at, { value: index, askedAt: 0 }, lease);
            if (overtaken.has(at)) wronglyHeld.push(await store.read(at));
          }
        }, Promise.resolve());
        expect(wronglyHeld.filter((entry) => entry !== undefined)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});
