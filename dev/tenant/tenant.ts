/**
 * Puts a local tenant together and starts it: an Auth0 that runs on this machine, for development and tests. Tenants
 * share nothing; any number can run in one process.
 */
import { API_AUDIENCE, createAddresses } from './addresses.ts';
import { createApp } from './app.ts';
import { createAuthenticationApi } from './authentication-api.ts';
import { createCallLog } from './call-log.ts';
import { createClientAssertions } from './client-assertion.ts';
import { createClientCredentialsGrant } from './client-credentials.ts';
import { createClientStore } from './client-store.ts';
import { createControl } from './control.ts';
import { createDiscovery } from './discovery.ts';
import { createFaults } from './faults.ts';
import { openListener } from './listener.ts';
import { createManagementApi } from './management-api.ts';
import { createManagementGuard } from './management-guard.ts';
import { createPauses } from './pauses.ts';
import type { TenantPlan } from './plans.ts';
import { createRateLimitBuckets } from './rate-limit-buckets.ts';
import { seedClients, seedUsers } from './seed.ts';
import { createSigningKeys } from './signing-keys.ts';
import { createUserChanges } from './user-changes.ts';
import { createUserStore } from './user-store.ts';

export interface TenantOptions {
  /** 0, the default, takes any free port. */
  readonly port?: number;
  readonly plan?: TenantPlan;
  /** How long every Management API answer is held back. */
  readonly latencyMs?: number;
}

export interface Tenant {
  /** `http://localhost:PORT`, without a slash at the end. */
  readonly url: string;
  /** `http://localhost:PORT/`, as `iss` has it. */
  readonly issuer: string;
  /** `http://localhost:PORT/api/v2/` */
  readonly managementAudience: string;
  readonly apiAudience: typeof API_AUDIENCE;
  /** Ends every connection, answers held back included, and frees the port. */
  stop(): Promise<void>;
}

/** Starts a tenant. Rejects with the system's error when the port cannot be had. */
export async function startTenant(options: TenantOptions = {}): Promise<Tenant> {
  const now = Date.now;
  const [listener, keys] = await Promise.all([openListener(options.port ?? 0), createSigningKeys()]);
  const addresses = createAddresses(listener.port);
  const users = createUserStore(createUserChanges(now), now);
  const clients = createClientStore();
  const calls = createCallLog(now);
  const pauses = createPauses();
  const faults = createFaults(pauses);
  const buckets = createRateLimitBuckets(options.plan ?? 'unlimited', now);
  const guard = createManagementGuard(keys, addresses, now);
  const assertions = createClientAssertions(clients, addresses, now);
  const clientCredentials = createClientCredentialsGrant({ clients, assertions, keys, addresses, now });

  const reset = () => {
    users.restore(seedUsers());
    clients.restore(seedClients());
    faults.remove();
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
      calls,
      faults,
      buckets,
      pauses,
      latencyMs: options.latencyMs ?? 0,
    }),
  );

  return {
    url: addresses.url,
    issuer: addresses.issuer,
    managementAudience: addresses.managementAudience,
    apiAudience: API_AUDIENCE,
    async stop() {
      await listener.close();
      pauses.release();
    },
  };
}
