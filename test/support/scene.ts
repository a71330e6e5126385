/** The usual scene: a tenant, the service in front of it, and users who call. */
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
  /** The headers of a request with a JSON body, for what ask() cannot send. */
  readonly jsonHeaders: Readonly<Record<string, string>>;
}

export interface Scene {
  readonly tenant: Tenant;
  readonly service: TestService;
  /** A new user with this metadata; without an argument, with none at all. */
  readonly person: (document?: Document, claims?: Readonly<Record<string, unknown>>) => Promise<Person>;
  /** How often the Management API was called since the last test. */
  readonly managementCalls: () => number;
  /** Starts one more service in front of the same tenant. */
  readonly startAnother: (options?: ServiceOptions) => Promise<TestService>;
}

let people = 0;
let sharedServer: Promise<SocketTenant> | undefined;
let sharedTenant: Tenant | undefined;

/** All scenes of a file stand before the same tenant. Its tokens name the issuer by the address of production. */
export async function openScene(options: ServiceOptions = {}): Promise<Scene> {
  sharedServer ??= serveTenant();
  const { tenant, url } = await sharedServer;
  const env = {
    ISSUER_BASE_URL: ISSUER,
    JWKS_URI: `${url}/.well-known/jwks.json`,
    AUTH0_MANAGEMENT_URL: url,
  };
  return createScene(tenant, ISSUER, env, options);
}

/** The same with a tenant that is reached by HTTPS at the address of production, for what depends on discovery there. */
export async function openHttpsScene(options: ServiceOptions = {}): Promise<Scene> {
  if (sharedTenant === undefined) {
    sharedTenant = createTenant(ISSUER);
    interceptTenant(sharedTenant);
  }
  return createScene(sharedTenant, ISSUER, {}, options);
}

export interface SeparateScene extends Scene {
  readonly server: SocketTenant;
}

/** A scene whose tenant is no other scene's, so that it can be closed. */
export async function openSeparateScene(options: ServiceOptions = {}): Promise<SeparateScene> {
  const server = await serveTenant();
  const env = { ISSUER_BASE_URL: server.url, AUTH0_MANAGEMENT_URL: server.url };
  return { server, ...(await createScene(server.tenant, `${server.url}/`, env, options)) };
}

async function createScene(
  tenant: Tenant,
  issuer: string,
  addresses: Readonly<Record<string, string>>,
  options: ServiceOptions,
): Promise<Scene> {
  const startAnother = ({ env, ...others }: ServiceOptions = {}) =>
    startService({ ...others, env: { ...addresses, ...env } });
  const service = await startAnother(options);
  tenant.heal();
  afterEach(() => {
    tenant.heal();
  });
  return {
    tenant,
    service,
    startAnother,
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
