/**
 * Prometheus metrics. Every label has a closed set of values: templates of routes, codes of ours, names of
 * operations; never a user, a client or a key.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { AppError } from '../lib/app-error.ts';
import type { ClientDirectory, ReadCache, UserDirectory } from '../metadata/ports.ts';

export interface Metrics {
  readonly contentType: string;
  render(): Promise<string>;
  request(method: string, route: string, status: number, durationMs: number): void;
  /** A request that a limit refused. */
  limited(limit: string): void;
  /** The same directory, counting its operations. */
  countingDirectory(directory: UserDirectory): UserDirectory;
  countingClients(directory: ClientDirectory): ClientDirectory;
  /** The same cache, counting where its answers come from. */
  countingCache<V>(resource: 'user' | 'client', cache: ReadCache<V>): ReadCache<V>;
  /** Begins to tell of the change feed. Answers what counts its events. */
  watchFeed(lagSeconds: () => number): (outcome: string) => void;
}

const METHODS = new Set(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

export function createMetrics({ now }: { readonly now: () => number }): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'metadata_bff_http_request_duration_seconds',
    help: 'Time from the request to the end of its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.3, 1, 3, 10],
    registers,
  });
  const reads = new Counter({
    name: 'metadata_bff_cache_reads_total',
    help: 'Reads of profiles by where the answer came from.',
    labelNames: ['resource', 'outcome'],
    registers,
  });
  const upstream = new Histogram({
    name: 'metadata_bff_upstream_duration_seconds',
    help: 'Operations at the Management API by outcome (ok or an error code).',
    labelNames: ['operation', 'outcome'],
    buckets: [0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 2, 5, 10],
    registers,
  });
  const refusals = new Counter({
    name: 'metadata_bff_rate_limited_total',
    help: 'Requests refused by a limit: reads or writes of a user, or failed authentication of an address.',
    labelNames: ['limit'],
    registers,
  });

  async function timed<T>(operation: string, task: () => Promise<T>): Promise<T> {
    const startedAt = now();
    const observe = (outcome: string) =>
      upstream.observe({ operation, outcome }, Math.max(0, now() - startedAt) / 1000);
    try {
      const result = await task();
      observe('ok');
      return result;
    } catch (error) {
      observe(error instanceof AppError ? error.code : 'internal');
      throw error;
    }
  }

  return {
    contentType: registry.contentType,
    render: () => registry.metrics(),
    request(method, route, status, durationMs) {
      const labels = { method: METHODS.has(method) ? method : 'other', route, status };
      requests.observe(labels, durationMs / 1000);
    },
    limited: (limit) => refusals.inc({ limit }),
    watchFeed(lagSeconds) {
      const events = new Counter({
        name: 'metadata_bff_feed_events_total',
        help: 'Events of the change feed by what became of them.',
        labelNames: ['outcome'],
        registers,
      });
      const lag: Gauge = new Gauge({
        name: 'metadata_bff_feed_lag_seconds',
        help: 'Time from the latest change to its eviction, or since the feed was lost; 0 where it is not consumed.',
        registers,
        collect: () => lag.set(lagSeconds()),
      });
      return (outcome) => events.inc({ outcome });
    },
    countingDirectory: (directory) => ({
      read: (userId, options) => timed('users.read', () => directory.read(userId, options)),
      change: (userId, changes, options) =>
        timed('users.change', () => directory.change(userId, changes, options)),
    }),
    countingClients: (directory) => ({
      read: (clientId, options) => timed('clients.read', () => directory.read(clientId, options)),
    }),
    countingCache: <V>(resource: 'user' | 'client', cache: ReadCache<V>): ReadCache<V> => ({
      async read(userId, options) {
        const read = await cache.read(userId, options);
        reads.inc({ resource, outcome: read.freshness.kind });
        return read;
      },
      peek: (userId) => cache.peek(userId),
      invalidate: (userId) => cache.invalidate(userId),
      invalidateUnless: (userId, isKnown) => cache.invalidateUnless(userId, isKnown),
      change: (userId, send) => cache.change(userId, send),
      watch: (userId, listener) => cache.watch(userId, listener),
    }),
  };
}
