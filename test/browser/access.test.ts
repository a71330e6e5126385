/** For everybody: axe finds nothing serious in any state, light, dark or narrow; and the keyboard alone is enough. */
import { expect, test } from '@jest/globals';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { ROOT } from '../docs/documents.ts';
import { fillLogIn, formOf, openStage, picture, save, saved, type Visitor } from './stage.ts';

const { demo, visitor } = await openStage();

const DOCUMENT = {
  display_name: 'Vera',
  theme: 'dark',
  birthday: '1990-02-28',
  notifications: { email: true, digest: { frequency: 'weekly', day: 'monday' } },
  interests: ['chess', 'sailing'],
  member_since: '2024-05-17',
  colours: ['red'],
};

/** What axe finds serious or critical. */
async function faultsOf(page: Page): Promise<unknown> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { violations } = await Object(globalThis).axe.run();
    return violations.flatMap((violation: { impact: string; id: string; nodes: Array<{ html: string }> }) =>
      ['serious', 'critical'].includes(violation.impact)
        ? [`${violation.id}: ${violation.nodes.map(({ html }) => html).join(' | ')}`]
        : [],
    );
  });
}

/** With errors, a notice and the bar at once. */
async function provokeEverything({ page, changeElsewhere }: Visitor): Promise<void> {
  await page.getByLabel('Theme').selectOption('light');
  await changeElsewhere({ ...DOCUMENT, theme: 'system' });
  await page.getByText('A field that you edited was changed somewhere else.').waitFor();
  await page.getByLabel('Text size in percent').fill('1');
  await page.getByText('Last request').click();
  await save(page);
  await page.getByRole('group', { name: 'Please check these fields' }).waitFor();
}

const LOOKS = [
  { name: 'light', colorScheme: 'light', width: 1280 },
  { name: 'dark', colorScheme: 'dark', width: 1280 },
  { name: 'narrow', colorScheme: 'light', width: 360 },
  { name: 'narrow-dark', colorScheme: 'dark', width: 360 },
] as const;

/** The page in each look, with a picture of it, what axe finds, and how far it sticks out. */
async function faultsInAllLooks(page: Page, state: string): Promise<unknown[]> {
  const found: unknown[] = [];
  for (const { name, colorScheme, width } of LOOKS) {
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme });
    await picture(page, `${state}-${name}`);
    const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    found.push({ name, faults: await faultsOf(page), excess: Math.max(0, excess) });
  }
  return found;
}

const NONE = LOOKS.map(({ name }) => ({ name, faults: [], excess: 0 }));

test('the page has no serious accessibility fault, light or dark, wide or narrow', async () => {
  const vera = await visitor(DOCUMENT);
  const { page } = vera;
  await page.goto(demo.pageUrl);
  await page.getByRole('button', { name: 'Log in', exact: true }).waitFor();
  expect(await faultsInAllLooks(page, 'welcome')).toEqual(NONE);
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
  await page.getByLabel('Password').waitFor();
  expect(await faultsInAllLooks(page, 'login')).toEqual(NONE);
  const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  expect(background).toBe('rgb(20, 21, 26)');
  await fillLogIn(page, vera.name);
  await formOf(page).waitFor();
  expect(await faultsInAllLooks(page, 'form')).toEqual(NONE);
  await provokeEverything(vera);
  expect(await faultsInAllLooks(page, 'everything')).toEqual(NONE);
});

test('an edit needs no mouse', async () => {
  const { page, logIn, stored } = await visitor({ theme: 'light', interests: ['a', 'b'] });
  await logIn();
  const press = async (...keys: readonly string[]) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  /** Goes on with Tab until the focus is on what has this name. */
  const tabTo = async (name: string) => {
    for (let presses = 0; presses < 60; presses += 1) {
      await page.keyboard.press('Tab');
      const reached = await page.evaluate(() => {
        let focused = document.activeElement;
        while (focused?.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement;
        const labels =
          focused instanceof HTMLInputElement || focused instanceof HTMLSelectElement ? focused.labels : null;
        return focused?.getAttribute('aria-label') ?? labels?.[0]?.textContent ?? focused?.textContent;
      });
      if (reached === name) return;
    }
    throw new Error(`Tab does not lead to ${name}`);
  };
  await tabTo('Display name');
  await page.keyboard.type('Vee');
  await tabTo('Theme');
  await press('ArrowDown');
  await tabTo('By e-mail');
  await press('Space');
  await tabTo('Remove: a');
  await press('Enter');
  // The focus is on the next item.
  await tabTo('Add');
  await page.keyboard.type('c');
  // The first adds it, the second saves.
  await press('Enter', 'Enter');
  await saved(page);
  expect(await stored()).toEqual({
    display_name: 'Vee',
    theme: 'dark',
    notifications: { email: true },
    interests: ['b', 'c'],
  });
});

// Only on request: no two machines draw the same bytes.
if (process.env['WRITE_PAGE_IMAGE'] === 'true') {
  test('the picture of the README is taken', async () => {
    const { page } = await visitor({}, { viewport: { width: 1100, height: 860 } });
    await page.goto(demo.pageUrl);
    await page.getByRole('button', { name: 'Log in', exact: true }).click();
    await fillLogIn(page, 'jane');
    await page.getByLabel('Display name').fill('Jane');
    await save(page);
    await saved(page);
    await page.evaluate(() => scrollTo(0, 0));
    expect(await page.locator('#who').textContent()).toContain('jane@example.com');
    await page.screenshot({ path: join(ROOT, 'docs', 'images', 'page.png') });
  });
}
