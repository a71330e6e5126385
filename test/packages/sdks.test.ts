/** Auth0's SDKs and an OpenID client before the local tenant, as they are published. Those of web apps: the guides. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startTenant, type Tenant } from '../../packages/local-tenant/src/tenant.ts';
import { CALLBACK, createBrowser } from '../tenant/browser.ts';
import { APP, runModule } from './app.ts';

const SECRET = 'web-secret';
const jane = { username: 'jane@example.com', password: 'local' };
let tenant: Tenant;
/** These SDKs know nothing but https. */
let trust: { readonly NODE_EXTRA_CA_CERTS: string };

beforeAll(async () => {
  tenant = await startTenant({
    clients: [
      {
        client_id: 'web',
        client_secret: SECRET,
        grants: { 'https://metadata-bff.local': ['read:metadata'] },
      },
    ],
  });
  trust = { NODE_EXTRA_CA_CERTS: join(APP, 'tenant.pem') };
  writeFileSync(trust.NODE_EXTRA_CA_CERTS, tenant.certificate);
});
afterAll(() => tenant.stop());

describe('node-auth0', () => {
  test.each([
    ['4', 'data'],
    ['5', 'body'],
  ])('%s reads and changes a user and reads an application', async (major, member) => {
    const program = `
      import { AuthenticationClient, ManagementClient } from 'auth0-v${major}';
      const [domain] = process.argv.slice(1);
      const options = { domain, clientId: 'local-bff', clientSecret: 'local-secret' };
      const management = new ManagementClient(options);
      const get = (answer) => answer['${member}'] ?? answer;
      const [user, client] = ${major} === 4 ? [{ id: 'auth0|jane' }, { client_id: 'local-spa' }] : ['auth0|jane', 'local-spa'];
      const before = get(await management.users.get(user));
      const after = get(await management.users.update(user, { user_metadata: { language: 'de' } }));
      const application = get(await management.clients.get(client));
      const missing = ${major} === 4 ? { id: 'auth0|unknown' } : 'auth0|unknown';
      const error = await management.users.get(missing).catch((thrown) => thrown);
      const authentication = new AuthenticationClient(options);
      const audience = 'https://' + domain + '/api/v2/';
      const { data: token } = await authentication.oauth.clientCredentialsGrant({ audience });
      console.log(JSON.stringify([
        before.email, after.user_metadata, application.name, error.statusCode, token.token_type
      ]));
    `;
    const { host } = new URL(tenant.url);
    expect(await runModule(program, { args: [host], env: trust })).toEqual([
      'jane@example.com',
      expect.objectContaining({ theme: 'dark', language: 'de' }),
      'Local single-page app',
      404,
      'Bearer',
    ]);
  });
});

describe('openid-client', () => {
  const DISCOVER = `
    import * as oidc from 'openid-client';
    const [issuer, clientId, secret, current, verifier] = process.argv.slice(1);
    const config = await oidc.discovery(new URL(issuer), clientId, undefined,
      secret === '' ? oidc.None() : oidc.ClientSecretPost(secret), { execute: [oidc.allowInsecureRequests] });
  `;

  test.each([
    ['an application with a secret', 'web', SECRET],
    ['a single-page app', 'local-spa', ''],
  ])('logs a user of %s in and refreshes the tokens', async (_, clientId, secret) => {
    const begin = `${DISCOVER}
      const codeVerifier = oidc.randomPKCECodeVerifier();
      const url = oidc.buildAuthorizationUrl(config, {
        redirect_uri: current, scope: 'openid offline_access read:metadata', audience: 'https://metadata-bff.local',
        code_challenge: await oidc.calculatePKCECodeChallenge(codeVerifier), code_challenge_method: 'S256',
      });
      console.log(JSON.stringify([url.href, codeVerifier]));
    `;
    const begun = await runModule(begin, { args: [tenant.issuer, clientId, secret, CALLBACK] });
    const [address, verifier] = Array.isArray(begun) ? begun.map(String) : [];
    const browser = createBrowser(tenant.url);
    const form = (await browser.fetch(String(address))).headers.get('location') ?? '';
    const submitted = await browser.fetch(form, { method: 'POST', body: new URLSearchParams(jane) });
    const resumed = await browser.fetch(submitted.headers.get('location') ?? '');
    const finish = `${DISCOVER}
      const tokens = await oidc.authorizationCodeGrant(config, new URL(current), { pkceCodeVerifier: verifier });
      const userInfo = await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
      const renewed = await oidc.refreshTokenGrant(config, tokens.refresh_token);
      console.log(JSON.stringify([tokens.claims().sub, userInfo.sub, tokens.scope, renewed.token_type]));
    `;
    const args = [tenant.issuer, clientId, secret, resumed.headers.get('location') ?? '', String(verifier)];
    expect(await runModule(finish, { args })).toEqual([
      'auth0|jane',
      'auth0|jane',
      'openid offline_access read:metadata',
      'bearer',
    ]);
  });

  test('gets a token for a machine', async () => {
    const program = `${DISCOVER}
      const { scope } = await oidc.clientCredentialsGrant(config, { audience: 'https://metadata-bff.local' });
      console.log(JSON.stringify(scope));
    `;
    expect(await runModule(program, { args: [tenant.issuer, 'web', SECRET] })).toBe('read:metadata');
  });
});
