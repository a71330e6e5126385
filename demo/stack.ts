/**
 * The demo's three parts, each knowing the addresses of the others: the local tenant, the proxy as it is shipped, and
 * the web server of the page. Either all of them run, or none is left behind.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../config/load.ts';
import { loadPolicy } from '../config/policy.ts';
import { createClaimsAction } from '../src/commands/claims-action.ts';
import { createService } from '../src/composition/service.ts';
import { openListener } from '../packages/local-tenant/src/listener.ts';
import { startTenant, type Tenant } from '../packages/local-tenant/src/tenant.ts';
import { packageRoot } from './package-root.ts';
import { renderDocsNote } from './instructions.ts';
import { assertPortFree, openPort } from './ports.ts';
import type { DemoSettings, Elsewhere } from './settings.ts';
import { createWebApp } from './web-app.ts';

export interface ServedPage {
  readonly pageUrl: string;
  /** Stops everything and frees all ports. */
  stop(): Promise<void>;
}

export interface Demo extends ServedPage {
  readonly apiUrl: string;
  readonly opsUrl: string;
  readonly tenantUrl: string;
}

const LOOPBACK = '127.0.0.1';
const POLICY_PATH = join(packageRoot(import.meta.dirname), 'demo', 'policy.json');
const SCOPE = 'openid profile email read:metadata update:metadata read:app_metadata';

/** The page alone, for a tenant and a service that run elsewhere. @throws DemoError for a port that is taken. */
export async function startPage(
  { webPort, useDpop }: DemoSettings,
  elsewhere: Elsewhere,
): Promise<ServedPage> {
  const web = await openPort(webPort, 'WEB_PORT', openListener);
  web.serve(createWebApp({ ...elsewhere, scope: SCOPE, useDpop }));
  return { pageUrl: `http://localhost:${web.port}`, stop: () => web.close() };
}

/** Starts all parts. @throws DemoError for a port that is taken; whatever had started is stopped before that. */
export async function startDemo(settings: DemoSettings): Promise<Demo> {
  const stops: Array<() => Promise<void>> = [];
  const stop = async () => {
    await Promise.all(stops.splice(0).map((stopPart) => stopPart()));
  };
  try {
    const tenant = await openPort(settings.tenant.port, 'TENANT_PORT', (port) =>
      startTenant({ ...settings.tenant, actions: [...readActions(), ...settings.tenant.actions], port }),
    );
    stops.push(() => tenant.stop());

    const web = await openPort(settings.webPort, 'WEB_PORT', openListener);
    stops.push(() => web.close());
    const pageUrl = `http://localhost:${web.port}`;

    await assertPortFree(settings.port, 'PORT');
    await assertPortFree(settings.opsPort, 'OPS_PORT');
    const service = await createService(proxyConfig(settings, tenant, pageUrl));
    stops.push(() => service.stop());
    const { port, opsPort } = await service.start();
    const apiUrl = `http://localhost:${port}`;

    web.serve(
      createWebApp({
        domain: tenant.url,
        clientId: 'local-spa',
        audience: tenant.apiAudience,
        apiBaseUrl: apiUrl,
        scope: SCOPE,
        useDpop: settings.useDpop,
      }),
    );
    return { pageUrl, apiUrl, opsUrl: `http://localhost:${opsPort}`, tenantUrl: tenant.url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The Actions that a tenant needs for the demo's policy: claims that follow the metadata, and when the user logged in. */
function readActions(): readonly string[] {
  const policy = loadPolicy(POLICY_PATH, readText, []);
  return [
    createClaimsAction(policy?.claims ?? {}, { inIdToken: false }),
    readText(join(packageRoot(import.meta.dirname), 'demo', 'login-time-action.js')),
  ];
}

/** Nothing but the log level and the origins of other pages comes from the environment: variables meant for a real tenant must not mix in. */
function proxyConfig(
  { port, opsPort, logLevel, corsOrigins }: DemoSettings,
  tenant: Tenant,
  pageUrl: string,
) {
  return loadConfig(
    {
      HOST: LOOPBACK,
      PORT: String(port),
      OPS_HOST: LOOPBACK,
      OPS_PORT: String(opsPort),
      ...tenant.env,
      CORS_ORIGINS: [pageUrl, ...corsOrigins.split(',').filter((origin) => origin.trim() !== '')].join(','),
      POLICY_FILE: POLICY_PATH,
      LOG_LEVEL: logLevel,
      DOCS_NOTE: renderDocsNote(tenant.url),
      AUDIT_LOG: logLevel === 'info' ? 'stdout' : 'off',
    },
    readText,
  );
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}
