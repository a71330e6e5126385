/** Metrics of what is asked of the tenant: operations, requests on the wire, the budget, the breaker, folding. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { AppError } from '../lib/app-error.ts';
import { type HttpClient, HttpFailure } from '../lib/http-client.ts';
import type { Bucket } from '../lib/token-bucket.ts';
import type { ClientDirectory, Priority, UserDirectory } from '../metadata/ports.ts';
import { children } from './metric-children.ts';

export interface UpstreamMetrics {
  /** The same directory, counting its operations, and how many writes each change stands for. */
  countingDirectory(directory: UserDirectory): UserDirectory;
  countingClients(directory: ClientDirectory): ClientDirectory;
  /** The same client, counting what goes over the wire, repetitions included. */
  countingHttp(http: HttpClient): HttpClient;
  /** Somebody asks the governor. The function answered is to be told how that ended. */
  admission(priority: Priority): (outcome: 'admitted' | 'refused') => void;
  breaker(state: string): void;
  /** Begins to tell of the budget, by the name of each bucket. */
  watchBudget(buckets: ReadonlyMap<string, Pick<Bucket, 'estimate' | 'size'>>): void;
}

const OPERATIONS = ['users.read', 'users.change', 'clients.read'];
const URGENCIES: readonly Priority[] = ['write', 'read', 'refresh'];
/** Statuses of a change with which Auth0 refuses its document. */
const REJECTING: readonly string[] = ['400', '409', '413'];
const BREAKER_STATES = ['closed', 'half_open', 'open'];

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
  const folding = new Histogram({
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
  const admissions = new Histogram({
    name: 'metadata_bff_upstream_queue_wait_seconds',
    help: 'Time that requests wait for the request budget, by outcome (admitted or refused).',
    labelNames: ['priority', 'outcome'],
    buckets: [0.001, 0.01, 0.05, 0.2, 0.5, 1, 2, 5],
    registers,
  });
  const breaker = new Gauge({
    name: 'metadata_bff_circuit_breaker_state',
    help: '1 for the current state of the circuit breaker of the Management API (closed, half_open or open).',
    labelNames: ['state'],
    registers,
  });

  const operation = children((name: string, outcome: string) => operations.labels(name, outcome));
  const attempt = children((name: string, outcome: string) => attempts.labels(name, outcome));
  const admission = children((priority: string, outcome: string) => admissions.labels(priority, outcome));
  const waits = children((priority: string) => waiting.labels(priority));
  // So that a first refusal is an increase that an alert can see, and not a series out of nowhere.
  for (const name of OPERATIONS) operations.zero({ operation: name, outcome: 'upstream_refused' });
  for (const name of [...OPERATIONS, 'oauth.token', 'issuer.keys']) attempt(name, '429').inc(0);
  for (const urgency of URGENCIES) {
    for (const outcome of ['admitted', 'refused']) admissions.zero({ priority: urgency, outcome });
  }
  for (const status of REJECTING) rejected.labels(status).inc(0);
  // So that a graph shows nothing where there is nothing, in place of a gap.
  for (const priority of URGENCIES) waits(priority).set(0);

  async function timed<T>(name: string, task: () => Promise<T>): Promise<T> {
    const startedAt = now();
    const observe = (outcome: string) =>
      operation(name, outcome).observe(Math.max(0, now() - startedAt) / 1000);
    try {
      const result = await task();
      observe('ok');
      return result;
    } catch (error) {
      observe(error instanceof AppError ? error.code : 'internal');
      throw error;
    }
  }

  function breakerIs(state: string): void {
    for (const known of BREAKER_STATES) breaker.labels(known).set(known === state ? 1 : 0);
  }
  breakerIs('closed');

  return {
    countingDirectory: (directory) => ({
      read: (userId, options) => timed('users.read', () => directory.read(userId, options)),
      change(userId, changes, options) {
        folding.observe(options.batchSize ?? 1);
        return timed('users.change', () => directory.change(userId, changes, options));
      },
      clear(userId, options) {
        folding.observe(options.batchSize ?? 1);
        return timed('users.change', () => directory.clear(userId, options));
      },
    }),
    countingClients: (directory) => ({
      read: (clientId, options) => timed('clients.read', () => directory.read(clientId, options)),
    }),
    countingHttp: (http) => ({
      close: () => http.close(),
      async send(request) {
        const { operation: name = 'other' } = request;
        try {
          const response = await http.send({
            ...request,
            async beforeRepeating() {
              attempt(name, 'reset').inc();
              await request.beforeRepeating?.();
            },
          });
          attempt(name, statusClass(response.status)).inc();
          const status = String(response.status);
          if (name === 'users.change' && REJECTING.includes(status)) rejected.labels(status).inc();
          return response;
        } catch (error) {
          attempt(name, error instanceof HttpFailure ? error.kind : 'internal').inc();
          throw error;
        }
      },
    }),
    admission(priority) {
      const startedAt = performance.now();
      waits(priority).inc();
      return (outcome) => {
        waits(priority).dec();
        admission(priority, outcome).observe((performance.now() - startedAt) / 1000);
      };
    },
    breaker: breakerIs,
    watchBudget(buckets) {
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
          for (const [name, bucket] of buckets) burst.labels(name).set(bucket.size().burst);
        },
      });
    },
  };
}

/** 429 for itself: it is what the budget is there to prevent. */
function statusClass(status: number): string {
  return status === 429 ? '429' : `${Math.floor(status / 100)}xx`;
}
