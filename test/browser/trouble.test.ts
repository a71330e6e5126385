/** Bad days: no network, a slow or overloaded service, a login that has ended. Edits outlive all of them. */
import { describe, expect, test } from '@jest/globals';
import type { Page, Route } from 'playwright-core';
import { createDeferred } from '../lib/deferred.ts';
import { fillLogIn, formOf, openStage, picture, save, saved } from './stage.ts';

const { demo, visitor } = await openStage();

const DOCUMENT = '**/me/metadata';

/** Answers with a problem, as the service would. */
function refuse(
  route: Route,
  status: number,
  problem: object,
  headers: Readonly<Record<string, string>> = {},
) {
  return route.fulfill({
    status,
    headers: {
      'access-control-allow-origin': demo.pageUrl,
      'access-control-expose-headers': 'Retry-After',
      'content-type': 'application/problem+json',
      ...headers,
    },
    body: JSON.stringify({ status, ...problem }),
  });
}

const isWrite = (route: Route): boolean => route.request().method() === 'PATCH';
const nameOf = (page: Page) => page.getByLabel('Display name');

test('offline, edits are kept, and saved when the network is back', async () => {
  const { page, context, logIn, stored, expectComplaints } = await visitor();
  expectComplaints(/ERR_INTERNET_DISCONNECTED|ERR_NETWORK/);
  await logIn();
  await context.setOffline(true);
  await page.getByText('There is no connection.').waitFor();
  await nameOf(page).fill('Vee');
  await save(page);
  await page.getByText('Your changes are kept, and saved when it is back.').waitFor();
  expect(await nameOf(page).inputValue()).toBe('Vee');
  await picture(page, 'offline');
  await context.setOffline(false);
  await saved(page);
  expect(await page.getByText('There is no connection.').isVisible()).toBe(false);
  expect(await stored()).toEqual({ display_name: 'Vee' });
});

test('a service that cannot be reached is asked again after a while, or at once', async () => {
  const { page, logIn, stored, expectComplaints } = await visitor();
  expectComplaints(/ERR_FAILED/);
  await logIn();
  let failures = 0;
  await page.route(DOCUMENT, (route) => {
    if (!isWrite(route) || failures === 2) return route.continue();
    failures += 1;
    return route.abort();
  });
  await nameOf(page).fill('Vee');
  await save(page);
  await page.getByRole('button', { name: 'Try again' }).click();
  // The second failure waits for longer, and then goes on by itself.
  await saved(page);
  expect(failures).toBe(2);
  expect(await stored()).toEqual({ display_name: 'Vee' });
});

test('a page that could not begin can be tried again', async () => {
  const { page, logIn, expectComplaints } = await visitor({ display_name: 'Vee' });
  expectComplaints(/ERR_FAILED/);
  await logIn();
  await page.route(`${demo.apiUrl}/**`, (route) => route.abort());
  await page.reload();
  await page.getByText('Your settings could not be loaded.').waitFor();
  await page.unrouteAll();
  await page.getByRole('button', { name: 'Try again' }).click();
  await formOf(page).waitFor();
  expect(await nameOf(page).inputValue()).toBe('Vee');
});

test('a slow service is waited for, and gets one request however often Save is pressed', async () => {
  const { page, logIn, stored } = await visitor();
  await logIn();
  const gate = createDeferred<void>();
  let requests = 0;
  await page.route(DOCUMENT, async (route) => {
    if (isWrite(route)) {
      requests += 1;
      await gate.promise;
    }
    await route.continue();
  });
  await nameOf(page).fill('Vee');
  const button = page.getByRole('button', { name: 'Save', exact: true });
  await button.click();
  await page.getByText('Saving …').waitFor();
  expect(await button.getAttribute('aria-disabled')).toBe('true');
  await button.press('Enter');
  await button.dblclick({ force: true });
  // What is typed meanwhile is not part of it, and not lost.
  await page.getByLabel('Language', { exact: true }).fill('de');
  expect(requests).toBe(1);
  gate.resolve(undefined);
  await saved(page);
  expect(await stored()).toEqual({ display_name: 'Vee' });
  expect(await page.getByLabel('Language', { exact: true }).inputValue()).toBe('de');
  const sent = page.waitForRequest((request) => request.method() === 'PATCH');
  await save(page);
  expect((await sent).postDataJSON()).toEqual({ language: 'de' });
});

test('after 429 it says when to try again, counts down and keeps the edit', async () => {
  const { page, logIn, stored, expectComplaints } = await visitor();
  expectComplaints(/status of 429/);
  await logIn();
  let requests = 0;
  await page.route(DOCUMENT, (route) => {
    if (!isWrite(route)) return route.continue();
    requests += 1;
    if (requests > 1) return route.continue();
    return refuse(route, 429, { code: 'rate_limited', title: 'Too many requests' }, { 'retry-after': '2' });
  });
  await nameOf(page).fill('Vee');
  await save(page);
  await page.getByText('You can save again in 2 seconds.').waitFor();
  await picture(page, 'too-many-requests');
  await page.getByRole('button', { name: 'Save', exact: true }).press('Enter');
  expect(await nameOf(page).inputValue()).toBe('Vee');
  await page.getByText('You can save again in 1 seconds.').waitFor();
  await page.getByText('You can save again now.').waitFor();
  expect(requests).toBe(1);
  await save(page);
  await saved(page);
  expect(await stored()).toEqual({ display_name: 'Vee' });
});

test('a change whose outcome is unknown is looked up', async () => {
  const { page, logIn, expectComplaints } = await visitor();
  expectComplaints(/status of 504/);
  await logIn();
  await page.route(DOCUMENT, async (route) => {
    if (!isWrite(route)) return route.continue();
    await route.fetch();
    const problem = { code: 'upstream_timeout', title: 'Auth0 did not answer in time', outcome: 'unknown' };
    return refuse(route, 504, problem);
  });
  await nameOf(page).fill('Vee');
  await save(page);
  await page.getByText('Your changes are saved.').waitFor();
  expect(await nameOf(page).inputValue()).toBe('Vee');
});

describe('a log-in that has ended', () => {
  test('keeps the edits across the next one', async () => {
    const { name, page, context, logIn, stored, expectComplaints } = await visitor({ theme: 'light' });
    expectComplaints(/status of 40[13]/);
    await logIn();
    // The tenant forgets the session, the refresh token is used up, and the access token has run out.
    await context.clearCookies();
    await page.route('**/oauth/token', (route) => {
      const headers = { 'access-control-allow-origin': '*', 'content-type': 'application/json' };
      return route.fulfill({
        status: 403,
        headers,
        body: '{"error":"invalid_grant","error_description":"used"}',
      });
    });
    await page.route(DOCUMENT, (route) => refuse(route, 401, { code: 'token_invalid' }));
    await nameOf(page).fill('Vee');
    await save(page);
    await page.getByText('Your session has expired.').waitFor();
    await picture(page, 'log-in-ended');
    expect(await nameOf(page).inputValue()).toBe('Vee');

    await page.unrouteAll();
    await page.getByRole('button', { name: 'Log in again' }).click();
    await fillLogIn(page, name);
    await formOf(page).waitFor();
    await page.getByText('Your unsaved changes are back.').waitFor();
    expect(await nameOf(page).inputValue()).toBe('Vee');
    await save(page);
    await saved(page);
    expect(await stored()).toEqual({ theme: 'light', display_name: 'Vee' });
  });
});

test('a page of another origin is refused by the browser', async () => {
  const { page, context, logIn, expectComplaints } = await visitor({ theme: 'dark' });
  // The tenant has no icon.
  expectComplaints(/CORS policy|ERR_FAILED|status of 404/);
  await logIn();
  const [{ authorization }] = await Promise.all([
    page.waitForRequest('**/me/metadata').then((request) => request.headers()),
    page.reload(),
  ]);
  expect(authorization).toMatch(/^Bearer /);
  const elsewhere = await context.newPage();
  // The tenant's own page is another origin, which the service was not told of.
  await elsewhere.goto(`${demo.tenantUrl}/.well-known/openid-configuration`);
  const outcome = await elsewhere.evaluate(
    async ([url, header]) => {
      try {
        return String((await fetch(url ?? '', { headers: { Authorization: header ?? '' } })).status);
      } catch (error) {
        return error instanceof Error ? error.name : 'unknown';
      }
    },
    [`${demo.apiUrl}/me/metadata`, authorization ?? ''],
  );
  expect(outcome).toBe('TypeError');
});
