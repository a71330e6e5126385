/** The local tenant, in the process of the benchmark, and the service as it runs before it. */
import { startTenant } from '../packages/local-tenant/src/tenant.ts';
import { ORIGIN } from './load.ts';
import { type Program, SERVICE_FILE } from './process.ts';
import { REQUIRED } from './service.ts';

async function send(method: 'POST' | 'PUT', url: string, content: object): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method, headers, body: JSON.stringify(content) });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response.text();
}

async function fetchToken(url: string, order: object): Promise<string> {
  const { access_token: token }: { readonly access_token: string } = JSON.parse(
    await send('POST', url, order),
  );
  return token;
}

export async function openTenant() {
  const tenant = await startTenant();
  const { url, issuer, apiAudience: audience, managementAudience } = tenant;
  return {
    url,
    issuer,
    audience,
    stop: () => tenant.stop(),
    /** As it is shipped. It is ready when it answers the user of this token. */
    createService: (token: string): Program => ({
      file: SERVICE_FILE,
      env: {
        ...REQUIRED,
        AUDIENCE: audience,
        AUTH0_MANAGEMENT_URL: url,
        ISSUER_BASE_URL: issuer,
        CORS_ORIGINS: ORIGIN,
      },
      isReady: (port) =>
        fetch(`http://127.0.0.1:${port}/me/metadata`, { headers: { authorization: `Bearer ${token}` } }).then(
          ({ ok }) => ok,
          () => false,
        ),
    }),
    putUser: (id: string, document: object) =>
      send('PUT', `${url}/_local/users/${encodeURIComponent(id)}`, { user_metadata: document }),
    createToken: (sub: string, claims: object = {}) =>
      fetchToken(`${url}/_local/token`, { sub, scope: 'read:metadata update:metadata', claims }),
    createManagementToken: () =>
      fetchToken(`${url}/oauth/token`, {
        grant_type: 'client_credentials',
        client_id: REQUIRED.AUTH0_CLIENT_ID,
        client_secret: REQUIRED.AUTH0_CLIENT_SECRET,
        audience: managementAudience,
      }),
  };
}
