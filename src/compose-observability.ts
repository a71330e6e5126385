/** The part of the composition that tells of the service: log, metrics, audit and traces. */
import type { Config } from '../config/load.ts';
import { createHide, type Sharing } from './compose-sharing.ts';
import type { UpstreamObservers, UpstreamParts } from './compose-upstream.ts';
import type { Guard } from './http/guard.ts';
import type { ObservedRequest, RequestObservers } from './http/request-observer.ts';
import type { Streaming } from './http/routes/events.ts';
import { auditing } from './http/write-audit.ts';
import { setAlarm } from './lib/alarm.ts';
import type { Clock } from './lib/clock.ts';
import { createAudit } from './observability/audit.ts';
import { type AuditFile, createAuditFile } from './observability/audit-file.ts';
import { createLogger, type Logger, type LogStream, standardOutput } from './observability/logger.ts';
import { createMetrics, type Metrics } from './observability/metrics.ts';
import { createReadiness, type Readiness, type ReadinessCheck } from './observability/readiness.ts';
import { createTracing } from './observability/tracing.ts';
import { AUDIT, AUDIT_FILE } from './tuning.ts';

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
  /** The same guard, with an audit of the writes behind it. */
  audited(guard: Guard): Guard;
  /** Begins to tell of these parts. @returns the readiness that follows from the checks. */
  watch(checks: readonly ReadinessCheck[], parts: WatchedParts): Readiness;
  /** Opens the audit's file anew, after something has renamed it. */
  reopen(): void;
  start(): Promise<void>;
  /** Comes last: whatever is still to be told is written or sent, for a bounded time. */
  stop(): Promise<void>;
}

/** Parts that are asked how they are, whenever somebody looks at the metrics. */
interface WatchedParts extends Pick<UpstreamParts, 'keys' | 'tenant'>, Pick<Sharing, 'redis'> {
  readonly streaming: Pick<Streaming, 'streams'>;
}

interface AuditSink {
  readonly audited: (guard: Guard) => Guard;
  /** Writes what has been counted and not yet told. */
  readonly flush: () => void;
  /** Undefined where the audit goes elsewhere. */
  readonly file: AuditFile | undefined;
}

export function composeObservability(
  config: Config,
  clock: Clock,
  { logDestination = standardOutput(), auditDestination = logDestination }: Destinations,
): Observability {
  const logger = createLogger({ destination: logDestination }, { level: config.logLevel });
  const metrics = createMetrics(clock);
  const { audited, flush, file } = composeAudit(config, clock, { logger, metrics, auditDestination });
  const { tracing: settings } = config.observability;
  const tracing =
    settings &&
    createTracing({ onTrouble: (reason) => logger.warn('traces are not delivered', reason) }, settings);

  return {
    logger,
    metrics,
    requests: {
      onEnd: [
        (line: ObservedRequest) => logger.request(line),
        ({ method, route, status, durationMs }) => metrics.request(method, route, status, durationMs),
      ],
      trace: tracing && ((method, headers) => tracing.request(method, headers)),
    },
    upstream: {
      http(http) {
        const counting = metrics.upstream.countingHttp(http);
        return tracing?.tracingHttp(counting) ?? counting;
      },
      keys: metrics.health,
      tenant: metrics.upstream,
    },
    audited,
    watch(others, { keys, tenant, streaming, redis }) {
      const own = file ? [{ name: 'audit_log', critical: false, passing: () => file.healthy() }] : [];
      const checks = [...others, ...own];
      metrics.health.watchChecks(checks);
      metrics.health.watchKeys(() => keys.state());
      metrics.health.watchStreams(() => streaming.streams.count());
      metrics.upstream.watchBudget(tenant.buckets);
      if (redis) metrics.redis.watchRedis(() => redis.healthy());
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
      logger.info('stopped');
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
  }: Pick<Observability, 'logger' | 'metrics'> & { readonly auditDestination: LogStream },
): AuditSink {
  const { audit: target } = config.observability;
  if (target === 'off') return { audited: (guard) => guard, flush: () => undefined, file: undefined };
  const file =
    target === 'stdout'
      ? undefined
      : createAuditFile(
          {
            onTrouble: (reason) => logger.warn('the audit cannot be written', reason),
            onLost: (lines) => metrics.health.auditLost(lines),
          },
          { ...AUDIT_FILE, path: target.path },
        );
  const write = (line: string) => (file ?? auditDestination).write(line);
  const audit = createAudit(
    { write, hide: createHide(config, 'audit'), now: () => clock.now(), setAlarm },
    AUDIT,
  );
  return {
    audited: (guard) => auditing(guard, (audited) => audit.record(audited)),
    flush: () => audit.flush(),
    file,
  };
}

/** What stands in the audit for a user: to find the lines that are about them. */
export function auditIdOf(config: Config, userId: string): string {
  return createHide(config, 'audit')(userId);
}
