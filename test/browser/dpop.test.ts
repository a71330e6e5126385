/** The page with `useDpop: true`: tokens are bound to a key of the browser, and every request proves that it has it. */
import { expect, test } from '@jest/globals';
import { openStage, save, saved } from './stage.ts';

const { visitor } = await openStage({ WEB_DPOP: 'true' });

test('with DPoP, the SDK’s fetcher reads, saves and watches with bound tokens and a proof for each request', async () => {
  const { page, logIn, stored, changeElsewhere } = await visitor({ theme: 'light' });
  const proofs: string[] = [];
  page.on('request', (request) => {
    const { authorization = '', dpop = '' } = request.headers();
    if (new URL(request.url()).pathname.startsWith('/me'))
      proofs.push(`${authorization.split(' ')[0]} ${dpop}`);
  });
  await logIn();
  await page.getByLabel('Display name').fill('Vee');
  await save(page);
  await saved(page);
  expect(await stored()).toEqual({ theme: 'light', display_name: 'Vee' });
  await changeElsewhere({ theme: 'dark' });
  await page.getByText('Updated: a change was made somewhere else.').waitFor();

  const sent = proofs.filter((proof) => proof !== ' ');
  expect(sent.length).toBeGreaterThan(3);
  expect(sent.filter((proof) => !/^DPoP ey[\w-]+\.[\w-]+\.[\w-]+$/.test(proof))).toEqual([]);
  expect(new Set(sent).size).toBe(sent.length);
});
