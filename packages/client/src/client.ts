/**
 * The caller's own metadata, as an app reads and changes it. A write is judged by the service alone; what this
 * adds is to notice what others changed meanwhile, and to lose nothing of it in silence.
 */
import { type Conflict, ConflictError } from './errors.ts';
import { difference, type JsonObject, leavesAlone, own, parse } from './json.ts';
import {
  createKeptStates,
  factsIn,
  type KeptStates,
  type Snapshot,
  type State,
  tagIn,
} from './kept-states.ts';
import type { MetadataClient, MetadataClientOptions, ReadOptions, WriteOptions } from './metadata-client.ts';
import { type Answer, problemOf } from './problem-answer.ts';
import { platform, type Runtime } from './runtime.ts';
import { createTransport, type Order } from './transport.ts';
import { createWatch } from './watch.ts';

/** One client for each person who is logged in: what it has seen is theirs. */
export function createMetadataClient<T extends object = JsonObject>(
  options: MetadataClientOptions,
): MetadataClient<T> {
  return createClient<T>({ ...platform, ...(options.fetch ? { fetch: options.fetch } : {}) }, options);
}

/** How often a patch is sent again because others changed something else. */
const REBASES_MAX = 5;

interface Resource {
  readonly path: string;
  readonly kept: KeptStates;
  /** A value of the resource as a document. */
  readonly documentOf: (value: unknown) => unknown;
}

interface Write {
  readonly method: 'PUT' | 'PATCH' | 'DELETE';
  readonly body?: string;
  /** What it would change, as a merge patch, given what is there. */
  readonly changes: (present: unknown) => unknown;
  readonly isMerge?: boolean;
}

/** The client over a world of the caller's choice. */
export function createClient<T extends object>(
  runtime: Runtime,
  options: MetadataClientOptions,
): MetadataClient<T> {
  const transport = createTransport(runtime, options);
  const keys = new Map<string, Resource>();
  const document: Resource = { path: '/me/metadata', kept: createKeptStates(), documentOf: (value) => value };
  const schema: Resource = { ...document, path: '/schemas/user-metadata', kept: createKeptStates() };

  function resourceOf(key: string): Resource {
    // An address that ends so means another resource, and removing that is removing everything.
    if (/^\.{0,2}$/.test(key)) throw new RangeError(`There can be no key "${key}".`);
    const known = keys.get(key);
    if (known) return known;
    const resource: Resource = {
      path: `${document.path}/${encodeURIComponent(key)}`,
      kept: createKeptStates(),
      documentOf: (value) => (value === undefined ? {} : { [key]: value }),
    };
    keys.set(key, resource);
    return resource;
  }

  async function read<V>(
    { path, kept }: Resource,
    { signal, revalidate = false }: ReadOptions = {},
    more: Partial<Order> = {},
  ): Promise<Snapshot<V>> {
    const { base, take } = kept.begin();
    const headers = {
      // Left out, a browser adds no-cache to every request with If-None-Match, which asks the tenant each time.
      'Cache-Control': revalidate ? 'no-cache' : 'max-stale',
      ...(base?.etag ? { 'If-None-Match': base.etag } : {}),
    };
    const answer = await transport.send({ path, headers, signal, ...more });
    return snapshotOf(take(answer), answer);
  }

  async function write(
    { path, kept, documentOf }: Resource,
    { method, body, changes, isMerge = false }: Write,
    { signal, ifMatch = false }: WriteOptions = {},
  ): Promise<Answer> {
    let tag = ifMatch === 'latest' ? kept.latest()?.etag : ifMatch || undefined;
    const baseText = tag === undefined ? undefined : kept.textOf(tag);
    const base = baseText === undefined ? undefined : parse(baseText);
    for (let rebases = 0; ; rebases += 1) {
      const headers = {
        'Content-Type': isMerge ? 'application/merge-patch+json' : 'application/json',
        ...(tag ? { 'If-Match': tag } : {}),
      };
      const answer = await transport.send({
        method,
        path,
        headers,
        signal,
        body,
      });
      if (answer.status !== 412) return answer;
      const current = own(answer.body, 'current');
      tag = tagIn(answer.headers) || undefined;
      if (tag !== undefined) kept.note({ etag: tag, text: JSON.stringify(current) });
      const isApart = base !== undefined && leavesAlone(changes(base), base, current);
      if (isMerge && isApart && tag !== undefined && rebases < REBASES_MAX) continue;
      const conflict: Conflict<T> = JSON.parse(
        JSON.stringify({
          current: documentOf(current),
          etag: tag,
          base: base === undefined ? undefined : documentOf(base),
          changes: changes(base ?? current),
        }),
      );
      throw new ConflictError<T>(problemOf(answer, true, runtime.now()), conflict);
    }
  }

  async function store<V>(resource: Resource, order: Write, how?: WriteOptions): Promise<Snapshot<V>> {
    const { take } = resource.kept.begin();
    const answer = await write(resource, order, how);
    return snapshotOf(take(answer), answer);
  }

  async function remove(resource: Resource, changes: Write['changes'], how?: WriteOptions): Promise<void> {
    await write(resource, { method: 'DELETE', changes }, how);
    resource.kept.forget();
  }

  return {
    read: (how) => read(document, how),
    patch: (changes, how) =>
      store(
        document,
        { method: 'PATCH', body: JSON.stringify(changes), changes: () => changes, isMerge: true },
        how,
      ),
    replace: (value, how) =>
      store(
        document,
        { method: 'PUT', body: JSON.stringify(value), changes: (present) => difference(present, value) },
        { ifMatch: 'latest', ...how },
      ),
    remove: (how) => remove(document, (present) => difference(present, {}), how),
    readKey: async (key, how) => read(resourceOf(key), how),
    replaceKey: async (key, value, how) =>
      store(
        resourceOf(key),
        { method: 'PUT', body: JSON.stringify(value), changes: () => ({ [key]: value }) },
        how,
      ),
    removeKey: async (key, how) => remove(resourceOf(key), () => ({ [key]: null }), how),
    schema: async (how) => (await read<JsonObject>(schema, how, { isPublic: true })).value,
    watch: createWatch(runtime, transport, () => document.kept.latest()?.etag),
  };
}

function snapshotOf<V>({ etag, text }: State, { headers }: Answer): Snapshot<V> {
  // Nothing is shown to a token that may change and not read.
  const value: V = JSON.parse(text || 'null');
  return { value, etag, ...factsIn(headers) };
}
