/**
 * Where oidc-provider keeps sessions, grants, codes and refresh tokens: in memory, for the life of the tenant. It
 * outlives the provider itself, which is rebuilt at each key rotation.
 */
import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider';

interface Entry {
  payload: AdapterPayload;
  readonly expiresAt: number;
}

/** An adapter factory over one empty store. `now` is in milliseconds since 1970. */
export function createOidcStore(now: () => number): AdapterFactory {
  const models = new Map<string, Map<string, Entry>>();
  const entriesOf = (model: string) => {
    const entries = models.get(model) ?? new Map<string, Entry>();
    models.set(model, entries);
    return entries;
  };
  return (model) => createAdapter(entriesOf(model), models, now);
}

function createAdapter(
  entries: Map<string, Entry>,
  models: ReadonlyMap<string, Map<string, Entry>>,
  now: () => number,
): Adapter {
  function live(id: string): AdapterPayload | undefined {
    const entry = entries.get(id);
    if (entry && entry.expiresAt <= now()) entries.delete(id);
    return entry && entry.expiresAt > now() ? entry.payload : undefined;
  }

  function dropExpired(): void {
    for (const id of entries.keys()) live(id);
  }

  function findWhere(matches: (payload: AdapterPayload) => boolean): AdapterPayload | undefined {
    return [...entries.keys()].map(live).find((payload) => payload !== undefined && matches(payload));
  }

  return {
    async upsert(id, payload, expiresInSeconds) {
      dropExpired();
      const expiresAt = expiresInSeconds === undefined ? Infinity : now() + expiresInSeconds * 1000;
      entries.set(id, { payload, expiresAt });
    },
    find: async (id) => live(id),
    findByUid: async (uid) => findWhere((payload) => payload.uid === uid),
    findByUserCode: async (userCode) => findWhere((payload) => payload.userCode === userCode),
    async consume(id) {
      const entry = entries.get(id);
      if (entry) entry.payload = { ...entry.payload, consumed: Math.floor(now() / 1000) };
    },
    async destroy(id) {
      entries.delete(id);
    },
    async revokeByGrantId(grantId) {
      for (const all of models.values()) {
        for (const [id, { payload }] of all) if (payload.grantId === grantId) all.delete(id);
      }
    },
  };
}
