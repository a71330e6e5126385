/**
 * What of the demo can be set by the environment: its four ports, the tenant's plan and latency, the log level, whether
 * the page uses DPoP, and a real tenant and service for the page in place of the local ones.
 */
import { describeIssues } from '../packages/local-tenant/src/control-errors.ts';
import { parseEnvironment } from '../packages/local-tenant/src/environment.ts';
import { DemoError } from './demo-error.ts';

export interface DemoSettings {
  readonly tenant: NonNullable<ReturnType<typeof parseEnvironment>['data']>;
  readonly port: number;
  readonly opsPort: number;
  readonly webPort: number;
  readonly logLevel: string;
  /** Origins of other pages that may call the service, separated by commas, as the service reads them. */
  readonly corsOrigins: string;
  readonly useDpop: boolean;
  /** Where the page logs in and what it calls, if not what runs here. */
  readonly elsewhere: Elsewhere | undefined;
}

export interface Elsewhere {
  readonly domain: string;
  readonly clientId: string;
  readonly audience: string;
  readonly apiBaseUrl: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads `TENANT_PORT` (4400), `PORT` (3000), `OPS_PORT` (9400), `WEB_PORT` (5173), `TENANT_PLAN`,
 * `TENANT_LATENCY_MS`, `LOG_LEVEL` (warn, so that the instructions stay in sight), `CORS_ORIGINS` and `WEB_DPOP`. A port of 0 takes any
 * free one. With `WEB_AUTH0_DOMAIN`, `WEB_AUTH0_CLIENT_ID`, `WEB_AUDIENCE` and `WEB_API_URL`, only the page is served.
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
    corsOrigins: environment['CORS_ORIGINS'] ?? '',
    useDpop: environment['WEB_DPOP'] === 'true',
    elsewhere: elsewhereIn(environment),
  };
}

function portOf(environment: Environment, name: string, fallback: number): number {
  const text = environment[name] || String(fallback);
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) {
    throw new DemoError(`${name}: must be a whole number from 0 to 65535`);
  }
  return Number(text);
}

function elsewhereIn(environment: Environment): Elsewhere | undefined {
  const [domain, clientId, audience, apiBaseUrl] = [
    'WEB_AUTH0_DOMAIN',
    'WEB_AUTH0_CLIENT_ID',
    'WEB_AUDIENCE',
    'WEB_API_URL',
  ].map((name) => environment[name] || undefined);
  if (!domain && !clientId && !audience && !apiBaseUrl) return undefined;
  if (!domain || !clientId || !audience || !apiBaseUrl) {
    throw new DemoError(
      'WEB_AUTH0_DOMAIN, WEB_AUTH0_CLIENT_ID, WEB_AUDIENCE and WEB_API_URL: give all or none',
    );
  }
  const origin = /^https?:\/\//.test(domain) ? domain : `https://${domain}`;
  return { domain: origin, clientId, audience, apiBaseUrl: apiBaseUrl.replace(/\/+$/, '') };
}
