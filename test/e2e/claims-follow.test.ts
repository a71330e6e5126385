/** The whole way of a claim: the printed Action, the local tenant, the service and the client. */
import { expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { createClaimsAction } from '../../src/commands/claims-action.ts';
import { createTestClient } from '../client/create-test-client.ts';
import { openStage } from '../http/events/stage.ts';
import { until } from '../support/until.ts';
import { createBrowser } from '../tenant/browser.ts';

const LANGUAGE = 'https://app.example.com/language';
const claims = { [LANGUAGE]: '/user_metadata/language' };

interface Preferences {
  language?: string;
}

/** Jane, logged in with refresh tokens, and her app. */
async function openApp(actions: readonly string[]) {
  const { tenant, service } = await openStage({ tenant: { actions }, policy: { claims } });
  const browser = createBrowser(tenant.url);
  const code = await browser.logIn({ username: 'jane@example.com', password: 'local' });
  const { body: first } = await browser.exchangeCode(code);
  let token = String(first['access_token']);
  let refreshToken = String(first['refresh_token']);
  let refreshes = 0;
  async function getAccessToken({ forceRefresh }: { readonly forceRefresh: boolean }): Promise<string> {
    if (!forceRefresh) return token;
    refreshes += 1;
    const { body } = await browser.postToken({
      client_id: 'local-spa',
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
    });
    token = String(body['access_token']);
    if (typeof body['refresh_token'] === 'string') refreshToken = body['refresh_token'];
    return token;
  }
  const told: Array<readonly string[]> = [];
  const { client } = createTestClient<Preferences>({
    baseUrl: service.url,
    getAccessToken,
    refreshStaleClaims: true,
    onClaims: (names) => void told.push(names),
    fires: (ms) => ms < 5_000,
  });
  return {
    client,
    told,
    refreshes: () => refreshes,
    getLanguage: () => decodeJwt(token)[LANGUAGE],
  };
}

test('a claim follows a change of the metadata without a login, by one refresh', async () => {
  const { client, told, refreshes, getLanguage } = await openApp([
    createClaimsAction(claims, { inIdToken: false }),
  ]);
  await client.read();
  expect([getLanguage(), refreshes()]).toEqual(['en', 0]);
  await client.patch({ language: 'de' });
  await until(() => getLanguage() === 'de' || undefined);
  await client.read();
  expect([told.at(-1), refreshes()]).toEqual([[], 1]);
});
