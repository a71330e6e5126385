/** `/docs` of the service: the interface described in a browser, under a policy that lets it reach nothing else. */
import { expect, test } from '@jest/globals';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { openStage, picture } from './stage.ts';

const { demo, visitor } = await openStage();

/** The page with one operation open. */
async function openDocs(page: Page): Promise<void> {
  await page.goto(`${demo.apiUrl}/docs`);
  await page
    .getByRole('button', { name: /^get .*\/me\/metadata$/i })
    .first()
    .click();
  await page.getByText('Metadata-Quota').first().waitFor();
}

test('/docs renders the interface, with nothing that its policy forbids', async () => {
  const { page } = await visitor();
  const violations: string[] = [];
  await page.exposeFunction('violated', (directive: string) => void violations.push(directive));
  await page.addInitScript(() =>
    addEventListener('securitypolicyviolation', (event) =>
      Object(globalThis).violated(event.violatedDirective),
    ),
  );
  const hosts = new Set<string>();
  page.on('request', (request) => {
    if (!request.url().startsWith('data:')) hosts.add(new URL(request.url()).origin);
  });
  await openDocs(page);
  expect(violations).toEqual([]);
  expect([...hosts]).toEqual([demo.apiUrl]);
});

/** Texts that axe finds too faint. */
async function findFaintTexts(page: Page): Promise<unknown> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { violations } = await Object(globalThis).axe.run({ runOnly: ['color-contrast'] });
    return violations.flatMap(({ nodes }: { nodes: Array<{ html: string; failureSummary: string }> }) =>
      nodes.map(({ html, failureSummary }) => `${html.slice(0, 80)} ${failureSummary}`),
    );
  });
}

test('/docs follows the colour scheme of the system, also when it changes, and each text can be read', async () => {
  const { page } = await visitor({}, { colorScheme: 'dark' });
  await openDocs(page);
  for (const [colorScheme, isDark] of [
    ['dark', true],
    ['light', false],
    ['dark', true],
  ] as const) {
    await page.emulateMedia({ colorScheme });
    await page.locator(isDark ? 'html.dark-mode' : 'html:not(.dark-mode)').waitFor();
    await picture(page, `docs-${colorScheme}`);
    expect(await findFaintTexts(page)).toEqual([]);
  }
});
