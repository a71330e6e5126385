/**
 * The exports of `@metadata-bff/client/tanstack-query`: options for queries and mutations of TanStack Query 5, with any
 * of its frameworks.
 */
import type { JsonObject, MergePatch } from './json.ts';
import type { MetadataClient } from './options.ts';
import type { Snapshot } from './snapshot-store.ts';

/** What these functions use of a `QueryClient`. */
export interface QueryCache {
  setQueryData(queryKey: readonly unknown[], data: unknown): unknown;
  cancelQueries(filters: { readonly queryKey: readonly unknown[] }): Promise<void>;
  invalidateQueries(filters: { readonly queryKey: readonly unknown[] }): Promise<void>;
}

/** The query key of the document of a user. */
export function getMetadataQueryKey(userId: string): readonly ['metadata-bff', string] {
  return ['metadata-bff', userId];
}

/**
 * Options for `useQuery` and its relatives. The client repeats failed requests itself, and events tell when the document
 * changes: see `invalidateMetadataOnChange`.
 */
export function createMetadataQuery<T extends object = JsonObject>(
  client: MetadataClient<T>,
  userId: string,
) {
  return {
    queryKey: getMetadataQueryKey(userId),
    queryFn: ({ signal }: { readonly signal: AbortSignal }): Promise<Snapshot<T>> => client.read({ signal }),
    retry: false,
  };
}

/**
 * Options for `useMutation`. The variables are a merge patch, based on the latest state that the client has seen; the
 * mutation rejects as `MetadataClient.patch` does, and keeps its variables: after a StepUpRequiredError and a login,
 * mutate with them again. The mutations of a user run one after the other.
 */
export function createMetadataMutation<T extends object = JsonObject>(
  client: MetadataClient<T>,
  queryCache: QueryCache,
  userId: string,
) {
  const queryKey = getMetadataQueryKey(userId);
  return {
    mutationKey: queryKey,
    scope: { id: queryKey.join() },
    mutationFn: (changes: MergePatch<T>): Promise<Snapshot<T>> =>
      client.patch(changes, { ifMatch: 'latest' }),
    retry: false,
    async onSuccess(snapshot: Snapshot<T>): Promise<void> {
      // A read that began before the write would overwrite its result.
      await queryCache.cancelQueries({ queryKey });
      if (snapshot.etag === '') await queryCache.invalidateQueries({ queryKey });
      else queryCache.setQueryData(queryKey, snapshot);
    },
  };
}

/** Invalidates the query at each change of the document, from any source. Returns the function that stops it. */
export function invalidateMetadataOnChange<T extends object>(
  client: MetadataClient<T>,
  queryCache: QueryCache,
  userId: string,
  onError?: (error: unknown, final: boolean) => void,
): () => void {
  const queryKey = getMetadataQueryKey(userId);
  return client.watch(() => void queryCache.invalidateQueries({ queryKey }), onError ? { onError } : {});
}
