/**
 * Creates and starts a local tenant: an Auth0 that runs on this machine, for development and tests. Tenants share
 * nothing; any number can run in one process.
 */
import { createActions } from './actions.ts';
import { createAddresses } from './addresses.ts';
import { createApis } from './apis.ts';
import { createApp } from './app.ts';
import { createAuthenticationApi, createDiscovery } from './authentication-api.ts';
import { createCallLog } from './call-log.ts';
import { createClientAssertions, createClientCredentialsGrant } from './client-credentials.ts';
import { createClientStore } from './client-store.ts';
import { createTlsIdentity } from './certificate.ts';
import { createControl, createToken } from './control.ts';
import { createDelays } from './delayed-response.ts';
import { createEventFeed } from './event-feed.ts';
import { createFaults } from './faults.ts';
import { openListener } from './listener.ts';
import { createManagementApi } from './management-api.ts';
import { createManagementGuard } from './management-guard.ts';
import { eventConnections } from './plans.ts';
import { createPostLogin } from './post-login.ts';
import { createRateLimitBuckets } from './rate-limit-buckets.ts';
import { seedApis, seedClients, seedUsers } from './seed.ts';
import { createSigningKeys } from './signing-keys.ts';
import {
  assertTenantOptions,
  type TenantOptions,
  type TokenOptions,
  toUserWrites,
} from './tenant-options.ts';
import { createUserChanges, createUserStore, type UserWrite } from './user-store.ts';

export type { TenantOptions } from './tenant-options.ts';

export interface Tenant {
  /** `http://localhost:PORT`, without a slash at the end. */
  readonly url: string;
  /** `http://localhost:PORT/`, as `iss` has it. */
  readonly issuer: string;
  /** `http://localhost:PORT/api/v2/` */
  readonly managementAudience: string;
  /** The audience of the service's API: the seeded `https://metadata-bff.local`, or the first of `apis`. */
  readonly apiAudience: string;
  /**
   * The certificate, in PEM, of `https://localhost:PORT`: the same tenant for SDKs that know nothing but https. Trust it
   * for the process that uses one (`NODE_EXTRA_CA_CERTS`).
   */
  readonly certificate: string;
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

/**
 * Starts a tenant. Rejects with the system's error if the port is taken or not permitted, with a TypeError for wrong
 * options, and with a SyntaxError for an Action that does not compile.
 */
export async function startTenant(options: TenantOptions = {}): Promise<Tenant> {
  assertTenantOptions(options);
  const now = Date.now;
  const plan = options.plan ?? 'unlimited';
  const changes = createUserChanges(now, { keep: options.eventsKept ?? MAX_EVENTS_KEPT });
  const users = createUserStore(changes, now);
  const actions = createActions(options.actions ?? [], users);
  const keys = await createSigningKeys();
  const identity = createTlsIdentity(keys.current());
  const listener = await openListener(options.port ?? 0, identity);
  const addresses = createAddresses(listener.port);
  const ownApis = options.apis ?? seedApis;
  const apiAudience = ownApis[0]?.identifier ?? '';
  const apis = createApis(ownApis, addresses);
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
  const clientCredentials = createClientCredentialsGrant({
    clients,
    assertions,
    keys,
    apis,
    addresses,
    now,
  });
  const postLogin = createPostLogin({ actions, users, clients, addresses });

  const seed = options.users ? toUserWrites(options.users) : seedUsers();
  const reset = () => {
    users.restore(seed);
    clients.restore([...seedClients(), ...(options.clients ?? [])]);
    faults.removeFaults();
    calls.clear();
    buckets.refill();
  };
  reset();

  listener.serve(
    createApp({
      control: createControl({
        users,
        clients,
        keys,
        faults,
        calls,
        apis,
        addresses,
        apiAudience,
        now,
        reset,
      }),
      discovery: createDiscovery(addresses, keys, faults),
      management: createManagementApi({ users, clients, guard, faults }),
      authentication: createAuthenticationApi({
        keys,
        users,
        calls,
        faults,
        clientCredentials,
        clients,
        apis,
        postLogin,
        addresses,
        now,
        hint: createLoginHint(seed, options.users === undefined),
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
    apiAudience,
    certificate: identity.cert,
    env: {
      AUDIENCE: apiAudience,
      ISSUER_BASE_URL: addresses.url,
      AUTH0_MANAGEMENT_URL: addresses.url,
      AUTH0_CLIENT_ID: 'local-bff',
      AUTH0_CLIENT_SECRET: 'local-secret',
      AUTH0_EVENTS: 'true',
    },
    token: (tokenOptions) => createToken(tokenOptions, { keys, apis, addresses, apiAudience }, now()),
    async stop() {
      events.close();
      await listener.close();
      delays.release();
    },
  };
}

/** A tenant for tests and tools; `close` ends all connections and frees its port. */
export type LocalTenant = Omit<Tenant, 'stop'> & { close(): Promise<void> };

/** Starts a tenant for tests and tools. Rejects as `startTenant` does. */
export async function createTenant(options: TenantOptions = {}): Promise<LocalTenant> {
  const tenant = await startTenant(options);
  return { ...tenant, close: () => tenant.stop() };
}

const MAX_HINTED_USERS = 5;

/** Tells who can log in. Passwords are those of the seed, or a secret of the test. */
function createLoginHint(seed: ReadonlyMap<string, UserWrite>, isSeeded: boolean): string {
  const names = [...seed.values()]
    .filter(({ password }) => password !== undefined)
    .map(({ attributes }) => attributes['email'] ?? attributes['username'])
    .filter((name) => typeof name === 'string');
  return `Users: ${names.slice(0, MAX_HINTED_USERS).join(', ')}.${isSeeded ? ' Password: local' : ''}`;
}
