/** What a user does on an ordinary day: log in, look, change, be corrected, come back, log out. */
import { describe, expect, test } from '@jest/globals';
import { fillLogIn, formOf, openStage, picture, save, saved } from './stage.ts';

const { demo, visitor } = await openStage();

const PREFERENCES = {
  theme: 'dark',
  language: 'en',
  notifications: { email: true, push: false, digest: { frequency: 'weekly', day: 'monday' } },
};

describe('a person who has logged in', () => {
  test('sees who they are, and what is stored', async () => {
    const { page, logIn } = await visitor({
      ...PREFERENCES,
      member_since: '2024-05-17',
      unknown: { to: 'the schema' },
    });
    await logIn();
    expect(await page.getByText('Vera Visitor', { exact: false }).first().isVisible()).toBe(true);
    expect(await page.getByLabel('Theme').inputValue()).toBe('"dark"');
    expect(await page.getByRole('checkbox', { name: 'By e-mail' }).isChecked()).toBe(true);
    expect(await page.getByLabel('On which day').inputValue()).toBe('"monday"');
    expect(await page.getByLabel('Member since').textContent()).toBe('May 17, 2024');
    expect(await page.getByText('It cannot be changed.').isVisible()).toBe(true);
    expect(JSON.parse(await page.getByRole('textbox', { name: 'Other data' }).inputValue())).toEqual({
      unknown: { to: 'the schema' },
    });
  });

  test('changes fields of all kinds, and only these are sent', async () => {
    const { page, logIn, stored } = await visitor({ ...PREFERENCES, theme: 'light', other: 1 });
    await logIn();
    await page.getByLabel('Display name').fill('Vee');
    await page.getByLabel('Theme').selectOption('dark');
    await page.getByLabel('Language', { exact: true }).fill('');
    await page.getByLabel('Birthday').fill('1990-02-28');
    await page.getByLabel('Text size in percent').fill('120');
    await page.getByRole('checkbox', { name: 'On the phone' }).check();
    await page.getByLabel('On which day').selectOption('friday');
    const interests = page.getByRole('group', { name: 'Interests' });
    for (const interest of ['chess', 'rowing', 'sailing']) {
      await interests.getByRole('textbox').fill(interest);
      await interests.getByRole('textbox').press('Enter');
    }
    await page.getByRole('button', { name: 'Remove: chess' }).click();

    const sent = page.waitForRequest((request) => request.method() === 'PATCH');
    await save(page);
    await saved(page);
    expect((await sent).postDataJSON()).toEqual({
      display_name: 'Vee',
      theme: 'dark',
      language: null,
      birthday: '1990-02-28',
      text_size: 120,
      notifications: { push: true, digest: { day: 'friday' } },
      interests: ['rowing', 'sailing'],
    });
    const { language: _, ...kept } = PREFERENCES;
    expect(await stored()).toEqual({
      ...kept,
      display_name: 'Vee',
      birthday: '1990-02-28',
      text_size: 120,
      notifications: { email: true, push: true, digest: { frequency: 'weekly', day: 'friday' } },
      interests: ['rowing', 'sailing'],
      other: 1,
    });
    expect(await page.getByRole('button', { name: 'Save', exact: true }).isVisible()).toBe(false);
  });

  test('is told by the service what is wrong, at the field and in a summary that leads there', async () => {
    const { page, logIn, stored, expectComplaints } = await visitor({ interests: ['chess'] });
    expectComplaints(/status of 422/);
    await logIn();
    // The form does not know a rule of the schema: the service says it.
    await page.evaluate(() => {
      const form = document.querySelector('user-metadata-settings')?.form;
      const list = { type: 'array', items: { type: 'string' }, title: 'Interests' };
      if (form) form.schema = { properties: { interests: list } };
    });
    const interests = page.getByRole('group', { name: 'Interests' });
    await interests.getByRole('textbox').fill('chess');
    await save(page);
    const summary = formOf(page).getByRole('group', { name: 'Please check these fields' });
    await summary.waitFor();
    const [focused, described] = await page.evaluate(() => {
      const inside = document.querySelector('user-metadata-settings')?.form.shadowRoot;
      return [inside?.activeElement?.className, inside?.querySelector('.tags .error')?.textContent];
    });
    expect([focused, described]).toEqual(['summary', 'Entries 1 and 2 are the same.']);
    await picture(page, 'error');
    await summary.getByRole('link', { name: 'Interests: Entries 1 and 2 are the same.' }).click();
    await page.keyboard.type('x');
    expect(await summary.isVisible()).toBe(false);
    await interests.getByRole('textbox').fill('rowing');
    await save(page);
    await saved(page);
    expect(await stored()).toEqual({ interests: ['chess', 'rowing'] });
  });

  test('is told by the browser what is wrong before anything is sent, but not of what was wrong before', async () => {
    const { page, logIn, stored } = await visitor({ language: 'Klingon' });
    await logIn();
    const requests: string[] = [];
    page.on('request', (request) => requests.push(request.method()));
    await page.getByLabel('Text size in percent').fill('20');
    await save(page);
    const field = page.getByLabel('Text size in percent');
    await page.getByRole('link', { name: /Text size in percent: .*50/ }).click();
    expect(
      await field.evaluate((input) => [input.getAttribute('aria-invalid'), input.matches(':focus')]),
    ).toEqual(['true', true]);
    expect(requests).toEqual([]);
    await field.fill('60');
    await save(page);
    await saved(page);
    expect(await stored()).toEqual({ language: 'Klingon', text_size: 60 });
  });

  test('takes edits back', async () => {
    const { page, logIn } = await visitor({ theme: 'dark', notifications: { email: true } });
    await logIn();
    await page.getByLabel('Theme').selectOption('light');
    await page.getByRole('checkbox', { name: 'By e-mail' }).uncheck();
    expect(JSON.parse((await page.locator('#pending').textContent()) ?? '')).toEqual({
      theme: 'light',
      notifications: { email: false },
    });
    await page.getByRole('button', { name: 'Discard' }).click();
    expect(await page.getByLabel('Theme').inputValue()).toBe('"dark"');
    expect(await page.locator('#pending').textContent()).toBe('{}');
    expect(await page.getByRole('button', { name: 'Save', exact: true }).isVisible()).toBe(false);
  });

  test('is still logged in after a reload, with the edits not yet saved', async () => {
    const { page, logIn } = await visitor({ theme: 'dark' });
    await logIn();
    await page.getByLabel('Display name').fill('Half a na');
    const questions: string[] = [];
    page.on('dialog', (dialog) => questions.push(dialog.type()));
    await page.reload();
    expect(questions).toEqual(['beforeunload']);
    await page.getByText('Your unsaved changes are back.').waitFor();
    expect(await page.getByLabel('Display name').inputValue()).toBe('Half a na');
    expect(await page.getByLabel('Theme').inputValue()).toBe('"dark"');
  });

  test('gets a new token without noticing when the service no longer takes the old one', async () => {
    const { page, context, logIn, stored, expectComplaints } = await visitor();
    expectComplaints(/status of 401/);
    await logIn();
    const grants: Array<string | null> = [];
    context.on('request', (request) => {
      if (!request.url().endsWith('/oauth/token')) return;
      const { grant_type: grant } = Object(JSON.parse(JSON.stringify(request.postDataJSON() ?? {})));
      grants.push(grant ?? null);
    });
    const tokens = new Set<string>();
    await page.route('**/me/metadata', async (route) => {
      tokens.add(route.request().headers()['authorization'] ?? '');
      if (tokens.size > 1) return route.continue();
      const headers = {
        'access-control-allow-origin': demo.pageUrl,
        'content-type': 'application/problem+json',
      };
      return route.fulfill({ status: 401, headers, body: JSON.stringify({ code: 'token_invalid' }) });
    });
    await page.getByLabel('Display name').fill('Vee');
    await save(page);
    await saved(page);
    expect(tokens.size).toBe(2);
    expect(grants).toEqual(['refresh_token']);
    expect(await stored()).toEqual({ display_name: 'Vee' });
  });

  test('logs out of the page and of the tenant, and leaves no edits behind', async () => {
    const { page, logIn } = await visitor();
    await logIn();
    await page.getByLabel('Display name').fill('private');
    await page.getByRole('button', { name: 'Log out' }).click();
    const logInButton = page.getByRole('button', { name: 'Log in', exact: true });
    await logInButton.waitFor();
    expect(await page.evaluate(() => JSON.stringify(sessionStorage))).not.toContain('private');
    await logInButton.click();
    // Not let in by a session that was left.
    await page.getByLabel('Password').waitFor();
  });

  test('sees request, response and the claims of the token in the developer panel', async () => {
    const { page, logIn } = await visitor({ theme: 'light' });
    await logIn();
    await page.getByText('Last request').click();
    await page.getByText('Last response').click();
    expect(await page.locator('#claims').textContent()).toMatch(/"sub": "auth0\|visitor\d+"/);
    await page.getByLabel('Theme').selectOption('dark');
    await save(page);
    await saved(page);
    expect(await page.locator('#request').textContent()).toMatch(/^PATCH http.*"theme": "dark"/s);
    expect(await page.locator('#response').textContent()).toMatch(/^200 .*"theme": "dark"/s);
    expect(await page.locator('#request').textContent()).toContain('authorization: Bearer ey…');
  });

  test.each([
    ['de', 'ltr', 'Ihre Einstellungen', 'Anzeigename', 'Speichern', 'Ihre Änderungen sind gespeichert.'],
    ['el', 'ltr', 'Οι προτιμήσεις σας', 'Εμφανιζόμενο όνομα', 'Αποθήκευση', 'Οι αλλαγές σας αποθηκεύτηκαν.'],
    ['ar', 'rtl', 'تفضيلاتك', 'الاسم المعروض', 'حفظ', 'تم حفظ تغييراتك.'],
  ])('reads all of it in %s, and edits stay', async (language, direction, title, label, button, done) => {
    const { page, logIn, stored } = await visitor({});
    await logIn();
    await page.getByLabel('Display name').fill('Vee');
    await page.getByLabel('Language of this page').selectOption(language);
    await page.getByRole('button', { name: button, exact: true }).waitFor();
    expect(await page.evaluate(() => document.documentElement.dir)).toBe(direction);
    expect(await page.getByRole('heading', { name: title }).isVisible()).toBe(true);
    expect(await page.getByLabel(label, { exact: true }).inputValue()).toBe('Vee');
    for (const [width, colorScheme] of [
      [375, 'light'],
      [1280, 'dark'],
    ] as const) {
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme });
      await picture(page, `page-${language}-${width}`);
    }
    await page.getByRole('button', { name: button, exact: true }).click();
    await page.getByText(done).waitFor();
    expect(await stored()).toEqual({ display_name: 'Vee' });
  });

  test.each([
    ['refresh tokens', ''],
    ['multi-resource refresh tokens', 'useMrrt: true,'],
  ])('sees the claim of the token follow the language that they save, by %s', async (_, option) => {
    const { page, logIn } = await visitor({ language: 'en' });
    await page.route('**/session.js', async (route) => {
      const response = await route.fetch();
      const body = (await response.text()).replace('useRefreshTokens: true,', `$& ${option}`);
      await route.fulfill({ response, body });
    });
    const grants: unknown[] = [];
    page.context().on('request', (request) => {
      if (!request.url().endsWith('/oauth/token')) return;
      const { grant_type: grant, audience } = Object(request.postDataJSON());
      grants.push([grant, audience === undefined ? 'no audience' : 'audience']);
    });
    await logIn();
    const claims = page.locator('#claims');
    expect(await claims.textContent()).toContain('"https://app.example.com/language": "en"');
    await page.getByLabel('Language', { exact: true }).fill('de');
    await save(page);
    await saved(page);
    await claims.getByText('"https://app.example.com/language": "de"').waitFor();
    // Without a login, and with one new token for the change.
    expect(grants).toEqual([
      ['authorization_code', 'no audience'],
      ['refresh_token', option === '' ? 'no audience' : 'audience'],
    ]);
    await picture(page, 'claims');
  });

  test('logs in again for a change that needs a recent login, and finds it saved', async () => {
    const { name, page, context, logIn, stored, expectComplaints } = await visitor({ theme: 'dark' });
    expectComplaints(/status of 401/);
    // A login of an hour ago.
    await page.route('**/oauth/token', async (route) => {
      const response = await route.fetch();
      const order = {
        sub: `auth0|${name}`,
        scope: 'read:metadata update:metadata',
        claims: { 'https://app.example.com/auth_time': Math.floor(Date.now() / 1000) - 3600 },
      };
      const old = await fetch(`${demo.tenantUrl}/_local/token`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(order),
      });
      const { access_token: token } = Object(await old.json());
      await route.fulfill({ response, json: { ...Object(await response.json()), access_token: token } });
    });
    await logIn();
    await page.getByLabel('Recovery e-mail').fill('vera@example.org');
    await save(page);
    const dialog = page.getByRole('dialog', { name: 'Please confirm that it is you' });
    await dialog.waitFor();
    await picture(page, 'step-up');
    expect(await stored()).toEqual({ theme: 'dark' });
    await dialog.getByRole('button', { name: 'Back to the form' }).click();
    expect(await page.getByLabel('Recovery e-mail').inputValue()).toBe('vera@example.org');
    await save(page);

    await page.unrouteAll();
    // The tenant has forgotten its session, too, and asks for the password.
    await context.clearCookies();
    const login = page.waitForRequest((request) => request.url().includes('/authorize?'));
    await dialog.getByRole('button', { name: 'Log in again' }).click();
    expect(new URL((await login).url()).searchParams.get('max_age')).toBe('60');
    await fillLogIn(page, name);
    await saved(page);
    expect(await stored()).toEqual({ theme: 'dark', recovery_email: 'vera@example.org' });
  });
});
