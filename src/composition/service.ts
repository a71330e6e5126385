/**
 * The composition root: builds every part from the configuration and is the only file that knows them all.
 */
import { setImmediate } from 'node:timers/promises';
import type { Config } from '../../config/load.ts';
import { comparePrivileges, ExcessPrivileges } from '../auth0/tenant.ts';
import { createMetadataCache } from '../cache/metadata-cache.ts';
import { composeChangeStream, composeStreaming } from './change-stream.ts';
import { composeIdentity } from './identity.ts';
import { composeObservability, type Destinations } from './observability.ts';
import { composePolicyRules } from './policy-rules.ts';
import { composeSharedStores } from './shared-stores.ts';
import { composeUpstream, privilegeNeeds, readsAppMetadata } from './upstream.ts';
import { createApp } from '../http/app.ts';
import { createBodyReader } from '../http/body.ts';
import { createListener, createServerClasses } from '../http/server/server.ts';
import { createAdminApp } from '../http/admin-app.ts';
import { createRoutes } from '../http/routes/index.ts';
import { createHealthRoutes } from '../http/routes/health.ts';
import { SIGNING_ALGORITHMS } from '../identity/access-token.ts';
import { type Clock, monotonicClock, systemClock } from '../lib/clock.ts';
import { createBackgroundRefresh } from '../lib/background-refresh.ts';
import { createClientSettings } from '../metadata/policy.ts';
import { createMetadataService } from '../metadata/service.ts';
import type { Logger } from '../observability/logger.ts';
import {
  MIN_BODY_BYTES,
  MAX_CLIENTS,
  EVENT_STREAMS,
  MAX_PROFILES,
  STOP,
  REFRESH_INTERVAL_MS,
} from './constants.ts';

export interface Service {
  readonly logger: Logger;
  /** Opens files of lines anew, after something has renamed them. */
  reopen(): void;
  /** Listens on both addresses. Does not wait for the tenant: until keys are there, `/readyz` says so. */
  start(): Promise<{ readonly port: number; readonly opsPort: number }>;
  /** Lets requests end, then stops. Resolves when nothing is left open. */
  stop(): Promise<void>;
}

interface Overrides extends Destinations {
  /** In place of the time of day and of what measures ages. */
  readonly clock?: Clock;
  /** Called with what the service must not live with, where that comes out only after it has started. */
  readonly onFatal?: (reason: Error) => void;
}

export async function createService(config: Config, overrides: Overrides = {}): Promise<Service> {
  const { clock = systemClock } = overrides;
  const ages = overrides.clock ?? monotonicClock;
  const observability = composeObservability(config, clock, overrides);
  const { logger, metrics } = observability;
  const stores = await composeSharedStores(config, clock, observability.redisObserver);
  const { redis } = stores;
  if (redis) observability.watchRedis(redis);
  const { http, issuers, tenant } = composeUpstream(config, stores, { clock, ages }, observability.upstream);

  const directory = metrics.upstream.withUserMetrics(tenant.users);
  const clients = metrics.upstream.withClientMetrics(tenant.clients);
  const staleness = {
    staleSeconds: config.cacheStaleSeconds,
    staleIfErrorSeconds: config.cacheStaleIfErrorSeconds,
  };
  const cache = createMetadataCache(
    {
      store: stores.users,
      load: (id, call) => directory.read(id, call),
      clock: ages,
      onRead: metrics.createCacheRecorder('user'),
    },
    { ...staleness, ttlSeconds: config.cacheTtlSeconds, maxEntries: MAX_PROFILES },
  );
  const clientCache = createMetadataCache(
    {
      store: stores.clients,
      load: (id, call) => clients.read(id, call),
      clock: ages,
      onRead: metrics.createCacheRecorder('client'),
    },
    { ...staleness, ttlSeconds: config.cacheClientTtlSeconds, maxEntries: MAX_CLIENTS },
  );
  const { policy } = config;
  const { schema, getAccess, localizedSchemas, warnings: policyWarnings } = composePolicyRules(config);
  const service = createMetadataService(
    {
      directory,
      cache,
      lock: metrics.redis.withLockMetrics(stores.lock),
      clock: ages,
      pause: setImmediate,
      onConcurrentChange(correlationId) {
        metrics.upstream.recordConcurrentChange();
        logger.log('concurrent_change', { correlation_id: correlationId });
      },
    },
    {
      limits: {
        maxBytes: config.maxMetadataBytes,
        maxKeys: policy.limits.keys,
        maxDepth: policy.limits.depth,
      },
      deadlineMs: config.upstreamWaitMs + config.upstreamTimeoutMs,
      schema,
      getAccess,
      appMetadataReadable: new Set(policy.appMetadata.readable),
      claims: policy.claims,
      erasesWriteOnce: policy.erasure.writeOnce,
      timeOfDay: clock,
    },
  );
  const settings = createClientSettings(
    { cache: clientCache },
    { readable: new Set(policy.clientMetadata.readable) },
  );

  const bodies = createBodyReader({
    maxBodyBytes: Math.max(MIN_BODY_BYTES, 2 * config.maxMetadataBytes),
    maxDepth: policy.limits.depth,
  });
  const { audit } = observability;
  const guard = composeIdentity({ config, stores, issuers, clock, ages, metrics, audit });
  const streaming = composeStreaming(cache, service, clock, issuers);
  const changeStream = composeChangeStream({
    config,
    stores,
    tokens: tenant.tokens,
    cache,
    clock,
    logger,
    metrics,
  });
  const routes = createRoutes(
    { service, settings, guard, bodies, streaming },
    {
      ...config,
      streaming: EVENT_STREAMS,
      scopes: policy.scopes,
      scopedKeys: policy.scopedKeys,
      compat: config.auth0Compat,
      readsAppMetadata: readsAppMetadata(config),
      algorithms: SIGNING_ALGORITHMS,
      metadataSchema: policy.userMetadata.schema,
      metadataLanguage: policy.userMetadata.language,
      localizedSchemas,
    },
  );
  const readiness = observability.watch(
    [
      {
        name: 'signing_keys',
        // With keys of one issuer of several, those who log in there are served.
        get critical() {
          return !issuers.isAnyReady();
        },
        passing: () => issuers.areAllReady(),
      },
      { name: 'management_token', critical: false, passing: () => tenant.tokens.isHealthy() },
      { name: 'management_api', critical: false, passing: () => tenant.isReachable() },
      ...(redis ? [{ name: 'redis', critical: false, passing: () => stores.isHealthy() }] : []),
      ...changeStream.checks,
    ],
    { issuers, tenant, streaming, redis },
  );
  const app = createApp(
    {
      routes,
      health: config.publicHealth ? createHealthRoutes({ readiness }) : [],
      observers: observability.requests,
    },
    { ...config, algorithms: SIGNING_ALGORITHMS },
  );
  const ops = createAdminApp({ readiness, metrics });
  const onRefused = ({ requestId, code }: { readonly requestId: string; readonly code: string }) =>
    logger.log('http_parse_error', { request_id: requestId, code });
  const publicListener = createListener(
    { handler: app, classes: createServerClasses(app), onClientError: onRefused },
    { name: 'public', host: config.host, port: config.port },
  );
  const opsListener = createListener(
    { handler: ops, onClientError: onRefused },
    { name: 'operations', host: config.opsHost, port: config.opsPort },
  );

  const backgroundRefresh = createBackgroundRefresh(
    [
      ...issuers.all.map((keys) => ({
        run: () => keys.getKeys(undefined),
        onFailure: (error: unknown) => logger.log('jwks_fetch_failed', { issuer: keys.issuer, error }),
      })),
      {
        run: () => tenant.tokens.getToken(),
        onFailure: (error) => logger.log('management_token_fetch_failed', { error }),
      },
      // A token that cannot be fetched is reported by the task before.
      { run: examineLater, onFailure: () => undefined },
    ],
    { intervalMs: REFRESH_INTERVAL_MS },
  );

  let examined = false;

  /** Names what the machine client holds too much or too little of; `enforce` does not live with the former. */
  async function examinePrivileges(): Promise<void> {
    const { scopes } = await tenant.tokens.getToken();
    if (scopes === undefined) return;
    const { missing, excess: unneeded } = comparePrivileges(scopes, privilegeNeeds(config));
    for (const { scope, feature } of missing) {
      logger.log('management_scope_missing', { scope, feature });
    }
    if (unneeded.length === 0) return;
    logger.log('management_scopes_excessive', { scopes: unneeded.join(' ') });
    if (config.leastPrivilege === 'enforce') throw new ExcessPrivileges(unneeded);
  }

  /** Until it is known what the client holds. A tenant that cannot be reached holds up no start. */
  async function examineUntilKnown(): Promise<void> {
    if (examined) return;
    try {
      await examinePrivileges();
      examined = true;
    } catch (error) {
      if (error instanceof ExcessPrivileges) throw error;
    }
  }

  /** That the client holds too much ends the service whenever it is found out. */
  async function examineLater(): Promise<void> {
    await examineUntilKnown().catch((error: unknown) => {
      if (error instanceof ExcessPrivileges) overrides.onFatal?.(error);
    });
  }

  return {
    logger,
    reopen: () => observability.reopen(),
    async start() {
      for (const warning of config.warnings) logger.log('configuration_warning', { detail: warning });
      await observability.start();
      for (const warning of policyWarnings) logger.log('schema_warning', { detail: warning });
      if (config.leastPrivilege === 'enforce') await examineUntilKnown();
      await stores.start();
      const opsPort = await opsListener.start();
      const port = await publicListener.start();
      backgroundRefresh.start();
      changeStream.start();
      logger.log('started', { port, ops_port: opsPort });
      return { port, opsPort };
    },
    async stop() {
      readiness.drain();
      backgroundRefresh.stop();
      const handedOver = changeStream.stop();
      streaming.streams.close();
      await publicListener.stop(STOP);
      await handedOver;
      await opsListener.stop({ settleMs: 0, graceMs: 0 });
      http.close();
      await redis?.stop();
      await observability.stop();
    },
  };
}
