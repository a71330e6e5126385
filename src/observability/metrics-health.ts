/** Metrics of the service's health: checks, key sets of the issuers, change stream, SSE connections and audit. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { KeyObserver, KeyState } from '../identity/signing-keys.ts';
import type { ReadinessCheck } from './readiness.ts';

export interface HealthMetrics extends KeyObserver {
  /** Adds the metrics of the change stream. @returns a function that counts an event by its outcome. */
  registerChangeStream(getLagSeconds: () => number): (outcome: string) => void;
  registerChecks(checks: readonly ReadinessCheck[]): void;
  registerSseConnections(getCount: () => number): void;
  registerKeyState(getState: () => KeyState): void;
  recordAuditDropped(events: number): void;
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
