/** The whole way of a stronger login: the policy and the Actions of docs/policy.md, the local tenant and the service. */
import { expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { pageAt } from '../docs/documents.ts';
import { openStage, personAt } from '../http/events/stage.ts';
import { type Browser, createBrowser } from '../tenant/browser.ts';

const MULTI_FACTOR = 'http://schemas.openid.net/pape/policies/2007/06/multi-factor';
const jane = { username: 'jane@example.com', password: 'local' };
const { fences } = pageAt('docs/policy.md');
const actions = fences.filter(({ info }) => info === 'js step-up action').map(({ text }) => text);
const policy: unknown = JSON.parse(fences.find(({ text }) => text.includes('"payout_iban"'))?.text ?? '');

const openStepUp = (tenantActions: readonly string[]) =>
  openStage({ tenant: { actions: tenantActions }, policy });

async function getToken(browser: Browser, code: string): Promise<string> {
  return String((await browser.exchangeCode(code)).body['access_token']);
}

test('a value that needs a recent login is changed after the login that the challenge asks for', async () => {
  const { tenant, service, jane: withoutClaims } = await openStepUp(actions);
  const change = { payout_iban: 'GB33BUKB20201555555555' };
  const refused = await withoutClaims.patch(change);
  expect([refused.status, refused.body]).toEqual([
    401,
    expect.objectContaining({ code: 'step_up_required', max_age: 300 }),
  ]);
  const browser = createBrowser(tenant.url);
  const token = await getToken(
    browser,
    await browser.logIn(jane, { max_age: String(refused.body['max_age']) }),
  );
  expect(decodeJwt(token)).toMatchObject({ 'https://app.example.com/auth_time': expect.any(Number) });
  const accepted = await personAt(service, token).patch(change);
  expect([accepted.status, accepted.body]).toEqual([200, expect.objectContaining(change)]);
});

test('a value that needs a stronger login is changed after the second factor that the challenge asks for', async () => {
  const { tenant, service } = await openStepUp(actions);
  const change = { recovery_phone: '+441234567890' };
  const browser = createBrowser(tenant.url);
  const weak = await getToken(browser, await browser.logIn(jane));
  const refused = await personAt(service, weak).patch(change);
  expect([refused.status, refused.body]).toEqual([
    401,
    expect.objectContaining({ code: 'step_up_required', acr_values: [MULTI_FACTOR] }),
  ]);
  expect(refused.headers.get('www-authenticate')).toContain(`acr_values="${MULTI_FACTOR}"`);

  const page = (await browser.authorize({ acr_values: MULTI_FACTOR })).headers.get('location') ?? '';
  const entered = await browser.fetch(page, {
    method: 'POST',
    body: new URLSearchParams({ code: '000000' }),
  });
  const resumed = await browser.fetch(entered.headers.get('location') ?? '');
  const code = new URL(resumed.headers.get('location') ?? '').searchParams.get('code') ?? '';
  const accepted = await personAt(service, await getToken(browser, code)).patch(change);
  expect([accepted.status, accepted.body]).toEqual([200, expect.objectContaining(change)]);
});

test('without the Actions, a recent login does not show in the token and the write is refused', async () => {
  const { tenant, service } = await openStepUp([]);
  const browser = createBrowser(tenant.url);
  const token = await getToken(browser, await browser.logIn(jane, { max_age: '300' }));
  const refused = await personAt(service, token).patch({ payout_iban: 'GB33BUKB20201555555555' });
  expect([refused.status, refused.body['code']]).toEqual([401, 'step_up_required']);
});
