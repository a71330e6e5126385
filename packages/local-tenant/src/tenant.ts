/**
 * Creates and starts a local tenant: an Auth0 that runs on this machine, for development and tests. Tenants share
 * nothing; any number can run in one process.
 */
import { API_AUDIENCE, createAddresses } from './addresses.ts';
import { createApp } from './app.ts';
import { createAuthenticationApi, createDiscovery } from './authentication-api.ts';
import { createCallLog } from './call-log.ts';
import { createClientAssertions, createClientCredentialsGrant } from './client-credentials.ts';
import { createClientStore, type TenantClient } from './client-store.ts';
import { createControl, createToken, type TokenOptions } from './control.ts';
import { createEventFeed } from './event-feed.ts';
import { createFaults } from './faults.ts';
import type { JsonObject } from './json.ts';
import { openListener } from './listener.ts';
import { createManagementApi } from './management-api.ts';
import { createManagementGuard } from './management-guard.ts';
import { createDelays } from './delayed-response.ts';
import { eventConnections, type TenantPlan } from './plans.ts';
import { createRateLimitBuckets } from './rate-limit-buckets.ts';
import { seedClients, seedUsers } from './seed.ts';
import { createSigningKeys } from './signing-keys.ts';
import { createUserChanges, createUserStore, type UserWrite } from './user-store.ts';

export interface TenantOptions {
  /** 0, the default, takes any free port. */
  readonly port?: number;
  readonly plan?: TenantPlan;
  /** In place of the seeded users: attributes by user id, and the password to log in with. */
  readonly users?: Readonly<Record<string, JsonObject & { readonly password?: string }>>;
  /** In addition to the seeded applications `local-spa` and `local-bff`. */
  readonly clients?: readonly TenantClient[];
  /** The delay of each Management API response. */
  readonly latencyMs?: number;
  /** After how long a stream of the Events API is closed, to be resumed; 5 minutes by default. */
  readonly eventsCycleMs?: number;
  readonly eventsHeartbeatMs?: number;
  /** Changes that can be asked for again; 1000 by default. */
  readonly eventsKept?: number;
}

export interface Tenant {
  /** `http://localhost:PORT`, without a slash at the end. */
  readonly url: string;
  /** `http://localhost:PORT/`, as `iss` has it. */
  readonly issuer: string;
  /** `http://localhost:PORT/api/v2/` */
  readonly managementAudience: string;
  readonly apiAudience: typeof API_AUDIENCE;
  /** The variables with which the service runs against this tenant. */
  readonly env: Readonly<Record<string, string>>;
  /** An access token with the given claims; by default one of the API audience for `local-spa`. */
  token(options: TokenOptions): string;
  /** Ends all connections, also those with delayed responses, and frees the port. */
  stop(): Promise<void>;
}

const MAX_EVENTS_KEPT = 1000;
const EVENTS_CYCLE_MS = 300_000;
const EVENTS_HEARTBEAT_MS = 15_000;

/** Starts a tenant. Rejects with the system's error if the port is taken or not permitted. */
export async function startTenant(options: TenantOptions = {}): Promise<Tenant> {
  const now = Date.now;
  const plan = options.plan ?? 'unlimited';
  const [listener, keys] = await Promise.all([openListener(options.port ?? 0), createSigningKeys()]);
  const addresses = createAddresses(listener.port);
  const changes = createUserChanges(now, { keep: options.eventsKept ?? MAX_EVENTS_KEPT });
  const users = createUserStore(changes, now);
  const clients = createClientStore();
  const calls = createCallLog(now);
  const delays = createDelays();
  const faults = createFaults(delays);
  const buckets = createRateLimitBuckets(plan, now);
  const guard = createManagementGuard(keys, addresses, now);
  const events = createEventFeed(
    { changes, guard, now },
    {
      host: new URL(addresses.url).host,
      connections: eventConnections[plan],
      cycleMs: options.eventsCycleMs ?? EVENTS_CYCLE_MS,
      heartbeatMs: options.eventsHeartbeatMs ?? EVENTS_HEARTBEAT_MS,
    },
  );
  const assertions = createClientAssertions(clients, addresses, now);
  const clientCredentials = createClientCredentialsGrant({ clients, assertions, keys, addresses, now });

  const reset = () => {
    users.restore(options.users ? toUserWrites(options.users) : seedUsers());
    clients.restore([...seedClients(), ...(options.clients ?? [])]);
    faults.removeFaults();
    calls.clear();
    buckets.refill();
  };
  reset();

  listener.serve(
    createApp({
      control: createControl({ users, clients, keys, faults, calls, addresses, now, reset }),
      discovery: createDiscovery(addresses, keys, faults),
      management: createManagementApi({ users, clients, guard, faults }),
      authentication: createAuthenticationApi({
        keys,
        users,
        calls,
        faults,
        clientCredentials,
        addresses,
        now,
      }),
      events,
      calls,
      faults,
      buckets,
      delays,
      latencyMs: options.latencyMs ?? 0,
    }),
  );

  return {
    url: addresses.url,
    issuer: addresses.issuer,
    managementAudience: addresses.managementAudience,
    apiAudience: API_AUDIENCE,
    env: {
      AUDIENCE: API_AUDIENCE,
      ISSUER_BASE_URL: addresses.url,
      AUTH0_MANAGEMENT_URL: addresses.url,
      AUTH0_CLIENT_ID: 'local-bff',
      AUTH0_CLIENT_SECRET: 'local-secret',
      AUTH0_EVENTS: 'true',
    },
    token: (tokenOptions) => createToken(tokenOptions, keys, addresses, now()),
    async stop() {
      events.close();
      await listener.close();
      delays.release();
    },
  };
}

/** A tenant for tests and tools; `close` frees its port. Rejects as `startTenant` does. */
export async function createTenant(
  options: TenantOptions = {},
): Promise<Omit<Tenant, 'stop'> & { close(): Promise<void> }> {
  const tenant = await startTenant(options);
  return { ...tenant, close: () => tenant.stop() };
}

function toUserWrites(users: NonNullable<TenantOptions['users']>): ReadonlyMap<string, UserWrite> {
  return new Map(
    Object.entries(users).map(([userId, { password, ...attributes }]): [string, UserWrite] => [
      userId,
      { attributes, ...(password === undefined ? {} : { password }) },
    ]),
  );
}
