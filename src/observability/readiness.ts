/**
 * Whether this process should get requests. An outage of the tenant degrades it and does not take it out
 * of the fleet: what is cached is still served, and every other replica would leave with it.
 */
export type CheckState = 'ok' | 'failing';

export interface ReadinessCheck {
  readonly name: string;
  /** A critical check that fails makes the process not ready. */
  readonly critical: boolean;
  /** Answers at once from what is known. Makes no request. */
  readonly passing: () => boolean;
}

export interface ReadinessReport {
  readonly status: 'ready' | 'degraded' | 'not_ready' | 'draining';
  /** Whether requests are welcome: ready or degraded. */
  readonly serves: boolean;
  readonly checks: Readonly<Record<string, CheckState>>;
}

export interface Readiness {
  report(): ReadinessReport;
  /** From now on the process asks for no more requests. */
  drain(): void;
}

export function createReadiness(checks: readonly ReadinessCheck[]): Readiness {
  let draining = false;
  return {
    report() {
      const results = checks.map((check) => ({ ...check, ok: check.passing() }));
      const states = results.map(({ name, ok }) => [name, ok ? 'ok' : 'failing'] as const);
      const notReady = results.some(({ critical, ok }) => critical && !ok);
      const degraded = results.some(({ ok }) => !ok);
      const state = notReady ? 'not_ready' : degraded ? 'degraded' : 'ready';
      const status = draining ? 'draining' : state;
      return { status, serves: !draining && !notReady, checks: Object.fromEntries(states) };
    },
    drain() {
      draining = true;
    },
  };
}
