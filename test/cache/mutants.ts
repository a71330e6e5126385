/**
 * Versions of the code from which one step was taken out, made from the source text as it stands. A
 * fragment that is no longer in the source, or not only once, is an error: no mutant is ever a no-op.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type * as MemoryTier from '../../src/cache/memory-store.ts';
import type * as MetadataCache from '../../src/cache/metadata-cache.ts';
import type * as Service from '../../src/metadata/service.ts';
import type { Parts } from './simulation.ts';

export interface Mutation {
  readonly file: 'src/cache/memory-store.ts' | 'src/cache/metadata-cache.ts' | 'src/metadata/commit.ts';
  readonly remove: string;
  /** What stands in its place; nothing by default. */
  readonly put?: string;
}

const ROOT = new URL('../../', import.meta.url);
const FOLDER = new URL('.build/mutants/', ROOT);

/**
 * Writes a copy of a source file as a module of its own and answers its path. Relative imports lead to the
 * originals, but for those in `replaced`. The name is made of the content, so that runs may overlap.
 */
function writeCopy(
  path: string,
  mutations: readonly Mutation[],
  replaced: ReadonlyMap<string, string> = new Map(),
): string {
  let text = readFileSync(new URL(path, ROOT), 'utf8');
  for (const { remove, put = '' } of mutations.filter(({ file }) => file === path)) {
    const occurrences = text.split(remove).length - 1;
    if (occurrences !== 1) throw new Error(`${path} holds ${occurrences} times: ${remove}`);
    text = text.replace(remove, () => put);
  }
  text = text.replaceAll(/from '(\.[^']+)'/g, (_match, specifier: string) => {
    const original = fileURLToPath(new URL(specifier, new URL(path, ROOT)));
    return `from '${replaced.get(specifier) ?? original}'`;
  });
  const name = createHash('sha256').update(text).digest('hex').slice(0, 16);
  const copy = fileURLToPath(new URL(`${name}.ts`, FOLDER));
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(`${copy}.${process.pid}`, text);
  renameSync(`${copy}.${process.pid}`, copy);
  return copy;
}

/** The code with these mutations; without any, copies of the code as it stands. */
export async function loadParts(mutations: readonly Mutation[] = []): Promise<Parts> {
  const commit = writeCopy('src/metadata/commit.ts', mutations);
  const paths = {
    tier: writeCopy('src/cache/memory-store.ts', mutations),
    cache: writeCopy('src/cache/metadata-cache.ts', mutations),
    service: writeCopy('src/metadata/service.ts', mutations, new Map([['./commit.ts', commit]])),
  };
  const tier: typeof MemoryTier = await import(paths.tier);
  const cache: typeof MetadataCache = await import(paths.cache);
  const service: typeof Service = await import(paths.service);
  return {
    createMemoryTier: tier.createMemoryTier,
    createMetadataCache: cache.createMetadataCache,
    createMetadataService: service.createMetadataService,
  };
}
