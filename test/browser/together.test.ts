/** Two tabs of one person, and changes made elsewhere: both stay in step, and no edit is lost. */
import { describe, expect, test } from '@jest/globals';
import { openStage, picture, save, saved } from './stage.ts';

const { visitor } = await openStage();

const conflictOf = (page: Awaited<ReturnType<typeof visitor>>['page']) =>
  page.getByRole('dialog', { name: 'Which version do you want to keep?' });

describe('two tabs', () => {
  test('stay in step, and what is being typed in the other stays', async () => {
    const { page, logIn, openTab, stored } = await visitor({ theme: 'light', language: 'en' });
    await logIn();
    const other = await openTab();
    await other.getByLabel('Display name').fill('Vee');

    await page.getByLabel('Theme').selectOption('dark');
    await save(page);
    await saved(page);
    await other.getByText('Updated: a change was made somewhere else.').waitFor();
    expect(await other.getByLabel('Theme').inputValue()).toBe('"dark"');
    expect(await other.getByLabel('Display name').inputValue()).toBe('Vee');

    await save(other);
    await saved(other);
    await page.getByText('Updated: a change was made somewhere else.').waitFor();
    expect(await page.getByLabel('Display name').inputValue()).toBe('Vee');
    expect(await stored()).toEqual({ theme: 'dark', language: 'en', display_name: 'Vee' });
  });

  test('learn of a change made elsewhere', async () => {
    const { page, logIn, changeElsewhere } = await visitor({ theme: 'light' });
    await logIn();
    await changeElsewhere({ theme: 'dark', interests: ['chess'] });
    await page.getByRole('button', { name: 'Remove: chess' }).waitFor();
    expect(await page.getByLabel('Theme').inputValue()).toBe('"dark"');
  });

  test('that edit the same field are asked which version is to be kept, without taking the focus', async () => {
    const { page, logIn, openTab, stored, expectComplaints } = await visitor({ language: 'en' });
    expectComplaints(/status of 412/);
    await logIn();
    const other = await openTab();
    await other.getByLabel('Language', { exact: true }).fill('de');
    await page.getByLabel('Language', { exact: true }).fill('fr');
    await save(page);
    await other.getByText('A field that you edited was changed somewhere else.').waitFor();
    expect(await other.getByLabel('Language', { exact: true }).inputValue()).toBe('de');
    expect(
      await other.getByLabel('Language', { exact: true }).evaluate((input) => input.matches(':focus')),
    ).toBe(true);
    await save(other);
    await conflictOf(other).getByLabel('The other one: fr').check();
    await conflictOf(other).getByRole('button', { name: 'Save this choice' }).click();
    await conflictOf(other).waitFor({ state: 'hidden' });
    expect(await other.getByLabel('Language', { exact: true }).inputValue()).toBe('fr');
    expect(await other.getByRole('button', { name: 'Save', exact: true }).isVisible()).toBe(false);
    expect(await stored()).toEqual({ language: 'fr' });
  });
});

describe('an edit that meets another one when it is saved', () => {
  const BEFORE = { theme: 'light', language: 'en', notifications: { email: true, push: false } };
  const THEIRS = { theme: 'system', language: 'fr', notifications: { email: true, push: true } };

  /** Both have edited theme and language; the other one is stored, and this tab has not heard of it. */
  async function meet() {
    const vera = await visitor(BEFORE);
    vera.expectComplaints(/status of 412|ERR_FAILED/);
    const { page, logIn, changeElsewhere } = vera;
    await page.route('**/me/events', (route) => route.abort());
    await logIn();
    await page.getByLabel('Theme').selectOption('dark');
    await page.getByLabel('Language', { exact: true }).fill('de');
    await page.getByLabel('Display name').fill('Vee');
    await changeElsewhere(THEIRS);
    await save(page);
    await conflictOf(page).waitFor();
    return vera;
  }

  test('is shown beside it, and nothing is stored or lost before a choice is made', async () => {
    const { page, stored } = await meet();
    const conflict = conflictOf(page);
    expect(await conflict.locator('legend').allTextContents()).toEqual(['Theme', 'Language']);
    const theme = conflict.getByRole('group', { name: 'Theme' });
    expect(await theme.textContent()).toBe('ThemeYours: darkThe other one: system');
    expect(await page.getByLabel('Display name').inputValue()).toBe('Vee');
    expect(await stored()).toEqual(THEIRS);
    await picture(page, 'conflict');
  });

  test('is saved key by key as chosen, with all that no other tab touched', async () => {
    const { page, stored } = await meet();
    const conflict = conflictOf(page);
    await conflict.getByRole('group', { name: 'Language' }).getByLabel('The other one').check();
    await conflict.getByRole('button', { name: 'Save this choice' }).click();
    await saved(page);
    expect(await conflict.isVisible()).toBe(false);
    expect(await stored()).toEqual({ ...THEIRS, theme: 'dark', display_name: 'Vee' });
    expect(await page.getByLabel('Language', { exact: true }).inputValue()).toBe('fr');
    expect(await page.getByRole('checkbox', { name: 'On the phone' }).isChecked()).toBe(true);
  });

  test('is saved over it when the user keeps their own version', async () => {
    const { page, stored } = await meet();
    await page.getByRole('button', { name: 'Save this choice' }).click();
    await saved(page);
    expect(await stored()).toEqual({ ...THEIRS, theme: 'dark', language: 'de', display_name: 'Vee' });
  });

  test('goes together with it where they touch different keys, without a question', async () => {
    const { page, logIn, changeElsewhere, stored, expectComplaints } = await visitor(BEFORE);
    expectComplaints(/status of 412|ERR_FAILED/);
    await page.route('**/me/events', (route) => route.abort());
    await logIn();
    await page.getByRole('checkbox', { name: 'By e-mail' }).uncheck();
    await changeElsewhere(THEIRS);
    await save(page);
    await saved(page);
    expect(await stored()).toEqual({ ...THEIRS, notifications: { email: false, push: true } });
  });
});
