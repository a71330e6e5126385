/** The usual scene: a tenant on nock, the service in front of it, and people who call. */
import { afterEach } from '@jest/globals';
import { type ServiceOptions, startService, type TestService } from './service.ts';
import { createTenant, MANAGEMENT, type Tenant, type TenantUser } from './tenant.ts';
import type { Document } from './tenant-rules.ts';
import { interceptTenant } from './tenant-on-nock.ts';
import { serveTenant, type SocketTenant } from './tenant-on-socket.ts';
import { ISSUER, mintToken } from './tokens.ts';

export interface Ask {
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it stands. */
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

/** A user of the tenant with a token of their own. */
export interface Person {
  readonly user: TenantUser;
  readonly token: string;
  /** A request for `/me/metadata` followed by `path`. */
  readonly ask: (method: string, path?: string, ask?: Ask) => Promise<Response>;
  /** The header fields of a request with a JSON body, for what ask() cannot send. */
  readonly jsonHeaders: Readonly<Record<string, string>>;
}

export interface Scene {
  readonly tenant: Tenant;
  readonly service: TestService;
  /** Somebody new, with this metadata; without an argument, with none at all. */
  readonly person: (document?: Document, claims?: Readonly<Record<string, unknown>>) => Promise<Person>;
  /** How often the Management API was called since the last test. */
  readonly managementCalls: () => number;
}

let people = 0;
let tenantOnNock: Tenant | undefined;

/** All scenes of a file stand before the same tenant. */
export async function openScene(options: ServiceOptions = {}): Promise<Scene> {
  if (tenantOnNock === undefined) {
    tenantOnNock = createTenant(ISSUER);
    interceptTenant(tenantOnNock);
  }
  return sceneOf(tenantOnNock, await startService(options), ISSUER);
}

export interface SocketScene extends Scene {
  readonly server: SocketTenant;
}

/** The same with the tenant behind a real socket. */
export async function openSocketScene(options: ServiceOptions = {}): Promise<SocketScene> {
  const server = await serveTenant();
  const env = { ISSUER_BASE_URL: server.url, AUTH0_MANAGEMENT_URL: server.url, ...options.env };
  const service = await startService({ ...options, env });
  return { server, ...sceneOf(server.tenant, service, `${server.url}/`) };
}

function sceneOf(tenant: Tenant, service: TestService, issuer: string): Scene {
  tenant.heal();
  afterEach(() => {
    tenant.heal();
  });
  return {
    tenant,
    service,
    managementCalls: () => tenant.countOf(...MANAGEMENT),
    async person(document, claims = {}) {
      people += 1;
      const user = tenant.user(`auth0|person/${people}`, document);
      const token = await mintToken({ claims: { iss: issuer, sub: user.id, ...claims } });
      return personOf(service, user, token);
    },
  };
}

function personOf(service: TestService, user: TenantUser, token: string): Person {
  const authorization = `Bearer ${token}`;
  return {
    user,
    token,
    jsonHeaders: { authorization, 'content-type': 'application/json' },
    ask(method, path = '', { headers = {}, json, body } = {}) {
      const content = json === undefined ? body : JSON.stringify(json);
      return fetch(`${service.url}/me/metadata${path}`, {
        method,
        headers: {
          authorization,
          ...(json === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(content === undefined ? {} : { body: content }),
      });
    },
  };
}
