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
    name: 'metadata_bff_signing_key_lookups_total',
    help: 'Looks at the issuer’s keys, for a token not seen before or to keep them fresh, by what was held: fresh or stale keys, none (missing), or only others (unknown).',
    labelNames: ['outcome'],
    registers,
  });
  const fetches = new Counter({
    name: 'metadata_bff_signing_key_fetches_total',
    help: 'Fetches of the issuer’s keys by outcome (ok or failed).',
    labelNames: ['outcome'],
    registers,
  });
  const lost = new Counter({
    name: 'metadata_bff_audit_lines_lost_total',
    help: 'Lines of the audit that could not be kept until the disk took them.',
    registers,
  });
  const lookup = children((outcome: string) => lookups.labels(outcome));
  const fetched = children((outcome: string) => fetches.labels(outcome));

  return {
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
      const event = children((outcome: string) => events.labels(outcome));
      for (const outcome of ['evicted', 'ignored', 'malformed']) event(outcome).inc(0);
      return (outcome) => event(outcome).inc();
    },
    watchChecks(checks) {
      const passing: Gauge = new Gauge({
        name: 'metadata_bff_check_passing',
        help: '1 for each check of /readyz that is ok.',
        labelNames: ['check'],
        registers,
        collect() {
          for (const { name, passing: passes } of checks) passing.labels(name).set(passes() ? 1 : 0);
        },
      });
    },
    watchStreams(open) {
      const streams: Gauge = new Gauge({
        name: 'metadata_bff_event_streams',
        help: 'Streams of /me/events that are open.',
        registers,
        collect: () => streams.set(open()),
      });
    },
    watchKeys(state) {
      const held: Gauge = new Gauge({
        name: 'metadata_bff_signing_keys',
        help: '1 for the state of the issuer’s keys held: fresh, stale (their renewal is overdue) or none.',
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
