/** Metrics of what the service rests on: its checks, the issuer's keys, the change feed, open streams, the audit. */
import { Counter, Gauge, type Registry } from 'prom-client';
import { children } from './metric-children.ts';
import type { ReadinessCheck } from './readiness.ts';

/** `missing`: no key that will do; `unknown`: a key id that is not among those held. */
export type KeyLookup = 'fresh' | 'stale' | 'missing' | 'unknown';

export interface HealthMetrics {
  /** Begins to tell of the change feed. Answers what counts its events. */
  watchFeed(lagSeconds: () => number): (outcome: string) => void;
  watchChecks(checks: readonly ReadinessCheck[]): void;
  watchStreams(open: () => number): void;
  watchKeys(state: () => 'fresh' | 'stale' | 'none'): void;
  keyLookup(outcome: KeyLookup): void;
  keyFetch(outcome: 'ok' | 'failed'): void;
  auditLost(lines: number): void;
}

export function createHealthMetrics(registers: Registry[]): HealthMetrics {
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
  const lost = new Counter({
    name: 'metadata_bff_audit_events_dropped_total',
    help: 'Audit events dropped because the audit file could not be written and the queue was full.',
    registers,
  });
  const lookup = children((outcome: string) => lookups.labels(outcome));
  const fetched = children((outcome: string) => fetches.labels(outcome));

  return {
    watchFeed(lagSeconds) {
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
        collect: () => lag.set(lagSeconds()),
      });
      const event = children((outcome: string) => events.labels(outcome));
      for (const outcome of ['evicted', 'ignored', 'malformed']) event(outcome).inc(0);
      return (outcome) => event(outcome).inc();
    },
    watchChecks(checks) {
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
    watchStreams(open) {
      const streams: Gauge = new Gauge({
        name: 'metadata_bff_sse_connections',
        help: 'Open connections to /me/events.',
        registers,
        collect: () => streams.set(open()),
      });
    },
    watchKeys(state) {
      const held: Gauge = new Gauge({
        name: 'metadata_bff_jwks_state',
        help: '1 for the state of the cached key sets: fresh, stale (the refresh is overdue) or none. The worst of several issuers.',
        labelNames: ['state'],
        registers,
        collect() {
          const current = state();
          for (const known of ['fresh', 'stale', 'none']) held.labels(known).set(known === current ? 1 : 0);
        },
      });
    },
    keyLookup: (outcome) => lookup(outcome).inc(),
    keyFetch: (outcome) => fetched(outcome).inc(),
    auditLost: (lines) => lost.inc(lines),
  };
}
