/**
 * Reads and writes the user's metadata. Only the service decides whether a write is valid. The client adds the
 * detection of concurrent changes: it never overwrites one without a sign.
 */
import { type Conflict, ConflictError } from './errors.ts';
import { createMergePatch, type JsonObject, isUntouched, getMember, parseJson } from './json.ts';
import {
  createSnapshotStore,
  readQuotaAndCacheStatus,
  type SnapshotStore,
  type Snapshot,
  type DocumentState,
  readEtag,
} from './snapshot-store.ts';
import type { MetadataClient, MetadataClientOptions, ReadOptions, WriteOptions } from './options.ts';
import { type ClientResponse, toMetadataError } from './response.ts';
import { platformRuntime, type Runtime } from './runtime.ts';
import { createTransport, type ClientRequest } from './transport.ts';
import { createWatch } from './watch.ts';

/** Creates a client. Create one for each user who logs in: it remembers what that user has read. */
export function createMetadataClient<T extends object = JsonObject>(
  options: MetadataClientOptions,
): MetadataClient<T> {
  return createClient<T>({ ...platformRuntime, ...(options.fetch && { fetch: options.fetch }) }, options);
}

/** How often a patch is sent again after others changed something else. */
const MAX_REBASES = 5;

interface Resource {
  readonly path: string;
  readonly snapshots: SnapshotStore;
  /** Turns a value of the resource into a document. */
  readonly toDocument: (value: unknown) => unknown;
}

interface WriteRequest {
  readonly method: 'PUT' | 'PATCH' | 'DELETE';
  readonly body?: string;
  /** The change as a merge patch, given the current value. */
  readonly changes: (current: unknown) => unknown;
}

/** The client on a given runtime, so that tests control time and network. */
export function createClient<T extends object>(
  runtime: Runtime,
  clientOptions: MetadataClientOptions,
): MetadataClient<T> {
  const { refreshStaleClaims, onClaims } = clientOptions;
  // Few apps map metadata into tokens: the others do not load what follows the claims.
  const following =
    (refreshStaleClaims || onClaims) &&
    import('./claims.ts').then(({ followClaims }) =>
      followClaims(runtime, clientOptions, () => read(document)),
    );
  const transport = createTransport(
    following ? { ...runtime, fetch: async (url, init) => (await following)(url, init) } : runtime,
    clientOptions,
  );
  const keys = new Map<string, Resource>();
  const document: Resource = {
    path: '/me/metadata',
    snapshots: createSnapshotStore(),
    toDocument: (value) => value,
  };
  const schema: Resource = { ...document, path: '/schemas/user-metadata', snapshots: createSnapshotStore() };

  function getResource(key: string): Resource {
    // Such a path would name another resource: a removal would remove the whole document.
    if (/^\.{0,2}$/.test(key)) throw new RangeError(`"${key}" cannot be a key.`);
    const resource: Resource = keys.get(key) ?? {
      path: `${document.path}/${encodeURIComponent(key)}`,
      snapshots: createSnapshotStore(),
      toDocument: (value) => (value === undefined ? {} : { [key]: value }),
    };
    keys.set(key, resource);
    return resource;
  }

  async function read<V>(
    { path, snapshots }: Resource,
    { signal, revalidate }: ReadOptions = {},
    overrides: Partial<ClientRequest> = {},
  ): Promise<Snapshot<V>> {
    const { base, take } = snapshots.startRequest();
    const headers = {
      // Without it, a browser adds no-cache to each request with If-None-Match, and the service would ask Auth0.
      'Cache-Control': revalidate ? 'no-cache' : 'max-stale',
      ...(base?.etag ? { 'If-None-Match': base.etag } : {}),
    };
    const response = await transport.send({ path, headers, signal, ...overrides });
    return toSnapshot(take(response), response);
  }

  async function write(
    { path, snapshots, toDocument }: Resource,
    { method, body, changes }: WriteRequest,
    { signal, ifMatch }: WriteOptions = {},
  ): Promise<ClientResponse> {
    const isMerge = method === 'PATCH';
    let etag = ifMatch === 'latest' ? snapshots.getLatest()?.etag : ifMatch;
    const base = parseJson(snapshots.getText(etag || '') ?? '');
    for (let rebases = 0; ; rebases += 1) {
      const headers = {
        'Content-Type': `application/${isMerge ? 'merge-patch+' : ''}json`,
        ...(etag ? { 'If-Match': etag } : {}),
      };
      const response = await transport.send({
        method,
        path,
        headers,
        signal,
        body,
      });
      if (response.status !== 412) return response;
      const current = getMember(response.body, 'current');
      etag = readEtag(response.headers);
      if (etag) snapshots.remember({ etag, text: JSON.stringify(current) });
      const hasNoConflict = base !== undefined && isUntouched(changes(base), base, current);
      if (isMerge && hasNoConflict && etag && rebases < MAX_REBASES) continue;
      const conflict: Conflict<T> = JSON.parse(
        JSON.stringify({
          current: toDocument(current),
          etag: etag || undefined,
          base: base === undefined ? undefined : toDocument(base),
          changes: changes(base ?? current),
        }),
      );
      throw new ConflictError<T>(toMetadataError(response, true, runtime.now()), conflict);
    }
  }

  async function save<V>(
    resource: Resource,
    request: WriteRequest,
    options?: WriteOptions,
  ): Promise<Snapshot<V>> {
    const { take } = resource.snapshots.startRequest();
    const response = await write(resource, request, options);
    return toSnapshot(take(response), response);
  }

  async function remove(
    resource: Resource,
    changes: WriteRequest['changes'],
    options?: WriteOptions,
  ): Promise<void> {
    await write(resource, { method: 'DELETE', changes }, options);
    resource.snapshots.forgetLatest();
  }

  return {
    read: (options) => read(document, options),
    patch: (changes, options) =>
      save(document, { method: 'PATCH', body: JSON.stringify(changes), changes: () => changes }, options),
    replace: (value, options) =>
      save(
        document,
        {
          method: 'PUT',
          body: JSON.stringify(value),
          changes: (current) => createMergePatch(current, value),
        },
        { ifMatch: 'latest', ...options },
      ),
    remove: (options) => remove(document, (current) => createMergePatch(current, {}), options),
    readKey: async (key, options) => read(getResource(key), options),
    replaceKey: async (key, value, options) =>
      save(
        getResource(key),
        { method: 'PUT', body: JSON.stringify(value), changes: () => ({ [key]: value }) },
        options,
      ),
    removeKey: async (key, options) => remove(getResource(key), () => ({ [key]: null }), options),
    schema: async (options) => (await read<JsonObject>(schema, options, { isPublic: true })).value,
    watch: createWatch(runtime, transport, () => document.snapshots.getLatest()?.etag),
  };
}

function toSnapshot<V>({ etag, text }: DocumentState, { headers }: ClientResponse): Snapshot<V> {
  // The service shows nothing to a token that may write and not read.
  const value: V = JSON.parse(text || 'null');
  return { value, etag, ...readQuotaAndCacheStatus(headers) };
}
