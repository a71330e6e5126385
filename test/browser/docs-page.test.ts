/** `/docs` of the service: the interface described in a browser, under a policy that lets it reach nothing else. */
import { expect, test } from '@jest/globals';
import { openStage, picture } from './stage.ts';

const { demo, visitor } = await openStage();

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
  await page.goto(`${demo.apiUrl}/docs`);
  await page
    .getByRole('button', { name: /^get .*\/me\/metadata$/i })
    .first()
    .click();
  await page.getByText('Metadata-Quota').first().waitFor();
  await picture(page, 'docs');
  expect(violations).toEqual([]);
  expect([...hosts]).toEqual([demo.apiUrl]);
});
