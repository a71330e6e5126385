/**
 * Prometheus metrics. Every label has a closed set of values: templates of routes, codes of ours, names of
 * operations; never a user, a client or a key.
 */
import { collectDefaultMetrics, Counter, Registry } from 'prom-client';
import type { ObservedRequest } from '../http/middleware/request-context.ts';
import type { Freshness } from '../metadata/ports.ts';
import { BoundHistogram, children } from './metric-children.ts';
import { createHealthMetrics, type HealthMetrics } from './metrics-health.ts';
import { createRedisMetrics, type RedisMetrics } from './metrics-redis.ts';
import { createUpstreamMetrics, type UpstreamMetrics } from './metrics-upstream.ts';

export interface Metrics {
  readonly contentType: string;
  render(): Promise<string>;
  readonly request: (request: Pick<ObservedRequest, 'method' | 'route' | 'status' | 'durationMs'>) => void;
  /** A request that a limit refused. */
  limited(limit: Limit): void;
  /** What counts where the answers of a cache come from. */
  cacheReads(resource: 'user' | 'client'): (outcome: Freshness['kind']) => void;
  readonly upstream: UpstreamMetrics;
  readonly redis: RedisMetrics;
  readonly health: HealthMetrics;
}

interface Tally {
  readonly resource: 'user' | 'client';
  readonly outcome: Freshness['kind'];
  /** Since somebody looked. */
  count: number;
}

const LIMITS = ['reads', 'writes', 'auth-failures'] as const;
type Limit = (typeof LIMITS)[number];

/** Every status of a failure that is answered. */
const FAILURES = ['500', '502', '503', '504'];

const METHODS = new Set(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

export function createMetrics({ now }: { readonly now: () => number }): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new BoundHistogram({
    name: 'metadata_bff_http_request_duration_seconds',
    help: 'Time from a request to the end of its response.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.3, 1, 3, 10],
    registers,
  });
  /** Counted here, and added when somebody looks: to add one takes longer than to find what is held. */
  const answers: Tally[] = [];
  const reads: Counter = new Counter({
    name: 'metadata_bff_cache_requests_total',
    help: 'Reads of cached documents, by where the answer came from.',
    labelNames: ['resource', 'outcome'],
    registers,
    collect() {
      for (const tally of answers) {
        reads.labels(tally.resource, tally.outcome).inc(tally.count);
        tally.count = 0;
      }
    },
  });
  const failures = new Counter({
    name: 'metadata_bff_http_server_errors_total',
    help: 'Requests answered with a status of 500 or above.',
    labelNames: ['status'],
    registers,
  });
  const refusals = new Counter({
    name: 'metadata_bff_rate_limited_total',
    help: 'Requests refused by a rate limit: reads or writes of a user, or failed authentication of an address.',
    labelNames: ['limit'],
    registers,
  });
  const request = children((method: string, route: string, status: string) =>
    requests.child({ method, route, status }),
  );

  // From the start, so that the first refusal is an increase that an alert can see.
  for (const limit of LIMITS) refusals.inc({ limit }, 0);
  for (const status of FAILURES) failures.inc({ status }, 0);

  return {
    contentType: registry.contentType,
    render: () => registry.metrics(),
    request({ method, route, status, durationMs }) {
      request(METHODS.has(method) ? method : 'other', route, String(status))(durationMs / 1000);
      if (status >= 500) failures.inc({ status: String(status) });
    },
    limited: (limit) => refusals.inc({ limit }),
    cacheReads(resource) {
      const answer = children((outcome: Freshness['kind']) => {
        const tally = { resource, outcome, count: 0 };
        answers.push(tally);
        return tally;
      });
      return (outcome) => {
        answer(outcome).count += 1;
      };
    },
    upstream: createUpstreamMetrics(registers, { now }),
    redis: createRedisMetrics(registers),
    health: createHealthMetrics(registers),
  };
}
