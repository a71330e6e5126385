'use client';
/** The exports of `@metadata-bff/client/react`: the user's metadata in React 18 and 19. */
import {
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react';
import { createMetadataClient } from './client.ts';
import type { JsonObject } from './json.ts';
import { createMetadataStore, type MetadataState, type MetadataStore } from './metadata-store.ts';
import type { MetadataClientOptions } from './options.ts';
import type { Snapshot } from './snapshot-store.ts';

export type { MetadataState } from './metadata-store.ts';

export interface MetadataProviderProps extends MetadataClientOptions {
  readonly children?: ReactNode;
  /** What a server has read, so that the first rendering shows it. */
  readonly initialSnapshot?: Pick<Snapshot<object>, 'value' | 'etag'>;
}

export type UseMetadataResult<T extends object = JsonObject> = MetadataState<T> &
  Pick<MetadataStore<T>, 'patch' | 'resolveConflict' | 'refresh'>;

const StoreContext = createContext<unknown>(undefined);

/**
 * Gives the components below it one client and one stream of changes. Give it the user's id as `key`, so that another
 * user begins with an empty state. `getAccessToken`, `fetch` and `onClaims` may be new functions at each rendering; the
 * other options of the first rendering stay.
 */
export function MetadataProvider({
  children,
  initialSnapshot,
  ...options
}: MetadataProviderProps): ReactElement {
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });
  const [store] = useState(() => {
    const { baseUrl, retry, refreshStaleClaims, onClaims, getAccessToken, fetch: customFetch } = options;
    const client = createMetadataClient<object>({
      baseUrl,
      ...(refreshStaleClaims || onClaims
        ? {
            refreshStaleClaims: refreshStaleClaims === true,
            onClaims: (stale) => {
              created.setStaleClaims(stale);
              latest.current.onClaims?.(stale);
            },
          }
        : {}),
      ...(retry ? { retry } : {}),
      ...(getAccessToken
        ? { getAccessToken: async (request) => latest.current.getAccessToken?.(request) }
        : {}),
      ...(customFetch ? { fetch: (url, init) => (latest.current.fetch ?? customFetch)(url, init) } : {}),
    });
    const created = createMetadataStore(client, initialSnapshot);
    return created;
  });
  return createElement(StoreContext.Provider, { value: store }, children);
}

/** The user's metadata, with the functions that change it. Renders again when the document changes. */
export function useMetadata<T extends object = JsonObject>(): UseMetadataResult<T> {
  const store = useContext(StoreContext);
  if (!isStore<T>(store)) throw new Error('useMetadata() needs a MetadataProvider above it.');
  const state = useSyncExternalStore(store.subscribe, store.getState, store.getInitialState);
  return useMemo(() => {
    const { patch, resolveConflict, refresh } = store;
    return { ...state, patch, resolveConflict, refresh };
  }, [state, store]);
}

// As with createMetadataClient, the app promises the type `T`: nothing checks documents against it.
function isStore<T extends object>(value: unknown): value is MetadataStore<T> {
  return value !== undefined;
}
