import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { createMemoryStore } from '../../src/cache/memory-store.ts';
import { createMetadataCache } from '../../src/cache/metadata-cache.ts';
import { createMetadataService } from '../../src/metadata/service.ts';
import { protocolProperty } from './protocol-property.ts';

test('whatever the order of events, writers read their writes and nothing stale survives', async () => {
  const parts = { createMemoryStore, createMetadataCache, createMetadataService };
  // `npm run test:conformance` tries more orders, and each mutant of the code.
  const runs = fc.assert(protocolProperty(parts), { numRuns: 100 });
  await expect(runs).resolves.toBeUndefined();
});
