/**
 * Versions of the code from which one step was taken out. A mutation names the step by its place in the syntax tree, so
 * that formatting and comments do not matter. A place that does not exist is an error: no mutant is ever a no-op.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseSync } from '@swc/core';
import { z } from 'zod';
import type * as MemoryStore from '../../src/cache/memory-store.ts';
import type * as MetadataCache from '../../src/cache/metadata-cache.ts';
import type * as Service from '../../src/metadata/service.ts';
import type { Parts } from '../cache/simulation.ts';

export interface Mutation {
  readonly file: 'src/cache/memory-store.ts' | 'src/cache/metadata-cache.ts' | 'src/metadata/commit.ts';
  /** The name of the function or method. */
  readonly within: string;
  /**
   * What is replaced: the statement with a call, the call itself, the condition of the `if` whose condition makes the
   * call, or an assignment.
   */
  readonly kind: 'statement' | 'call' | 'condition' | 'assignment';
  /** What is called, such as `memory.set`, or assigned to. */
  readonly of: string;
  /** Which of several, in source order. By default the first. */
  readonly nth?: number;
  /** What takes its place. By default nothing. */
  readonly put?: string;
}

const nodeSchema = z.looseObject({
  type: z.string(),
  span: z.object({ start: z.number(), end: z.number() }),
});
type Node = z.infer<typeof nodeSchema>;

/** Parses the text, in which a semicolon was put first: swc counts bytes from where the first token stands. */
function createTree(text: string) {
  const module: unknown = parseSync(text, { syntax: 'typescript', target: 'es2022' });
  const bytes = Buffer.from(text);
  const root = nodeSchema.parse(module);
  const offset = root.span.start;
  const getText = ({ span }: Node) => bytes.subarray(span.start - offset, span.end - offset).toString();

  /** All nodes below a value, in source order, each with its ancestors from the nearest. */
  function* walk(value: unknown, ancestors: readonly Node[] = []): Generator<[Node, readonly Node[]]> {
    if (typeof value !== 'object' || value === null) return;
    const parsed = nodeSchema.safeParse(value);
    if (parsed.success) yield [parsed.data, ancestors];
    const above = parsed.success ? [parsed.data, ...ancestors] : ancestors;
    for (const child of Object.values(value)) yield* walk(child, above);
  }

  return {
    root,
    walk,
    getText,
    replace: ({ span }: Node, put: string): string => {
      const [before, after] = [bytes.subarray(0, span.start - offset), bytes.subarray(span.end - offset)];
      return `${before.toString()}${put}${after.toString()}`;
    },
  };
}

const child = (node: Node, name: string): Node | undefined => nodeSchema.safeParse(node[name]).data;

function applyMutation(text: string, { within, kind, of, nth = 1, put = ';' }: Mutation): string {
  const { root, walk, getText, replace } = createTree(text);
  const isFunction = (node: Node): boolean => {
    const name = child(node, 'identifier') ?? child(node, 'key') ?? child(node, 'id');
    const isNamed = name !== undefined && getText(name).replace(/:.*$/s, '') === within;
    if (!isNamed) return false;
    const initial = child(node, 'init') ?? child(node, 'value');
    return /Function|Method/.test(node.type) || /Function/.test(initial?.type ?? '');
  };
  const found = [...walk(root)]
    .filter(([node]) => isFunction(node))
    .flatMap(([scope]) => [...walk(scope)])
    .flatMap(([node, ancestors]) => {
      const named = child(node, kind === 'assignment' ? 'left' : 'callee');
      const isType = node.type === (kind === 'assignment' ? 'AssignmentExpression' : 'CallExpression');
      if (!isType || named === undefined || getText(named) !== of) return [];
      if (kind === 'call' || kind === 'assignment') return [node];
      if (kind === 'statement') return ancestors.find(({ type }) => type.endsWith('Statement')) ?? [];
      const branch = ancestors.find(({ type }) => type === 'IfStatement');
      return (branch && child(branch, 'test')) ?? [];
    })
    .toSorted((one, other) => one.span.start - other.span.start)
    .at(nth - 1);
  if (!found) throw new Error(`There is no ${kind} of ${of} in ${within}.`);
  return replace(found, put);
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
  let text = `;${readFileSync(new URL(path, ROOT), 'utf8')}`;
  for (const mutation of mutations.filter(({ file }) => file === path)) text = applyMutation(text, mutation);
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
    store: writeCopy('src/cache/memory-store.ts', mutations),
    cache: writeCopy('src/cache/metadata-cache.ts', mutations),
    service: writeCopy('src/metadata/service.ts', mutations, new Map([['./commit.ts', commit]])),
  };
  const store: typeof MemoryStore = await import(paths.store);
  const cache: typeof MetadataCache = await import(paths.cache);
  const service: typeof Service = await import(paths.service);
  return {
    createMemoryStore: store.createMemoryStore,
    createMetadataCache: cache.createMetadataCache,
    createMetadataService: service.createMetadataService,
  };
}
