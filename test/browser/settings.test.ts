/** `<user-metadata-settings>` with the client against the demo's service: one line gives the whole settings page. */
import { expect, test } from '@jest/globals';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import type { MetadataClient } from '../../packages/client/src/options.ts';
import type { SettingsClient } from '../../packages/form/src/settings.ts';
import { openStage, picture, type Visitor } from './stage.ts';

const { demo, visitor } = await openStage();

const PROBLEM = {
  'access-control-allow-origin': demo.pageUrl,
  'access-control-expose-headers': 'Retry-After',
  'content-type': 'application/problem+json',
};

/** A page of the demo's origin with the element and nothing else. */
async function openSettings(person: Visitor): Promise<{ page: Page; mount: () => Promise<void> }> {
  const { page, name } = person;
  const order = { sub: `auth0|${name}`, scope: 'read:metadata update:metadata' };
  const answer = await fetch(`${demo.tenantUrl}/_local/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(order),
  });
  const { access_token: token } = Object(await answer.json());
  await page.route('**/favicon.ico', (route) => route.fulfill({ status: 204 }));
  const modules = {
    client: '/vendor/metadata-bff-client/index.js',
    form: '/vendor/metadata-bff-form/settings.js',
  };
  const mount = async () => {
    // Any real document of this origin will do: one made up by the test may not reach the loopback address.
    await page.goto(`${demo.pageUrl}/config.json`);
    await page.evaluate(
      async ({ user, apiUrl, accessToken, client, form }) => {
        document.documentElement.lang = 'en';
        document.head.innerHTML = `<title>Settings</title><meta name="color-scheme" content="light dark">
          <meta name="viewport" content="width=device-width">`;
        // axe takes a page without a background for a white one.
        Object.assign(document.body.style, { background: 'Canvas', padding: '0 1rem' });
        document.body.innerHTML = `<main><h1>Settings</h1>
          <user-metadata-settings user="${user}"></user-metadata-settings></main>`;
        const { createMetadataClient } = await import(new URL(client, location.href).href);
        const { defineUserMetadataSettings } = await import(new URL(form, location.href).href);
        Object(globalThis).logins = [];
        addEventListener('user-metadata-login', (event) => {
          Object(globalThis).logins.push(Object(event).detail.reason);
        });
        const settings = document.querySelector('user-metadata-settings');
        const getAccessToken = async () => accessToken;
        const made = createMetadataClient({ baseUrl: apiUrl, getAccessToken, retry: { maxAttempts: 1 } });
        Object.assign(settings ?? {}, { client: made });
        defineUserMetadataSettings();
      },
      { user: name, apiUrl: demo.apiUrl, accessToken: String(token), ...modules },
    );
  };
  await mount();
  return { page, mount };
}

const saveButton = (page: Page) => page.getByRole('button', { name: 'Save', exact: true });
const nameOf = (page: Page) => page.getByLabel('Display name');

/** What axe finds serious or critical, and how far the page sticks out, in each look. */
async function faultsInAllLooks(page: Page, state: string): Promise<unknown[]> {
  const found: unknown[] = [];
  for (const width of [320, 375, 768, 1280]) {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme });
      await picture(page, `settings-${state}-${width}-${colorScheme}`);
      await page.evaluate(axe.source);
      const faults = await page.evaluate(async () => {
        const { violations } = await Object(globalThis).axe.run();
        const serious = violations.filter(({ impact }: { impact: string }) =>
          /serious|critical/.test(impact),
        );
        const excess = document.documentElement.scrollWidth - innerWidth;
        return [
          ...serious.map(({ id, nodes }: { id: string; nodes: unknown }) => `${id} ${JSON.stringify(nodes)}`),
          ...(excess > 0 ? [`${excess} px too wide`] : []),
        ];
      });
      if (faults.length > 0) found.push({ width, colorScheme, faults });
    }
  }
  return found;
}

test('a client fits the element', () => {
  const fits: MetadataClient extends SettingsClient ? true : false = true;
  expect(fits).toBe(true);
});

test('an element that is defined after its client was set loads once', async () => {
  const { mount, page } = await openSettings(await visitor());
  await nameOf(page).waitFor();
  const reads: string[] = [];
  page.on('request', (request) => {
    if (request.method() === 'GET' && request.url().endsWith('/me/metadata')) reads.push(request.url());
  });
  await mount();
  await nameOf(page).waitFor();
  expect(reads).toHaveLength(1);
});

test('it loads, shows a bar while there are edits only, saves, and follows changes made elsewhere', async () => {
  const vera = await visitor({ theme: 'light' });
  const { page } = await openSettings(vera);
  await nameOf(page).waitFor();
  expect(await saveButton(page).isVisible()).toBe(false);
  await nameOf(page).fill('Vee');
  await page.getByText('You have unsaved changes.').waitFor();
  expect(await faultsInAllLooks(page, 'edited')).toEqual([]);
  await saveButton(page).click();
  await page.getByText('Your changes are saved.').waitFor();
  expect(await saveButton(page).isVisible()).toBe(false);
  expect(await vera.stored()).toEqual({ theme: 'light', display_name: 'Vee' });
  expect(await faultsInAllLooks(page, 'saved')).toEqual([]);
  await vera.changeElsewhere({ theme: 'dark', display_name: 'Vee' });
  await page.getByText('Updated: a change was made somewhere else.').waitFor();
  expect(await page.getByLabel('Theme').inputValue()).toBe('"dark"');
});

test('a conflict is a dialog in which the user chooses, and nothing is stored before', async () => {
  const vera = await visitor({ theme: 'light', language: 'en' });
  vera.expectComplaints(/status of 412|ERR_FAILED/);
  await vera.page.route('**/me/events', (route) => route.abort());
  const { page } = await openSettings(vera);
  await page.getByLabel('Theme').selectOption('dark');
  await page.getByLabel('Language').fill('de');
  await vera.changeElsewhere({ theme: 'system', language: 'fr' });
  await saveButton(page).click();
  const dialog = page.getByRole('dialog', { name: 'Which version do you want to keep?' });
  await dialog.waitFor();
  expect(await dialog.locator('legend').allTextContents()).toEqual(['Theme', 'Language']);
  expect(await vera.stored()).toEqual({ theme: 'system', language: 'fr' });
  expect(await faultsInAllLooks(page, 'conflict')).toEqual([]);
  await dialog.getByRole('group', { name: 'Language' }).getByLabel('The other one: fr').check();
  await dialog.getByRole('button', { name: 'Save this choice' }).click();
  await page.getByText('Your changes are saved.').waitFor();
  expect(await vera.stored()).toEqual({ theme: 'dark', language: 'fr' });
});

test('without a connection, edits are kept, and saved when it is back', async () => {
  const vera = await visitor();
  vera.expectComplaints(/ERR_INTERNET_DISCONNECTED|ERR_NETWORK/);
  const { page } = await openSettings(vera);
  await nameOf(page).fill('Vee');
  await vera.context.setOffline(true);
  await saveButton(page).click();
  await page.getByText('There is no connection.').waitFor();
  await vera.context.setOffline(false);
  await page.getByText('Your changes are saved.').waitFor();
  expect(await vera.stored()).toEqual({ display_name: 'Vee' });
});

test('after 429 it counts down, and then the user can save', async () => {
  const vera = await visitor();
  vera.expectComplaints(/status of 429/);
  const { page } = await openSettings(vera);
  await nameOf(page).fill('Vee');
  await page.route('**/me/metadata', (route) =>
    route.fulfill({
      status: 429,
      headers: { ...PROBLEM, 'retry-after': '2' },
      body: '{"code":"rate_limited"}',
    }),
  );
  await saveButton(page).click();
  await page.getByText('You can save again in 1 seconds.').waitFor();
  await page.unroute('**/me/metadata');
  await page.locator('.bar [aria-disabled="false"]').waitFor();
  await saveButton(page).click();
  await page.getByText('Your changes are saved.').waitFor();
  expect(await vera.stored()).toEqual({ display_name: 'Vee' });
});

test('a change that needs a new login is kept, and sent by itself after it', async () => {
  const vera = await visitor();
  vera.expectComplaints(/status of 401/);
  const { page, mount } = await openSettings(vera);
  await nameOf(page).fill('Vee');
  await page.route('**/me/metadata', (route) =>
    route.request().method() === 'PATCH'
      ? route.fulfill({ status: 401, headers: PROBLEM, body: '{"code":"step_up_required"}' })
      : route.continue(),
  );
  await saveButton(page).click();
  const dialog = page.getByRole('dialog', { name: 'Please confirm that it is you' });
  await dialog.getByText('To save this change, please log in again.').waitFor();
  expect(await faultsInAllLooks(page, 'step-up')).toEqual([]);
  await dialog.getByRole('button', { name: 'Log in again' }).click();
  expect(await page.evaluate(() => Object(globalThis).logins)).toEqual(['step_up']);
  await page.unroute('**/me/metadata');
  // The login leads back to this page.
  await mount();
  await page.getByText('Your changes are saved.').waitFor();
  expect(await vera.stored()).toEqual({ display_name: 'Vee' });
});

test('an ended session is said plainly, and the edits are back after the login', async () => {
  const vera = await visitor();
  vera.expectComplaints(/status of 401/);
  const { page, mount } = await openSettings(vera);
  await nameOf(page).fill('Vee');
  await page.route('**/me/metadata', (route) =>
    route.fulfill({ status: 401, headers: PROBLEM, body: '{"code":"token_invalid"}' }),
  );
  await saveButton(page).click();
  await page.getByText('Your session has expired.').waitFor();
  await page.getByRole('button', { name: 'Log in again' }).click();
  await page.unroute('**/me/metadata');
  await mount();
  await page.getByText('Your unsaved changes are back.').waitFor();
  expect(await nameOf(page).inputValue()).toBe('Vee');
});
