/**
 * Who may see and change which key. An application that the operator narrows works on a document in which
 * the keys it may not read do not exist: not in reads, tags, tests of a patch, errors or sizes.
 */
import { AppError } from '../lib/app-error.ts';
import type { JsonObject } from '../lib/json.ts';
import type { Cached, ReadCache } from './ports.ts';

/** `undefined` stands for every key. */
interface ClientNarrowing {
  readonly readable?: readonly string[] | undefined;
  /** Within `readable`. */
  readonly writable?: readonly string[] | undefined;
}

/** One application's view of a user's `user_metadata`. */
export interface MetadataView {
  /** What exists for this application. */
  getVisible(document: JsonObject): JsonObject;
  /** The whole document when what this application sees of `before` has become `after`. */
  restore(before: JsonObject, after: JsonObject): JsonObject;
  /** Whether this application may change the key. */
  isWritable(key: string): boolean;
}

/** @returns the view of each application; those the policy does not mention see and change everything. */
export function createViews(
  clients: Readonly<Record<string, ClientNarrowing>>,
): (clientId: string | undefined) => MetadataView {
  const views = new Map(Object.entries(clients).map(([clientId, client]) => [clientId, createView(client)]));
  const whole = createView({});
  return (clientId) => (clientId === undefined ? whole : (views.get(clientId) ?? whole));
}

function createView({ readable, writable = readable }: ClientNarrowing): MetadataView {
  const sees = createKeyTest(readable);
  const changes = createKeyTest(writable);
  return {
    getVisible: (document) => (readable === undefined ? document : pick(document, sees)),
    restore: (before, after) =>
      readable === undefined ? after : { ...pick(before, (key) => !sees(key)), ...after },
    isWritable: changes,
  };
}

/** The error for values that the caller may not change, by their pointers. */
export function createReadOnlyError(pointers: readonly string[]): AppError {
  return new AppError('key_read_only', 'The request would change what this caller may not change.', {
    errors: pointers.map((pointer) => ({
      pointer,
      code: 'read_only',
      detail: 'This cannot be changed here.',
    })),
  });
}

function createKeyTest(keys: readonly string[] | undefined): (key: string) => boolean {
  if (keys === undefined) return () => true;
  const set = new Set(keys);
  return (key) => set.has(key);
}

export function pick(document: JsonObject, test: (key: string) => boolean): JsonObject {
  return Object.fromEntries(Object.entries(document).filter(([key]) => test(key)));
}

// `client_metadata` of the application that calls: settings the operator keeps with it, of which callers
// may read the allow-listed part.

export interface ClientSettings {
  /** The readable settings of one application. */
  read(clientId: string, options?: { readonly revalidate?: boolean }): Promise<Cached<JsonObject>>;
}

export function createClientSettings(
  { cache }: { readonly cache: ReadCache<JsonObject> },
  { readable }: { readonly readable: ReadonlySet<string> },
): ClientSettings {
  return {
    async read(clientId, options) {
      const read = await cache.read(clientId, options);
      // A copy may have been kept under an earlier policy that listed more.
      return { ...read, value: pick(read.value, (key) => readable.has(key)) };
    },
  };
}
