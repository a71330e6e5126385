/**
 * Prometheus metrics. Every label has a closed set of values: route templates, error codes, names of
 * operations. No label names a user, a client or a key.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { BreakerState, TenantObserver } from '../auth0/tenant.ts';
import type { LimitName } from '../http/middleware/rate-limit.ts';
import type { ObservedRequest } from '../http/middleware/request-context.ts';
import type { KeyObserver, KeyState } from '../identity/signing-keys.ts';
import { AppError } from '../lib/app-error.ts';
import { type HttpClient, HttpFailure } from '../lib/http-client.ts';
import type { Bucket } from '../auth0/request-scheduler.ts';
import type { ClientDirectory, Freshness, Priority, UserDirectory, WriteLock } from '../metadata/ports.ts';
import type { RedisConnection } from '../redis/connection.ts';
import { RedisRefused, RedisUnavailable } from '../redis/script.ts';
import type { ReadinessCheck } from './readiness.ts';

// Metrics of the service's health: checks, key sets of the issuers, change stream, SSE connections and audit.

interface HealthMetrics extends KeyObserver {
  /** Adds the metrics of the change stream. @returns a function that counts an event by its outcome. */
  registerChangeStream(getLagSeconds: () => number): (outcome: string) => void;
  registerChecks(checks: readonly ReadinessCheck[]): void;
  registerSseConnections(getCount: () => number): void;
  registerKeyState(getState: () => KeyState): void;
  recordAuditDropped(events: number): void;
}

function createHealthMetrics(registers: Registry[]): HealthMetrics {
  const lookups = new Counter({
    name: 'metadata_bff_jwks_cache_requests_total',
    help: 'Lookups in the cached key sets of the issuers, by what was cached: fresh or stale keys, none (missing), or none with this key id (unknown).',
    labelNames: ['outcome'],
    registers,
  });
  const fetches = new Counter({
    name: 'metadata_bff_jwks_fetches_total',
    help: 'Fetches of key sets from the issuers, by outcome (ok or failed).',
    labelNames: ['outcome'],
    registers,
  });
  const dropped = new Counter({
    name: 'metadata_bff_audit_events_dropped_total',
    help: 'Audit events dropped because the audit file could not be written and the queue was full.',
    registers,
  });

  return {
    registerChangeStream(getLagSeconds) {
      const events = new Counter({
        name: 'metadata_bff_change_stream_events_total',
        help: 'Events of the change stream, by outcome (evicted, known, ignored or malformed).',
        labelNames: ['outcome'],
        registers,
      });
      const lag: Gauge = new Gauge({
        name: 'metadata_bff_change_stream_lag_seconds',
        help: 'Time from the latest change to its eviction, or since the stream was lost. 0 on replicas that do not consume it.',
        registers,
        collect: () => lag.set(getLagSeconds()),
      });
      for (const outcome of ['evicted', 'known', 'ignored', 'malformed']) events.inc({ outcome }, 0);
      return (outcome) => events.inc({ outcome });
    },
    registerChecks(checks) {
      const passing: Gauge = new Gauge({
        name: 'metadata_bff_health_check_status',
        help: '1 for each check of /readyz that passes, else 0.',
        labelNames: ['check'],
        registers,
        collect() {
          for (const { name, passing: passes } of checks) passing.labels(name).set(passes() ? 1 : 0);
        },
      });
    },
    registerSseConnections(getCount) {
      const connections: Gauge = new Gauge({
        name: 'metadata_bff_sse_connections',
        help: 'Open connections to /me/events.',
        registers,
        collect: () => connections.set(getCount()),
      });
    },
    registerKeyState(getState) {
      const keyState: Gauge = new Gauge({
        name: 'metadata_bff_jwks_state',
        help: '1 for the state of the cached key sets: fresh, stale (the refresh is overdue) or none. The worst of several issuers.',
        labelNames: ['state'],
        registers,
        collect() {
          const current = getState();
          for (const known of ['fresh', 'stale', 'none'])
            keyState.labels(known).set(known === current ? 1 : 0);
        },
      });
    },
    onLookup: (outcome) => lookups.inc({ outcome }),
    onFetch: (outcome) => fetches.inc({ outcome }),
    recordAuditDropped: (events) => dropped.inc(events),
  };
}

// Metrics of Redis and of the write lock. Without Redis, only those of the lock exist.

interface RedisMetrics {
  /** Adds the gauge `redis_up`. */
  registerRedis(healthy: () => boolean): void;
  /** Returns a connection that measures its commands. */
  withRedisMetrics(redis: RedisConnection): RedisConnection;
  /** Counts a write that was made without the shared lock. */
  recordUnlockedWrite(): void;
  /** Counts an outage of Redis by its error code. */
  recordUnavailable(reason: Error): void;
  /** Returns a lock that measures the waits for it and counts its failures. */
  withLockMetrics(lock: WriteLock): WriteLock;
}

/** Series that begin at 0, so that `increase()` in an alert sees the first outage. */
const OUTAGE_CODES = [
  'unreachable',
  'READONLY',
  'NOPERM',
  'WRONGPASS',
  'NOAUTH',
  'OOM',
  'MISCONF',
  'LOADING',
  'CLUSTERDOWN',
  'CROSSSLOT',
  'MOVED',
];

function createRedisMetrics(registers: Registry[]): RedisMetrics {
  const commands = new Histogram({
    name: 'metadata_bff_redis_command_duration_seconds',
    help: 'Duration of commands to Redis, by outcome (ok, timeout, failed, refused by Redis, or not_connected).',
    labelNames: ['outcome'],
    buckets: [0.000_5, 0.001, 0.005, 0.02, 0.1, 0.5],
    registers,
  });
  const waits = new Histogram({
    name: 'metadata_bff_write_lock_wait_seconds',
    help: 'Time that writes wait for the write lock of their user.',
    buckets: [0.001, 0.005, 0.02, 0.1, 0.3, 1, 3, 6],
    registers,
  });
  const failures = new Counter({
    name: 'metadata_bff_write_lock_failures_total',
    help: 'Write locks that were not granted in time (not_granted) or lost before the write (lost).',
    labelNames: ['reason'],
    registers,
  });
  // Counters begin at 0, so that `increase()` in an alert sees the first failure.
  const notGranted = failures.labels('not_granted');
  notGranted.inc(0);
  const lost = failures.labels('lost');
  lost.inc(0);
  const unlocked = new Counter({
    name: 'metadata_bff_unlocked_writes_total',
    help: 'Writes made without the shared lock, because Redis answered nothing for longer than a lock lasts.',
    registers,
  });
  const outages = new Counter({
    name: 'metadata_bff_redis_unavailable_total',
    help: 'Outages of Redis, by its error code, or `unreachable`.',
    labelNames: ['code'],
    registers,
  });
  for (const code of OUTAGE_CODES) outages.labels(code).inc(0);

  async function timed<T>(task: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    const observe = (outcome: string) =>
      commands.labels(outcome).observe((performance.now() - startedAt) / 1000);
    try {
      const reply = await task();
      observe('ok');
      return reply;
    } catch (error) {
      observe(classifyFailure(error));
      throw error;
    }
  }

  return {
    registerRedis(healthy) {
      const up: Gauge = new Gauge({
        name: 'metadata_bff_redis_up',
        help: '1 while Redis is connected and takes writes; only with `REDIS_URL`.',
        registers,
        collect: () => up.set(healthy() ? 1 : 0),
      });
    },
    recordUnlockedWrite: () => unlocked.inc(),
    recordUnavailable: (reason) =>
      outages.labels(reason instanceof RedisRefused ? reason.code : 'unreachable').inc(),
    withRedisMetrics: (redis) => ({
      ...redis,
      run: (script, keys, args) => timed(() => redis.run(script, keys, args)),
      runKnown: (script, keys, args) => timed(() => redis.runKnown(script, keys, args)),
      get: (key) => timed(() => redis.get(key)),
    }),
    withLockMetrics: (lock) => ({
      async withLock(userId, task) {
        const startedAt = performance.now();
        let granted = false;
        try {
          return await lock.withLock(userId, (lockHandle) => {
            granted = true;
            waits.observe((performance.now() - startedAt) / 1000);
            return task({
              ...lockHandle,
              refresh: () =>
                lockHandle.refresh().catch((error: unknown) => {
                  lost.inc();
                  throw error;
                }),
            });
          });
        } catch (error) {
          if (!granted) notGranted.inc();
          throw error;
        }
      },
    }),
  };
}

function classifyFailure(error: unknown): string {
  if (error instanceof RedisRefused) return 'refused';
  if (!(error instanceof RedisUnavailable) || error.sent) {
    return error instanceof RedisUnavailable && error.timedOut ? 'timeout' : 'failed';
  }
  return 'not_connected';
}

// Metrics of the Management API: operations, HTTP requests, request budget, circuit breaker and write batches.

interface UpstreamMetrics extends TenantObserver {
  /** Returns a directory that measures its operations and the number of writes that each PATCH carries. */
  withUserMetrics(directory: UserDirectory): UserDirectory;
  withClientMetrics(directory: ClientDirectory): ClientDirectory;
  /** Returns a client that counts every HTTP request, retries included. */
  withHttpMetrics(http: HttpClient): HttpClient;
  /** Counts a change that met another change of the same user. */
  recordConcurrentChange(): void;
  /** Adds the gauges of the budget, labelled by the name of each bucket. */
  registerBudget(buckets: ReadonlyMap<string, Pick<Bucket, 'estimate' | 'getSize'>>): void;
}

const OPERATIONS = ['users.read', 'users.change', 'clients.read'];
const PRIORITIES: readonly Priority[] = ['write', 'read', 'refresh'];
/** Statuses with which Auth0 rejects the document of a PATCH. */
const REJECTING: readonly string[] = ['400', '409', '413'];
const BREAKER_STATES: readonly BreakerState[] = ['closed', 'half_open', 'open'];

function createUpstreamMetrics(
  registers: Registry[],
  { now }: { readonly now: () => number },
): UpstreamMetrics {
  const operations = new Histogram({
    name: 'metadata_bff_upstream_operation_duration_seconds',
    help: 'Duration of operations at the Management API by outcome (ok or an error code), retries and waits included.',
    labelNames: ['operation', 'outcome'],
    buckets: [0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 2, 5, 10],
    registers,
  });
  const attempts = new Counter({
    name: 'metadata_bff_upstream_attempts_total',
    help: 'HTTP requests to Auth0, each retry counted, by class of status or kind of failure.',
    labelNames: ['operation', 'outcome'],
    registers,
  });
  const rejected = new Counter({
    name: 'metadata_bff_upstream_rejected_documents_total',
    help: 'Writes whose document Auth0 rejected, by status. The cause is the document of one user, not this service.',
    labelNames: ['status'],
    registers,
  });
  const concurrentChanges = new Counter({
    name: 'metadata_bff_concurrent_changes_total',
    help: 'Writes whose answer from Auth0 shows that the user was changed elsewhere after their document was read.',
    registers,
  });
  const batchSizes = new Histogram({
    name: 'metadata_bff_upstream_write_batch_size',
    help: 'Writes of callers that one PATCH at Auth0 carries.',
    buckets: [1, 2, 3, 5, 8, 13, 21, 50, 100],
    registers,
  });
  const waiting = new Gauge({
    name: 'metadata_bff_upstream_queue_length',
    help: 'Requests that wait for the request budget, by priority.',
    labelNames: ['priority'],
    registers,
  });
  const waits = new Histogram({
    name: 'metadata_bff_upstream_queue_wait_seconds',
    help: 'Time that requests wait for the request budget, by outcome (admitted or refused).',
    labelNames: ['priority', 'outcome'],
    buckets: [0.001, 0.01, 0.05, 0.2, 0.5, 1, 2, 5],
    registers,
  });
  const circuit = new Gauge({
    name: 'metadata_bff_circuit_breaker_state',
    help: '1 for the current state of the circuit breaker of the Management API (closed, half_open or open).',
    labelNames: ['state'],
    registers,
  });

  // Counters begin at 0, so that `increase()` in an alert sees the first refusal.
  for (const name of OPERATIONS) operations.zero({ operation: name, outcome: 'upstream_refused' });
  for (const name of [...OPERATIONS, 'oauth.token', 'issuer.keys']) attempts.labels(name, '429').inc(0);
  for (const priority of PRIORITIES) {
    for (const outcome of ['admitted', 'refused']) waits.zero({ priority, outcome });
  }
  for (const status of REJECTING) rejected.labels(status).inc(0);
  // Graphs show 0 instead of a gap.
  for (const priority of PRIORITIES) waiting.labels(priority).set(0);

  async function timed<T>(name: string, task: () => Promise<T>): Promise<T> {
    const startedAt = now();
    const observe = (outcome: string) =>
      operations.labels(name, outcome).observe(Math.max(0, now() - startedAt) / 1000);
    try {
      const result = await task();
      observe('ok');
      return result;
    } catch (error) {
      observe(error instanceof AppError ? error.code : 'internal');
      throw error;
    }
  }

  function setCircuitState(state: BreakerState): void {
    for (const known of BREAKER_STATES) circuit.labels(known).set(known === state ? 1 : 0);
  }
  setCircuitState('closed');

  return {
    withUserMetrics: (directory) => ({
      read: (userId, options) => timed('users.read', () => directory.read(userId, options)),
      change(userId, changes, options) {
        batchSizes.observe(options.batchSize ?? 1);
        return timed('users.change', () => directory.change(userId, changes, options));
      },
      clear(userId, options) {
        batchSizes.observe(options.batchSize ?? 1);
        return timed('users.change', () => directory.clear(userId, options));
      },
    }),
    withClientMetrics: (directory) => ({
      read: (clientId, options) => timed('clients.read', () => directory.read(clientId, options)),
    }),
    withHttpMetrics: (http) => ({
      close: () => http.close(),
      async send(request) {
        const { operation: name = 'other' } = request;
        try {
          const response = await http.send({
            ...request,
            async beforeRepeating() {
              attempts.labels(name, 'reset').inc();
              await request.beforeRepeating?.();
            },
          });
          attempts.labels(name, statusClass(response.status)).inc();
          const status = String(response.status);
          if (name === 'users.change' && REJECTING.includes(status)) rejected.labels(status).inc();
          return response;
        } catch (error) {
          attempts.labels(name, error instanceof HttpFailure ? error.kind : 'internal').inc();
          throw error;
        }
      },
    }),
    startWait(priority) {
      const startedAt = performance.now();
      waiting.labels(priority).inc();
      return (outcome) => {
        waiting.labels(priority).dec();
        waits.labels(priority, outcome).observe((performance.now() - startedAt) / 1000);
      };
    },
    recordConcurrentChange: () => concurrentChanges.inc(),
    setCircuitState,
    registerBudget(buckets) {
      const tokens: Gauge = new Gauge({
        name: 'metadata_bff_upstream_budget_remaining',
        help: 'Requests left in the budget, as this process last knew. Below 0 while Auth0 answers 429.',
        labelNames: ['bucket'],
        registers,
        collect() {
          for (const [name, bucket] of buckets) tokens.labels(name).set(bucket.estimate());
        },
      });
      const burst: Gauge = new Gauge({
        name: 'metadata_bff_upstream_budget_capacity',
        help: 'Size of the budget. 10000 until UPSTREAM_BUDGET or Auth0 names one.',
        labelNames: ['bucket'],
        registers,
        collect() {
          for (const [name, bucket] of buckets) burst.labels(name).set(bucket.getSize().burst);
        },
      });
    },
  };
}

/** 429 has a class of its own, because the budget exists to prevent it. */
function statusClass(status: number): string {
  return status === 429 ? '429' : `${Math.floor(status / 100)}xx`;
}

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
