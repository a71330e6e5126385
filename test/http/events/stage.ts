/** The service before the local tenant, both in this process: a dashboard edit away from each other. */
import { readFileSync } from 'node:fs';
import { afterEach } from '@jest/globals';
import { loadConfig } from '../../../config/load.ts';
import { startTenant, type Tenant, type TenantOptions } from '../../../packages/local-tenant/src/tenant.ts';
import { createService } from '../../../src/composition/service.ts';
import { parseObject } from '../../support/json.ts';
import { openSse, type SseReader } from '../../support/sse.ts';
import { until } from '../../support/until.ts';
import { postJson, putJson, requestJson } from '../../tenant/tenant-client.ts';

export const JANE = 'auth0|jane';

const closers: Array<() => Promise<unknown>> = [];

/** Runs after the test, the latest first. */
export function afterwards(close: () => Promise<unknown>): void {
  closers.push(close);
}

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

export async function openTenant(options: TenantOptions = {}): Promise<Tenant> {
  const tenant = await startTenant(options);
  afterwards(() => tenant.stop());
  return tenant;
}

/** The environment of a service that belongs to this tenant. */
export function environmentFor(tenant: Tenant): Record<string, string> {
  return {
    HOST: '127.0.0.1',
    PORT: '0',
    OPS_PORT: '0',
    LOG_LEVEL: 'info',
    UPSTREAM_TIMEOUT_MS: '60000',
    AUDIENCE: tenant.apiAudience,
    ISSUER_BASE_URL: tenant.url,
    AUTH0_MANAGEMENT_URL: tenant.url,
    AUTH0_CLIENT_ID: 'local-bff',
    AUTH0_CLIENT_SECRET: 'local-secret',
    USER_READS_PER_MINUTE: '100000',
    USER_WRITES_PER_MINUTE: '100000',
    AUTH0_EVENTS: 'true',
  };
}

export interface StageService {
  readonly url: string;
  readonly opsUrl: string;
  /** The events of the log so far, in order. */
  readonly logged: () => string[];
  readonly lines: readonly string[];
  readonly stop: () => Promise<void>;
}

export async function openService(
  tenant: Tenant,
  { env = {}, policy = {} }: { env?: Record<string, string>; policy?: unknown } = {},
): Promise<StageService> {
  const lines: string[] = [];
  const config = loadConfig({ ...environmentFor(tenant), ...env }, (path) =>
    path.endsWith('policy.json') ? JSON.stringify(policy) : readFileSync(path, 'utf8'),
  );
  const service = await createService(config, { logDestination: { write: (line) => void lines.push(line) } });
  let stopping: Promise<void> | undefined;
  const stop = () => (stopping ??= service.stop());
  afterwards(stop);
  const { port, opsPort } = await service.start();
  const opsUrl = `http://127.0.0.1:${opsPort}`;
  await until(async () => ((await fetch(`${opsUrl}/readyz`)).status === 200 ? true : undefined));
  const logged = () => lines.map((line) => String(parseObject(line)['event']));
  return { url: `http://127.0.0.1:${port}`, opsUrl, logged, lines, stop };
}

/** What happens at the tenant without the service. */
export function dashboardOf(tenant: Tenant) {
  const userUrl = (userId: string) => `${tenant.url}/_local/users/${encodeURIComponent(userId)}`;
  const callsUrl = `${tenant.url}/_local/calls`;
  return {
    edit: (userMetadata: Record<string, unknown>, userId = JANE) =>
      putJson(userUrl(userId), { user_metadata: userMetadata }),
    remove: (userId = JANE) => fetch(userUrl(userId), { method: 'DELETE' }),
    fault: (order: Record<string, unknown>) => putJson(`${tenant.url}/_local/faults`, order),
    heal: () => fetch(`${tenant.url}/_local/faults`, { method: 'DELETE' }),
    token: async (order: Record<string, unknown> = {}) => {
      const { body } = await postJson(`${tenant.url}/_local/token`, {
        sub: JANE,
        scope: 'read:metadata update:metadata',
        ...order,
      });
      return String(body['access_token']);
    },
    /** `status path` of every call so far whose path begins like this. */
    calls: async (path: string) => {
      const calls: Array<{ path: string; status: number }> = JSON.parse(await (await fetch(callsUrl)).text());
      return calls.filter((call) => call.path.startsWith(path)).map((call) => `${call.status} ${call.path}`);
    },
  };
}

/** Streams of the Events API that the tenant has answered with 200. */
export async function eventStreams(dashboard: ReturnType<typeof dashboardOf>): Promise<string[]> {
  return (await dashboard.calls('/api/v2/events')).filter((call) => call.startsWith('200'));
}

/** Resolves when the feed of this tenant's only service has been open for the `count`th time. */
export async function feedOpen(dashboard: ReturnType<typeof dashboardOf>, count = 1): Promise<void> {
  await until(async () => ((await eventStreams(dashboard)).length >= count ? true : undefined));
}

/** One person before one service. */
export function personAt(service: Pick<StageService, 'url'>, token: string) {
  const authorization = `Bearer ${token}`;
  const read = () => requestJson(`${service.url}/me/metadata`, { headers: { authorization } });
  return {
    authorization,
    read,
    patch: (changes: Record<string, unknown>) =>
      requestJson(`${service.url}/me/metadata`, {
        method: 'PATCH',
        headers: { authorization, 'content-type': 'application/merge-patch+json' },
        body: JSON.stringify(changes),
      }),
    /** Reads until the answer has this value under `key`. */
    sees: (key: string, value: unknown) =>
      until(async () => ((await read()).body[key] === value ? true : undefined)),
    /** Reads until the answer comes from the cache. */
    warm: () =>
      until(async () => (/; hit/.test((await read()).headers.get('cache-status') ?? '') ? true : undefined)),
    follow: async (headers: Record<string, string> = {}): Promise<SseReader> => {
      const reader = await openSse(`${service.url}/me/events`, { authorization, ...headers });
      afterwards(() => reader.close());
      await reader.received(/id: /);
      return reader;
    },
    ask: (headers: Record<string, string> = {}, method = 'GET') =>
      fetch(`${service.url}/me/events`, { method, headers: { authorization, ...headers } }),
  };
}

/** One tenant, one service, and Jane. */
export async function openStage(
  options: { tenant?: TenantOptions; env?: Record<string, string>; policy?: unknown } = {},
) {
  const tenant = await openTenant(options.tenant);
  const service = await openService(tenant, options);
  const dashboard = dashboardOf(tenant);
  const token = await dashboard.token();
  return { tenant, service, dashboard, token, jane: personAt(service, token) };
}
