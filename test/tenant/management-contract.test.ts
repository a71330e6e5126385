/**
 * Holds the local tenant, and the real tenant named by TEST_TENANT_* if there is one, against the contract.
 */
import { env, stdout } from 'node:process';
import { afterAll } from '@jest/globals';
import { startTenant, type Tenant } from '../../packages/local-tenant/src/tenant.ts';
import { describeManagementContract } from './management-contract.ts';
import { fetchMachineToken, postJson, putJson } from './tenant-client.ts';

let tenant: Tenant | undefined;
afterAll(() => tenant?.stop());

describeManagementContract('local tenant', { mintToken: true, createUser: true }, async () => {
  const local = await startTenant();
  tenant = local;
  return {
    baseUrl: local.url,
    userId: 'auth0|jane',
    getToken: () =>
      fetchMachineToken(local.url, {
        client_id: 'local-bff',
        client_secret: 'local-secret',
        audience: local.managementAudience,
      }),
    capabilities: {
      async mintToken({ sub = 'local-bff@clients', scope, expiresIn = 60 }) {
        const order = { sub, scope, expires_in: expiresIn, audience: local.managementAudience };
        const answer = await postJson(`${local.url}/_local/token`, order);
        return String(answer.body['access_token']);
      },
      async createUser() {
        await putJson(`${local.url}/_local/users/auth0%7Cfresh`, { email: 'fresh@example.com' });
        return 'auth0|fresh';
      },
    },
  };
});

const {
  TEST_TENANT_DOMAIN: domain,
  TEST_TENANT_CLIENT_ID: clientId,
  TEST_TENANT_CLIENT_SECRET: clientSecret,
  TEST_TENANT_USER_ID: userId,
} = env;

if (domain && clientId && clientSecret && userId) {
  describeManagementContract(domain, { mintToken: false, createUser: false }, async () => ({
    baseUrl: `https://${domain}`,
    userId,
    getToken: () =>
      fetchMachineToken(`https://${domain}`, {
        client_id: clientId,
        client_secret: clientSecret,
        audience: `https://${domain}/api/v2/`,
      }),
    capabilities: {},
  }));
} else {
  stdout.write(
    'Management API contract: only the local tenant was tested (TEST_TENANT_DOMAIN, _CLIENT_ID, _CLIENT_SECRET, _USER_ID not all set)\n',
  );
}
