/** A tenant with `app_metadata` and applications, and people with every scope. */
import { openScene, type Scene } from '../../support/scene.ts';
import type { ServiceOptions } from '../../support/service.ts';
import type { Document } from '../../support/tenant-rules.ts';
import { mintToken } from '../../support/tokens.ts';

export const SCOPES = 'read:metadata update:metadata read:app_metadata read:client_metadata';
export const UPDATED_AT = '2026-01-02T03:04:05.678Z';

/** A request for `path` of the service. */
export type AskFor = (
  path: string,
  method?: string,
  headers?: Readonly<Record<string, string>>,
) => Promise<Response>;

export interface ResourceScene extends Scene {
  /** A user with this `user_metadata`, `app_metadata` and token. */
  readonly user: (
    documents?: { readonly user?: Document; readonly app?: Document },
    claims?: Readonly<Record<string, unknown>>,
  ) => Promise<{ readonly id: string; readonly ask: AskFor }>;
  /** The settings of an application from now on; without any, the tenant knows no such application. */
  readonly storeSettings: (clientId: string, settings?: Document) => void;
}

let serial = 0;

export async function openResources(options: ServiceOptions = {}): Promise<ResourceScene> {
  const scene = await openScene(options);
  const { tenant, service } = scene;
  return {
    ...scene,
    async user({ user, app } = {}, { sub, ...claims } = {}) {
      serial += 1;
      const id = typeof sub === 'string' ? sub : `auth0|resources-${serial}`;
      tenant.user(id, user);
      if (app !== undefined) {
        const body = { user_id: id, user_metadata: user, app_metadata: app, updated_at: UPDATED_AT };
        tenant.answerWith('read', { status: 200, body });
      }
      const token = await mintToken({ claims: { sub: id, scope: SCOPES, ...claims } });
      return {
        id,
        ask: (path, method = 'GET', headers = {}) =>
          fetch(`${service.url}${path}`, {
            method,
            headers: { authorization: `Bearer ${token}`, ...headers },
          }),
      };
    },
    storeSettings(clientId, settings) {
      const known = { status: 200, body: { client_id: clientId, client_metadata: settings } };
      const target = `/api/v2/clients/${encodeURIComponent(clientId)}`;
      tenant.answerWith('unknown', (call) =>
        settings !== undefined && call.target.startsWith(target) ? known : { status: 404, body: {} },
      );
    },
  };
}
