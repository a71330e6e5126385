/** What of the demo can be set by the environment: its four ports, the tenant's plan and latency, and the log level. */
import { describeIssues } from '../tenant/control-errors.ts';
import { parseEnvironment } from '../tenant/environment.ts';
import { DemoError } from './demo-error.ts';

export interface DemoSettings {
  readonly tenant: NonNullable<ReturnType<typeof parseEnvironment>['data']>;
  readonly port: number;
  readonly opsPort: number;
  readonly webPort: number;
  readonly logLevel: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads `TENANT_PORT` (4400), `PORT` (3000), `OPS_PORT` (9400), `WEB_PORT` (5173), `TENANT_PLAN`,
 * `TENANT_LATENCY_MS` and `LOG_LEVEL` (warn, so that the instructions stay in sight). A port of 0 takes any free one.
 * @throws DemoError naming the variable at fault.
 */
export function readSettings(environment: Environment): DemoSettings {
  const tenant = parseEnvironment(environment);
  if (!tenant.success) throw new DemoError(describeIssues(tenant.error));
  return {
    tenant: tenant.data,
    port: portOf(environment, 'PORT', 3000),
    opsPort: portOf(environment, 'OPS_PORT', 9400),
    webPort: portOf(environment, 'WEB_PORT', 5173),
    logLevel: environment['LOG_LEVEL'] || 'warn',
  };
}

function portOf(environment: Environment, name: string, fallback: number): number {
  const text = environment[name] || String(fallback);
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) {
    throw new DemoError(`${name}: must be a whole number from 0 to 65535`);
  }
  return Number(text);
}
