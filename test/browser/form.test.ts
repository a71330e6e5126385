/** The element by itself: any schema, any stored value, under a strict policy; and the page that docs/form.md shows. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import express from 'express';
import type { Page } from 'playwright-core';
import { openListener } from '../../packages/local-tenant/src/listener.ts';
import type { UserMetadataForm } from '../../packages/form/src/user-metadata-form.ts';
import { pageAt, ROOT } from '../docs/documents.ts';
import { fillLogIn, openStage, picture, save, saved } from './stage.ts';

const { demo, visitor } = await openStage();

type Json = UserMetadataForm['value'];

/** An empty page that may run the form and nothing else. */
async function openForm(schema: Json, value: Json): Promise<Page> {
  const { page } = await visitor();
  await page.route('**/favicon.ico', (route) => route.fulfill({ status: 204 }));
  await page.route('**/blank', (route) => {
    const policy = "default-src 'none'; script-src 'self'";
    const body =
      '<!doctype html><html lang="en"><title>Form</title><script type="module" src="/start.js"></script>';
    return route.fulfill({ contentType: 'text/html', headers: { 'content-security-policy': policy }, body });
  });
  await page.route('**/start.js', (route) => {
    const body = `import { defineUserMetadataForm } from '/vendor/metadata-bff-form/index.js';
      const form = document.createElement('user-metadata-form');
      Object.assign(form, ${JSON.stringify({ schema, value })}, { messages: { save: 'Sichern' } });
      globalThis.submitted = [];
      document.body.append(form);
      document.body.addEventListener('user-metadata-submit', ({ detail }) => globalThis.submitted.push(detail));
      defineUserMetadataForm();`;
    return route.fulfill({ contentType: 'text/javascript', body });
  });
  await page.goto(`${demo.pageUrl}/blank`);
  // Set before the element was defined, as frameworks do.
  await page.getByRole('button', { name: 'Sichern' }).waitFor();
  return page;
}

async function submit(page: Page): Promise<unknown> {
  await page.getByRole('button', { name: 'Sichern' }).click();
  return page.evaluate(() => Object(globalThis).submitted.shift()?.patch);
}

const patchOf = (page: Page): Promise<unknown> =>
  page.evaluate(() => document.querySelector('user-metadata-form')?.patch);

const textbox = (page: Page, name: string) => page.getByRole('textbox', { name });

describe('the element', () => {
  test('changes nothing of what it cannot show as the schema says, until the user edits it', async () => {
    const stored = {
      born: 'in spring',
      height: 'tall',
      colour: 'mauve',
      seen: '2026-03-29T01:30:00+01:00',
      alarm: '07:30:00+02:00',
      news: 'yes',
      address: 'by the sea',
      tags: 'none',
      text: 'two\r\nlines',
      gone: { deep: [null, { a: null }] },
    };
    const page = await openForm(
      {
        properties: {
          born: { type: 'string', format: 'date' },
          height: { type: 'number' },
          colour: { enum: ['red', 'blue'] },
          seen: { type: 'string', format: 'date-time' },
          alarm: { type: 'string', format: 'time' },
          news: { type: 'boolean' },
          address: { type: 'object', properties: { street: { type: 'string' } } },
          tags: { type: 'array', items: { type: 'string' } },
          text: { type: 'string' },
          more: { type: ['string', 'number'] },
        },
      },
      stored,
    );
    expect(await patchOf(page)).toEqual({});
    expect(await textbox(page, 'Born').inputValue()).toBe('in spring');
    expect(await textbox(page, 'Height').inputValue()).toBe('"tall"');
    expect(await page.getByLabel('Seen').inputValue()).toBe('2026-03-29T01:30');
    expect(await page.getByLabel('Alarm').inputValue()).toBe('07:30:00');

    await textbox(page, 'Height').fill('180');
    await page.getByLabel('Colour').selectOption({ label: 'red' });
    await page.getByLabel('Seen').fill('2026-07-01T12:00');
    await page.getByLabel('Alarm').fill('08:15');
    await textbox(page, 'Address').fill('{ "street": "Shore 1" }');
    await textbox(page, 'More').fill('7');
    await textbox(page, 'Other data').fill('{}');
    expect(await submit(page)).toEqual({
      height: 180,
      colour: 'red',
      seen: '2026-07-01T10:00:00.000Z',
      alarm: '08:15:00+02:00',
      address: { street: 'Shore 1' },
      more: 7,
      gone: null,
    });
  });

  test('holds back what cannot be read, names it, and goes on from there', async () => {
    const schema = {
      properties: {
        size: { type: 'integer', title: 'Size' },
        limits: { type: 'array', title: 'Limits', items: { type: 'number' } },
        free: { title: 'Free' },
      },
    };
    const page = await openForm(schema, { free: 1 });
    await textbox(page, 'Free').fill('{ "a": ');
    await page.getByRole('button', { name: 'Add: Limits' }).click();
    await page.getByLabel('Size').fill('1.5');
    expect(await submit(page)).toBeUndefined();
    const lines = await page.getByRole('listitem').allTextContents();
    expect(lines.filter((line) => line.includes(':')).map((line) => line.split(':')[0])).toEqual([
      'Size',
      'Limits 1',
      'Free',
    ]);
    await page.getByLabel('Size').fill('2');
    await page.getByRole('spinbutton', { name: 'Limits 1' }).fill('0.5');
    await textbox(page, 'Free').fill('{ "a": 1 }');
    expect(await submit(page)).toEqual({ size: 2, limits: [0.5], free: { a: 1 } });
  });

  test('never cuts a text: one that is too long in code points stays as typed, pasted or composed', async () => {
    const page = await openForm(
      {
        properties: {
          name: { type: 'string', title: 'Name', maxLength: 5 },
          about: { type: 'string', title: 'About', maxLength: 201 },
        },
      },
      { about: 'a\r\nb' },
    );
    const name = textbox(page, 'Name');
    await name.focus();
    await page.keyboard.insertText('🙂🙂🙂🙂🙂');
    expect(await submit(page)).toEqual({ name: '🙂🙂🙂🙂🙂' });

    await name.focus();
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Input.imeSetComposition', { text: 'かな', selectionStart: 2, selectionEnd: 2 });
    await devtools.send('Input.insertText', { text: '仮名' });
    expect(await name.inputValue()).toBe('🙂🙂🙂🙂🙂仮名');
    expect(await submit(page)).toBeUndefined();
    await page.getByRole('link', { name: 'Name: Too long: 7 of at most 5 characters.' }).waitFor();
    expect(await name.inputValue()).toBe('🙂🙂🙂🙂🙂仮名');

    await name.fill('🙂');
    // Each end of a line counts as two characters, because it is stored as it was.
    await textbox(page, 'About').fill(`a\n${'b'.repeat(199)}`);
    expect(await submit(page)).toBeUndefined();
    await page.getByRole('link', { name: 'About: Too long: 202 of at most 201 characters.' }).waitFor();
    await textbox(page, 'About').fill('a\nc');
    expect(await submit(page)).toEqual({ name: '🙂', about: 'a\r\nc' });
  });

  test('says what is wrong in sentences of its own, by the rules of JSON Schema', async () => {
    const page = await openForm(
      {
        required: ['size'],
        properties: {
          code: { type: 'string', title: 'Code', pattern: '[(&&)-]' },
          mail: { type: 'string', title: 'Mail', format: 'email' },
          site: { type: 'string', title: 'Site', format: 'uri' },
          born: { type: 'string', title: 'Born', format: 'date' },
          size: { type: 'number', title: 'Size', exclusiveMinimum: 0 },
          count: { type: 'integer', title: 'Count' },
          free: { title: 'Free' },
          twice: { title: 'Twice' },
        },
      },
      { size: 1, free: 1, twice: 1 },
    );
    await textbox(page, 'Code').fill('a');
    await textbox(page, 'Mail').fill('nobody');
    await textbox(page, 'Site').fill('example.com');
    await page.getByLabel('Born').focus();
    await page.keyboard.type('01');
    await page.getByLabel('Size').fill('');
    await page.getByLabel('Count').fill('9007199254740993');
    await textbox(page, 'Free').fill('{ "a": 9007199254740993 }');
    await textbox(page, 'Twice').fill('{ "a": 1, "a": 2 }');
    expect(await submit(page)).toBeUndefined();
    expect(await page.getByRole('link').allTextContents()).toEqual([
      'Code: This is not in the expected format.',
      'Mail: This is not an email address.',
      'Site: This is not a complete address, such as https://example.com.',
      'Born: Complete this, or empty it.',
      'Size: Fill this in.',
      'Count: A number here is too large or has too many digits to be stored exactly.',
      'Free: A number here is too large or has too many digits to be stored exactly.',
      'Twice: A name appears twice in the same object.',
    ]);
    await page.evaluate(() => {
      const form = document.querySelector('user-metadata-form');
      if (form) form.messages = { ...form.messages, notAbove: 'Mehr als {limit}.' };
    });
    await page.getByLabel('Size').fill('0');
    await submit(page);
    await page.getByRole('link', { name: 'Size: Mehr als 0.' }).waitFor();
  });

  test('keeps edits, half-typed ones too, when another document is stored', async () => {
    const schema = {
      properties: { name: { type: 'string' }, list: { type: 'array', items: { type: 'string' } } },
    };
    const page = await openForm(schema, { name: 'a', list: ['x'], other: { p: 1, q: 1 } });
    const other = textbox(page, 'Other data');
    await other.fill('{ "other": { "p": 2, "q": 1 } }');
    await textbox(page, 'List 1').fill('y');
    await page.evaluate(() =>
      document
        .querySelector('user-metadata-form')
        ?.rebase({ name: 'b', list: ['z'], other: { p: 1, q: 3 }, new: 1 }),
    );
    expect(await textbox(page, 'Name').inputValue()).toBe('b');
    expect(await patchOf(page)).toEqual({ list: ['y'], other: { p: 2 } });

    await other.fill('{ "other": ');
    await page.evaluate(() =>
      document.querySelector('user-metadata-form')?.rebase({ name: 'c', list: ['y'] }),
    );
    expect(await other.inputValue()).toBe('{ "other": ');
    expect(await textbox(page, 'Name').inputValue()).toBe('c');
    await page.evaluate(() => document.querySelector('user-metadata-form')?.applyPatch({ name: 'd' }));
    expect([await textbox(page, 'Name').inputValue(), await other.inputValue()]).toEqual([
      'd',
      '{ "other": ',
    ]);
  });

  test('moves, adds and removes items of any kind, and leads the focus along', async () => {
    const address = { type: 'object', title: 'Address', properties: { street: { type: 'string' }, zip: {} } };
    const schema = {
      properties: { addresses: { type: 'array', title: 'Addresses', items: address, maxItems: 3 } },
    };
    const page = await openForm(schema, {
      addresses: [{ street: 'A' }, { street: 'B', zip: 1, note: 'kept' }],
    });
    await page.getByRole('button', { name: 'Move up: Address 2' }).click();
    // It has reached the top, where the button for that is out of use.
    await page.keyboard.press('Enter');
    expect(await patchOf(page)).toEqual({});
    await page.getByRole('button', { name: 'Move up: Address 2' }).press('Enter');
    await page.getByText('Address 2 is now at position 1.').waitFor();
    const add = page.getByRole('button', { name: 'Add: Addresses' });
    await add.click();
    expect(await add.isDisabled()).toBe(true);
    await page.getByRole('group', { name: 'Address 3' }).getByLabel('Street').fill('C');
    await page.getByRole('button', { name: 'Remove: Address 2' }).click();
    expect(await submit(page)).toEqual({
      addresses: [{ street: 'B', zip: 1, note: 'kept' }, { street: 'C' }],
    });
  });

  test('shows each error at the innermost field that its pointer leads to', async () => {
    const inner = {
      type: 'object',
      title: 'Inner',
      properties: { 'a/b': { type: 'string', title: 'Slash' } },
    };
    const page = await openForm(
      { properties: { outer: { type: 'array', title: 'Outer', items: inner } } },
      { outer: [{}] },
    );
    await page.evaluate(() => {
      const form = document.querySelector('user-metadata-form');
      if (!form) return;
      form.errors = [
        { pointer: '/outer/0/a~1b', detail: 'One.' },
        { pointer: '/outer/0/missing', detail: 'Two.' },
        { pointer: '/outer/7', detail: 'Three.' },
        { pointer: '/elsewhere', detail: 'Four.' },
        { pointer: '', detail: 'Five.' },
      ];
    });
    const links = await page.getByRole('link').allTextContents();
    expect(links).toEqual([
      'Slash: One.',
      'Inner 1: Two.',
      'Outer: Three.',
      expect.stringMatching(/Four\.$/),
      expect.stringMatching(/Five\.$/),
    ]);
    await page.getByRole('link', { name: 'Slash' }).click();
    const slash = page.getByLabel('Slash');
    expect(await slash.evaluate((input) => input.matches(':focus'))).toBe(true);
    await slash.fill('x');
    expect(await slash.getAttribute('aria-invalid')).toBeNull();
  });
});

describe('the page of docs/form.md', () => {
  const { fences } = pageAt('docs/form.md');
  const blockOf = (info: string): string => fences.find((fence) => fence.info === info)?.text ?? '';
  let url = '';
  let listener: Awaited<ReturnType<typeof openListener>> | undefined;

  beforeAll(async () => {
    const imports = {
      '@auth0/auth0-spa-js': '/sdk/auth0-spa-js.production.esm.js',
      '@metadata-bff/form': '/form/index.js',
    };
    const script = blockOf('js')
      .replace("'https://metadata.example.com';", `'${demo.apiUrl}';`)
      .replace("'tenant.eu.auth0.com'", `'${demo.tenantUrl}'`)
      .replace("'the client id of the single-page app'", "'local-spa'")
      .replace("audience: 'https://metadata.example.com'", "audience: 'https://metadata-bff.local'");
    const page = blockOf('html').replace(
      '<script',
      `<script type="importmap">${JSON.stringify({ imports })}</script><script`,
    );
    const app = express();
    app.use('/form', express.static(join(ROOT, 'packages/form/dist')));
    app.use('/sdk', express.static(join(ROOT, 'node_modules/@auth0/auth0-spa-js/dist')));
    app.get('/preferences.js', (_req, res) => void res.type('js').send(script));
    app.get('/favicon.ico', (_req, res) => void res.sendStatus(204));
    app.get('/', (_req, res) => void res.type('html').send(page));
    listener = await openListener(0);
    listener.serve(app);
    url = `http://localhost:${listener.port}`;
  });
  afterAll(() => listener?.close());

  test('logs in, shows the form, saves, and shows what the service refuses', async () => {
    const { page, name, stored, expectComplaints } = await visitor({ theme: 'light', language: 'en' });
    // The example stands at an address of its own, which the demo's service was not told of.
    expectComplaints(/status of 4(?:12|22)/);
    await page.route(`${demo.apiUrl}/**`, async (route) => {
      const answer = await route.fetch({ headers: { ...route.request().headers(), origin: demo.pageUrl } });
      const headers = { ...answer.headers(), 'access-control-allow-origin': url };
      await route.fulfill({ response: answer, headers });
    });
    await page.goto(url);
    await fillLogIn(page, name);
    await page.getByLabel('Theme').selectOption('dark');
    await save(page);
    await saved(page);
    expect(await stored()).toEqual({ theme: 'dark', language: 'en' });
    await textbox(page, 'Other data').waitFor({ state: 'hidden' });
    for (const interest of ['chess', 'chess']) {
      await page.getByRole('button', { name: 'Add: Interests' }).click();
      await page.keyboard.type(interest);
    }
    await save(page);
    await page.getByRole('link', { name: /^Interests: ./ }).waitFor();
    await picture(page, 'example');
  });
});
