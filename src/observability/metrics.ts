/**
 * Prometheus metrics. Every label has a closed set of values: route templates, error codes, names of
 * operations. No label names a user, a client or a key.
 */
import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';
import type { ObservedRequest } from '../http/middleware/request-context.ts';
import type { LimitName } from '../http/middleware/rate-limit.ts';
import type { Freshness } from '../metadata/ports.ts';
import { createHealthMetrics, type HealthMetrics } from './metrics-health.ts';
import { createRedisMetrics, type RedisMetrics } from './metrics-redis.ts';
import { createUpstreamMetrics, type UpstreamMetrics } from './metrics-upstream.ts';

export interface Metrics {
  readonly contentType: string;
  /** @returns the text that Prometheus scrapes. */
  render(): Promise<string>;
  readonly recordRequest: (
    request: Pick<ObservedRequest, 'method' | 'route' | 'status' | 'durationMs'>,
  ) => void;
  /** Counts a request that a rate limit refused. */
  recordRateLimited(limit: LimitName): void;
  /** @returns what counts a read of that resource by where its answer came from. */
  createCacheRecorder(resource: 'user' | 'client'): (outcome: Freshness['kind']) => void;
  readonly upstream: UpstreamMetrics;
  readonly redis: RedisMetrics;
  readonly health: HealthMetrics;
}

const LIMITS: readonly LimitName[] = ['reads', 'writes', 'auth-failures'];

/** The statuses of server errors that the service answers with. */
const SERVER_ERRORS = ['500', '502', '503', '504'];

const METHODS = new Set(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** @param now the clock that durations of operations are measured by. */
export function createMetrics({ now }: { readonly now: () => number }): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'metadata_bff_http_request_duration_seconds',
    help: 'Time from a request to the end of its response.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.3, 1, 3, 10],
    registers,
  });
  const cacheRequests = new Counter({
    name: 'metadata_bff_cache_requests_total',
    help: 'Reads of cached documents, by where the answer came from.',
    labelNames: ['resource', 'outcome'],
    registers,
  });
  const serverErrors = new Counter({
    name: 'metadata_bff_http_server_errors_total',
    help: 'Requests answered with a status of 500 or above.',
    labelNames: ['status'],
    registers,
  });
  const rateLimited = new Counter({
    name: 'metadata_bff_rate_limited_total',
    help: 'Requests refused by a rate limit: reads or writes of a user, or failed authentication of an address.',
    labelNames: ['limit'],
    registers,
  });

  // Counters begin at 0, so that `increase()` in an alert sees the first one.
  for (const limit of LIMITS) rateLimited.inc({ limit }, 0);
  for (const status of SERVER_ERRORS) serverErrors.inc({ status }, 0);

  return {
    contentType: registry.contentType,
    render: () => registry.metrics(),
    recordRequest({ method: sentMethod, route, status, durationMs }) {
      const method = METHODS.has(sentMethod) ? sentMethod : 'other';
      requests.observe({ method, route, status: String(status) }, durationMs / 1000);
      if (status >= 500) serverErrors.inc({ status: String(status) });
    },
    recordRateLimited: (limit) => rateLimited.inc({ limit }),
    createCacheRecorder: (resource) => (outcome) => cacheRequests.inc({ resource, outcome }),
    upstream: createUpstreamMetrics(registers, { now }),
    redis: createRedisMetrics(registers),
    health: createHealthMetrics(registers),
  };
}
