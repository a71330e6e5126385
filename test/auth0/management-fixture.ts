/** The Management API client over a tenant without a network, with a budget and tokens without end. */
import { createManagementClient } from '../../src/auth0/management-client.ts';
import { createUpstream } from '../../src/auth0/upstream.ts';
import type { RootChanges } from '../../src/metadata/ports.ts';
import { createFakeHttp } from '../lib/fake-http.ts';
import { createManualClock } from '../lib/manual-clock.ts';
import { createFakeTokens, unlimitedScheduler } from './fake-access.ts';

export const JANE = 'auth0|jane';
export const stored = { user_id: JANE, user_metadata: { a: 1 }, updated_at: '2026-01-01T00:00:00.000Z' };

interface Readable {
  readonly appMetadataKeys?: readonly string[];
  readonly clientMetadataKeys?: readonly string[];
}

export function createWorld({ appMetadataKeys = [], clientMetadataKeys = [] }: Readable = {}) {
  const http = createFakeHttp();
  const tokens = createFakeTokens();
  const clock = createManualClock();
  const upstream = createUpstream(
    { http, tokens, scheduler: unlimitedScheduler, clock, sleep: () => Promise.resolve(), random: () => 0 },
    { timeoutMs: 5_000, deadlineMs: 7_000 },
  );
  const options = {
    baseUrl: 'https://t.test/api/v2',
    appMetadataKeys: new Set(appMetadataKeys),
    clientMetadataKeys: new Set(clientMetadataKeys),
  };
  const { users, clients } = createManagementClient({ upstream, clock }, options);
  return {
    http,
    tokens,
    read: (userId: string) => users.read(userId, { priority: 'read' }),
    change: (userId: string, changes: RootChanges) => users.change(userId, changes, { priority: 'write' }),
    readClient: (clientId: string) => clients.read(clientId, { priority: 'read' }),
  };
}
