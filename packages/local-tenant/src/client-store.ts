/**
 * The applications of the tenant and the keys they may sign client assertions with. Applications are fixed by the
 * seed; only keys are added while the tenant runs.
 */
import type { KeyObject } from 'node:crypto';
import type { JsonObject } from './json.ts';

export interface TenantClient {
  readonly clientId: string;
  readonly name: string;
  readonly appType: 'spa' | 'non_interactive';
  readonly secret?: string;
  /** The client grant for the Management API; empty when there is none. */
  readonly managementScopes: readonly string[];
  /** Further attributes that GET /api/v2/clients/{id} shows. */
  readonly profile: JsonObject;
}

export interface ClientStore {
  find(clientId: string): TenantClient | undefined;
  /** Public keys that `private_key_jwt` assertions of this client may be verified with. */
  getKeys(clientId: string): readonly KeyObject[];
  addKey(clientId: string, publicKey: KeyObject): void;
  /** Takes these applications instead of all there are, and forgets every key. */
  restore(clients: readonly TenantClient[]): void;
}

/** An empty store. */
export function createClientStore(): ClientStore {
  const clients = new Map<string, TenantClient>();
  const keys = new Map<string, KeyObject[]>();
  return {
    find: (clientId) => clients.get(clientId),
    getKeys: (clientId) => keys.get(clientId) ?? [],
    addKey(clientId, publicKey) {
      keys.set(clientId, [...(keys.get(clientId) ?? []), publicKey]);
    },
    restore(seed) {
      clients.clear();
      keys.clear();
      for (const client of seed) clients.set(client.clientId, client);
    },
  };
}

/** An application as GET /api/v2/clients/{id} shows it. Secrets would need scopes that no client here has. */
export function toClientDocument(client: TenantClient): JsonObject {
  return {
    tenant: 'local',
    global: false,
    is_first_party: true,
    oidc_conformant: true,
    client_id: client.clientId,
    name: client.name,
    app_type: client.appType,
    jwt_configuration: { alg: 'RS256', lifetime_in_seconds: 36_000 },
    ...client.profile,
  };
}
