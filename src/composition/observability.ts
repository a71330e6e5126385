/** Composes the observability of the service: log, metrics, audit and traces. */
import type { Config } from '../../config/load.ts';
import { createIdHashFor, type SharedStores, type RedisObserver } from './shared-stores.ts';
import type { UpstreamObservers, UpstreamParts } from './upstream.ts';
import type { RequestObservers } from '../http/middleware/request-context.ts';
import type { Streaming } from '../http/routes/events.ts';
import type { Audit } from '../http/middleware/audit.ts';
import { type Clock, setTimer } from '../lib/clock.ts';
import type { RedisConnection } from '../redis/connection.ts';
import { type AuditFile, createAudit, createAuditFile } from '../observability/audit.ts';
import { createLogger, type Logger, type LogStream, createStandardOutput } from '../observability/logger.ts';
import { createMetrics, type Metrics } from '../observability/metrics.ts';
import { createReadiness, type Readiness, type ReadinessCheck } from '../observability/readiness.ts';
import { createTracing } from '../observability/tracing.ts';
import { AUDIT, AUDIT_FILE } from './constants.ts';

export interface Destinations {
  readonly logDestination?: LogStream;
  /** In place of standard output, where the audit goes there. */
  readonly auditDestination?: LogStream;
}

export interface Observability {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly requests: RequestObservers;
  readonly upstream: UpstreamObservers;
  readonly redisObserver: RedisObserver;
  /** Logs and counts outages of this connection, with their code, and their end. */
  watchRedis(redis: RedisConnection): void;
  /** Records writes. Undefined where there is no audit. */
  readonly audit: Audit | undefined;
  /** Registers the metrics of these parts. @returns the readiness that follows from the checks. */
  watch(checks: readonly ReadinessCheck[], parts: WatchedParts): Readiness;
  /** Opens the audit's file anew, after something has renamed it. */
  reopen(): void;
  start(): Promise<void>;
  /** Comes last: writes or sends buffered lines and spans, for a bounded time. */
  stop(): Promise<void>;
}

/** Parts that are read whenever the metrics are scraped. */
interface WatchedParts extends Pick<UpstreamParts, 'issuers' | 'tenant'>, Pick<SharedStores, 'redis'> {
  readonly streaming: Pick<Streaming, 'streams'>;
}

interface AuditOutput {
  readonly audit: Audit | undefined;
  /** Writes what has been counted and not yet told. */
  readonly flush: () => void;
  /** Undefined where the audit goes elsewhere. */
  readonly file: AuditFile | undefined;
}

export function composeObservability(
  config: Config,
  clock: Clock,
  { logDestination = createStandardOutput(), auditDestination = logDestination }: Destinations,
): Observability {
  const hashId = createIdHashFor(config, 'audit');
  const logger = createLogger({ destination: logDestination, hashId }, { level: config.logLevel });
  const metrics = createMetrics(clock);
  const { audit, flush, file } = composeAudit(config, clock, { logger, metrics, auditDestination, hashId });
  const { tracing: settings } = config;
  const tracing =
    settings &&
    createTracing({ onTrouble: (error) => logger.log('trace_export_failed', { error }) }, settings);

  /** Once for each time in which Redis is silent. */
  let toldUnlocked = false;

  return {
    logger,
    metrics,
    requests: {
      onEnd: [logger.request, metrics.recordRequest],
      trace: tracing && ((method, headers) => tracing.request(method, headers)),
    },
    upstream: {
      http(http) {
        const measured = metrics.upstream.withHttpMetrics(http);
        return tracing?.withTracing(measured) ?? measured;
      },
      keys: metrics.health,
      tenant: metrics.upstream,
    },
    redisObserver: {
      connection: (redis) => metrics.redis.withRedisMetrics(redis),
      unlocked() {
        metrics.redis.recordUnlockedWrite();
        if (!toldUnlocked) logger.log('writes_without_lock');
        toldUnlocked = true;
      },
      evictsLocks: ({ name }) => logger.log('redis_may_evict_locks', { policy: name }),
      paused: (waitMs) => logger.log('write_locks_paused', { locks_after_ms: waitMs }),
    },
    watchRedis(redis) {
      redis.onDown((reason) => {
        metrics.redis.recordUnavailable(reason);
        logger.log('redis_unavailable', { error: reason });
      });
      redis.onBack(() => {
        toldUnlocked = false;
        logger.log('redis_available');
      });
    },
    audit,
    watch(others, { issuers, tenant, streaming, redis }) {
      const own = file ? [{ name: 'audit_log', critical: false, passing: () => file.isHealthy() }] : [];
      const checks = [...others, ...own];
      metrics.health.registerChecks(checks);
      metrics.health.registerKeyState(() => issuers.getWorstState());
      metrics.health.registerSseConnections(() => streaming.streams.count());
      metrics.upstream.registerBudget(tenant.buckets);
      if (redis) metrics.redis.registerRedis(() => redis.isHealthy());
      return createReadiness(checks);
    },
    reopen: () => file?.reopen(),
    async start() {
      file?.start();
      await tracing?.start();
    },
    async stop() {
      flush();
      await Promise.all([file?.stop(), tracing?.stop()]);
      logger.log('stopped');
      logger.flush();
    },
  };
}

function composeAudit(
  config: Config,
  clock: Clock,
  {
    logger,
    metrics,
    auditDestination,
    hashId,
  }: Pick<Observability, 'logger' | 'metrics'> & {
    readonly auditDestination: LogStream;
    readonly hashId: (id: string) => string;
  },
): AuditOutput {
  const { auditLog: target } = config;
  if (target === 'off') return { audit: undefined, flush: () => undefined, file: undefined };
  const file =
    target === 'stdout'
      ? undefined
      : createAuditFile(
          {
            onTrouble: (error) => logger.log('audit_write_failed', { error }),
            onLost: (lines) => metrics.health.recordAuditDropped(lines),
          },
          { ...AUDIT_FILE, path: target.path },
        );
  const audit = createAudit({ destination: file ?? auditDestination, hashId, clock, setTimer }, AUDIT);
  return {
    audit: audit.record,
    flush: () => audit.flush(),
    file,
  };
}

/** What stands in the audit, and in log lines, for a user or an actor: to find the lines that are about them. */
export function getAuditId(config: Config, id: string): string {
  return createIdHashFor(config, 'audit')(id);
}
