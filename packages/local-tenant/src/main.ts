#!/usr/bin/env node
/**
 * Starts a local tenant from the command line (`npm run tenant`) and stops it on SIGINT or SIGTERM.
 */
import { describeIssues } from './control-errors.ts';
import { parseEnvironment } from './environment.ts';
import { startTenant, type Tenant } from './tenant.ts';

const USAGE = `Usage: local-tenant

Starts a local Auth0 tenant. Variables of the environment set it up:

  TENANT_PORT             the port (4400)
  TENANT_PLAN             unlimited, free, self-service, enterprise-nonprod or enterprise (unlimited)
  TENANT_ACTIONS          files with post-login Actions, separated by commas
  TENANT_LATENCY_MS       the delay of each Management API response (0)
  TENANT_EVENTS_CYCLE_MS  after how long a stream of the Events API is closed (300000)`;

const USAGE_EXIT_CODE = 2;

const [argument] = process.argv.slice(2);
const environment = parseEnvironment(process.env);
if (argument === '--help' || argument === '-h') console.log(USAGE);
else if (argument !== undefined) {
  // An option that is passed over, such as a port, would start another tenant than the one meant.
  console.error('local-tenant takes no arguments. See local-tenant --help.');
  process.exitCode = USAGE_EXIT_CODE;
} else if (environment.success) {
  const { port } = environment.data;
  startTenant(environment.data).then(
    (tenant) => run(tenant, environment.data),
    (cause: unknown) => fail(toStartError(cause, port)),
  );
} else {
  fail(`The local tenant cannot start: ${describeIssues(environment.error)}`);
}

function run(tenant: Tenant, { plan, latencyMs }: { plan: string; latencyMs: number }): void {
  console.log(`Local tenant on ${tenant.url} (plan ${plan}, latency ${latencyMs} ms)
  issuer               ${tenant.issuer}
  API audience         ${tenant.apiAudience}
  Management audience  ${tenant.managementAudience}
  users                jane@example.com, omar@example.com (password: local)
  applications         local-spa (browser), local-bff (secret: local-secret)
  control endpoints    ${tenant.url}/_local/{token,users,calls,faults,keys/rotate,reset}

A service that runs against it needs:
${Object.entries(tenant.env)
  .map(([name, value]) => `  ${name}=${value}`)
  .join('\n')}`);
  const stop = async () => {
    await tenant.stop();
    process.exitCode = 0;
  };
  process.once('SIGINT', () => void stop());
  process.once('SIGTERM', () => void stop());
}

function toStartError(cause: unknown, port: number): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'EADDRINUSE') return `The local tenant cannot start: port ${port} is taken (set TENANT_PORT)`;
  if (code === 'EACCES')
    return `The local tenant cannot start: port ${port} is not permitted (set TENANT_PORT)`;
  return `The local tenant cannot start: ${cause instanceof Error ? cause.message : String(cause)}`;
}

function fail(message: string): void {
  console.error(message);
  process.exitCode = 1;
}
