/** Metrics of the Management API: operations, HTTP requests, request budget, circuit breaker and write batches. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { BreakerState, TenantObserver } from '../auth0/tenant.ts';
import { AppError } from '../lib/app-error.ts';
import { type HttpClient, HttpFailure } from '../lib/http-client.ts';
import type { Bucket } from '../lib/token-bucket.ts';
import type { ClientDirectory, Priority, UserDirectory } from '../metadata/ports.ts';

export interface UpstreamMetrics extends TenantObserver {
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

export function createUpstreamMetrics(
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
