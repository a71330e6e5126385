/**
 * `npm run dev`: the local tenant, and the service before it, which restarts after each change of a file that it has
 * imported. Both run from their sources, without a type check.
 *
 * The tenant runs in this process and keeps its state. Any variable of the service can be set, but for those that name
 * a tenant: credentials of a real one must not meet the local one.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

await import('./typescript.js');
const { describeIssues } = await import('../packages/local-tenant/src/control-errors.ts');
const { parseEnvironment } = await import('../packages/local-tenant/src/environment.ts');
const { startTenant } = await import('../packages/local-tenant/src/tenant.ts');
const { openPort } = await import('../demo/ports.ts');

const settings = parseEnvironment(process.env);
if (!settings.success) fail(describeIssues(settings.error));
const tenant = await openPort(settings.data.port, 'TENANT_PORT', (port) =>
  startTenant({ ...settings.data, port }),
).catch((error) => fail(error.message));

const NAMES_OF_A_TENANT = new Set([
  'AUTH0_DOMAIN',
  'AUTH0_CLIENT_SECRET_FILE',
  'AUTH0_CLIENT_SIGNING_KEY_PATH',
  'JWKS_URI',
]);
const inherited = Object.entries(process.env).filter(([name]) => !NAMES_OF_A_TENANT.has(name));
const environment = {
  HOST: '127.0.0.1',
  CORS_ORIGINS: 'http://localhost:5173',
  AUTH0_EVENTS: 'true',
  POLICY_FILE: pathOf('../demo/policy.json'),
  ...Object.fromEntries(inherited),
  AUDIENCE: tenant.apiAudience,
  ISSUER_BASE_URL: tenant.url,
  AUTH0_MANAGEMENT_URL: tenant.url,
  AUTH0_CLIENT_ID: 'local-bff',
  AUTH0_CLIENT_SECRET: 'local-secret',
};

console.log(`Local tenant on ${tenant.url}. A token for its user Jane:
  curl -s ${tenant.url}/_local/token -H 'Content-Type: application/json' \\
    -d '{"sub":"auth0|jane","scope":"read:metadata update:metadata"}'`);

const options = ['--watch', '--watch-preserve-output', '--import', new URL('typescript.js', import.meta.url)];
const service = spawn(process.execPath, [...options.map(String), pathOf('../src/main.ts')], {
  stdio: 'inherit',
  env: environment,
});

let isStopping = false;
async function stop(exitCode) {
  // npm passes a terminal's Ctrl-C on, so that it arrives twice.
  if (isStopping) return;
  isStopping = true;
  service.kill('SIGTERM');
  await tenant.stop();
  process.exitCode = exitCode;
}
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void stop(0));
// The watcher does not end by itself, whatever becomes of the service.
service.once('exit', () => void stop(1));

function pathOf(name) {
  return fileURLToPath(new URL(name, import.meta.url));
}

function fail(message) {
  console.error(`The local tenant cannot start: ${message}`);
  process.exit(1);
}
