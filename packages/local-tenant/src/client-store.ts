/**
 * The applications of the tenant and the keys they may sign client assertions with. Applications are fixed by the
 * options; only keys are added while the tenant runs.
 */
import type { KeyObject } from 'node:crypto';
import type { JsonObject } from './json.ts';
import type { TenantClient } from './tenant-options.ts';

export interface ClientStore {
  find(clientId: string): TenantClient | undefined;
  list(): readonly TenantClient[];
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
    list: () => [...clients.values()],
    getKeys: (clientId) => keys.get(clientId) ?? [],
    addKey(clientId, publicKey) {
      keys.set(clientId, [...(keys.get(clientId) ?? []), publicKey]);
    },
    restore(seed) {
      clients.clear();
      keys.clear();
      for (const client of seed) clients.set(client.client_id, client);
    },
  };
}

/** The kind of an application. */
export function getAppType(client: TenantClient): NonNullable<TenantClient['app_type']> {
  return client.app_type ?? (client.client_secret === undefined ? 'spa' : 'regular_web');
}

/** Whether the application cannot keep a secret. */
export function isPublicClient(client: TenantClient): boolean {
  return ['spa', 'native'].includes(getAppType(client));
}

/** An application as GET /api/v2/clients/{id} shows it. Secrets would need scopes that no client here has. */
export function toClientDocument(client: TenantClient): JsonObject {
  const { client_secret: _secret, grants: _grants, ...attributes } = client;
  const isPublic = isPublicClient(client);
  return {
    tenant: 'local',
    global: false,
    is_first_party: true,
    oidc_conformant: true,
    name: client.client_id,
    app_type: getAppType(client),
    token_endpoint_auth_method: isPublic ? 'none' : 'client_secret_post',
    grant_types: isPublic
      ? ['authorization_code', 'refresh_token']
      : ['authorization_code', 'refresh_token', 'client_credentials'],
    jwt_configuration: { alg: 'RS256', lifetime_in_seconds: 36_000 },
    ...attributes,
  };
}
