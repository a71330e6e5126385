/** The element by itself: any schema, any stored value, under a strict policy; and the page that docs/form.md shows. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import express from 'express';
import type { Page } from 'playwright-core';
import { openListener } from '../../packages/local-tenant/src/listener.ts';
import type { UserMetadataForm } from '../../packages/form/src/user-metadata-form.ts';
import { pageAt, ROOT } from '../docs/documents.ts';
import { fillLogIn, openStage, picture, save } from './stage.ts';

const { demo, visitor } = await openStage();

type Json = UserMetadataForm['value'];

/** An empty page that may run the form and nothing else. */
async function openForm(schema: Json, value: Json, access?: Json): Promise<Page> {
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
      Object.assign(form, ${JSON.stringify({ schema, policy: access, value })}, { messages: { save: 'Sichern' } });
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
    await page.getByRole('link', { name: 'Name: Use at most 5 characters, not 7.' }).waitFor();
    expect(await name.inputValue()).toBe('🙂🙂🙂🙂🙂仮名');

    await name.fill('🙂');
    // Each end of a line counts as two characters, because it is stored as it was.
    await textbox(page, 'About').fill(`a\n${'b'.repeat(199)}`);
    expect(await submit(page)).toBeUndefined();
    await page.getByRole('link', { name: 'About: Use at most 201 characters, not 202.' }).waitFor();
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
    await textbox(page, 'Mail').fill('jane');
    await textbox(page, 'Site').fill('example.com');
    await page.getByLabel('Born').focus();
    await page.keyboard.type('01');
    await page.getByLabel('Size').fill('');
    await page.getByLabel('Count').fill('9007199254740993');
    await textbox(page, 'Free').fill('{ "a": 9007199254740993 }');
    await textbox(page, 'Twice').fill('{ "a": 1, "a": 2 }');
    expect(await submit(page)).toBeUndefined();
    expect(await page.getByRole('link').allTextContents()).toEqual([
      'Code: This is not the right format.',
      'Mail: Enter an address such as name@example.com.',
      'Site: Enter an address such as https://example.com.',
      'Born: Complete this, or clear it.',
      'Size: Fill this in.',
      'Count: A number here has too many digits.',
      'Free: A number here has too many digits.',
      'Twice: This name is there twice.',
    ]);
    await page.evaluate(() => {
      const form = document.querySelector('user-metadata-form');
      if (form) form.messages = { ...form.messages, errors: { exclusiveMinimum: 'Mehr als {limit}.' } };
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
    await page.getByRole('button', { name: 'Remove: x' }).click();
    await page.getByRole('group', { name: 'List' }).getByRole('textbox').fill('y');
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
    expect(links).toEqual(['Slash: One.', 'Inner 1: Two.', 'Outer: Three.']);
    // What is wrong with the document as a whole comes first, and leads nowhere.
    const items = page.getByRole('group', { name: 'Please check these fields' }).getByRole('listitem');
    expect(await items.allTextContents()).toEqual(['Four.', 'Five.', ...links]);
    await page.getByRole('link', { name: 'Slash' }).click();
    const slash = page.getByLabel('Slash');
    expect(await slash.evaluate((input) => input.matches(':focus'))).toBe(true);
    await slash.fill('x');
    expect(await slash.getAttribute('aria-invalid')).toBeNull();
  });
});

describe('widgets', () => {
  const SCHEMA = {
    properties: {
      theme: {
        title: 'Theme',
        enum: ['light', 'dark'],
        default: 'light',
        'x-ui': { widget: 'radio', optionLabels: { light: 'Light', dark: 'Dark' } },
      },
      news: { title: 'News', type: 'boolean', 'x-ui': { widget: 'switch', group: 'Contact' } },
      size: { title: 'Size', type: 'integer', minimum: 50, maximum: 300, 'x-ui': { widget: 'slider' } },
      accent: { title: 'Accent', type: 'string', 'x-ui': { widget: 'color' } },
      phone: {
        title: 'Phone',
        type: 'string',
        'x-ui': { widget: 'tel', group: 'Contact', placeholder: '+44' },
      },
      days: {
        title: 'Days',
        type: 'array',
        items: { enum: ['mon', 'tue', 'wed'] },
        'x-ui': { widget: 'chips', optionLabels: { mon: 'Monday' } },
      },
      tags: { title: 'Tags', type: 'array', items: { type: 'string', maxLength: 5 }, uniqueItems: true },
      pay: {
        title: 'Payment',
        oneOf: [
          { title: 'Card', properties: { by: { const: 'card' }, number: { type: 'string' } } },
          { title: 'Transfer', properties: { by: { const: 'iban' }, iban: { type: 'string' } } },
        ],
      },
      links: { title: 'Links', type: 'object', additionalProperties: { type: 'string', minLength: 1 } },
      place: { title: 'Place', type: 'array', prefixItems: [{ type: 'number' }, { type: 'number' }] },
      nick: { title: 'Nick', type: ['string', 'null'] },
    },
  };

  test('edit values of every kind, and only what was edited is in the patch', async () => {
    const stored = {
      days: ['wed', 'mon'],
      tags: ['a'],
      pay: { by: 'card', number: '1' },
      links: { home: 'x', work: 'y' },
      place: [1, 2],
      nick: null,
    };
    const page = await openForm(SCHEMA, stored);
    expect(await patchOf(page)).toEqual({});
    await page.getByRole('radio', { name: 'Dark' }).check();
    await page.getByRole('switch', { name: 'News' }).check();
    await page.getByRole('slider', { name: 'Size' }).fill('120');
    await page.getByLabel('Accent').fill('#ff0000');
    await page.getByLabel('Phone').fill('+44 20');
    const days = page.getByRole('group', { name: 'Days' });
    await days.getByLabel('tue').check({ force: true });
    await days.getByLabel('Monday').uncheck({ force: true });
    const tags = page.getByRole('group', { name: 'Tags' });
    await tags.getByRole('textbox').fill('b');
    await tags.getByRole('textbox').press('Enter');
    await tags.getByRole('button', { name: 'Remove: a' }).click();
    await tags.getByRole('textbox').fill('not entered');
    await page.getByLabel('By').selectOption({ label: 'Transfer' });
    await page.getByLabel('Iban').fill('DE');
    const links = page.getByRole('group', { name: 'Links' });
    await links.getByRole('button', { name: 'Add: Links' }).click();
    await page.keyboard.type('blog');
    await links.getByRole('textbox', { name: 'blog' }).fill('z');
    await links.getByRole('button', { name: 'Remove: home' }).click();
    await page.getByLabel('Place 2').fill('3');
    expect(await submit(page)).toBeUndefined();
    await page.getByRole('link', { name: 'Tags: Use at most 5 characters, not 11.' }).click();
    expect(await tags.getByRole('textbox').evaluate((input) => input.matches(':focus'))).toBe(true);
    await tags.getByRole('textbox').fill('c');
    expect(await submit(page)).toEqual({
      theme: 'dark',
      news: true,
      size: 120,
      accent: '#ff0000',
      phone: '+44 20',
      days: ['tue', 'wed'],
      tags: ['b', 'c'],
      pay: { by: 'iban', number: null, iban: 'DE' },
      links: { blog: 'z', home: null },
      place: [1, 3],
    });
  });

  test('stand in sections with headings, with their placeholder', async () => {
    const page = await openForm(SCHEMA, {});
    await page.getByRole('heading', { name: 'Contact' }).waitFor();
    expect(await page.getByLabel('Phone').getAttribute('placeholder')).toBe('+44');
  });

  test('go back to nothing: a slider is cleared, an option is taken back, an alternative is remembered', async () => {
    const page = await openForm(SCHEMA, { size: 100, pay: { by: 'card', number: '1' } });
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByLabel('By').selectOption({ label: 'Transfer' });
    await page.getByLabel('By').selectOption({ label: 'Card' });
    expect(await page.getByLabel('Number').inputValue()).toBe('1');
    expect(await submit(page)).toEqual({ size: null });
    await page.getByLabel('By').selectOption({ label: 'Not set' });
    expect(await submit(page)).toEqual({ size: null, pay: null });
  });

  test('show values that do not fit them as lists or JSON', async () => {
    const page = await openForm(SCHEMA, {
      days: ['mon', 'sun'],
      tags: ['a\nb'],
      accent: 'red',
      place: [1, 2, 3],
    });
    expect(await patchOf(page)).toEqual({});
    expect(await textbox(page, 'Accent').inputValue()).toBe('red');
    expect(JSON.parse(await textbox(page, 'Place').inputValue())).toEqual([1, 2, 3]);
    await page.getByRole('button', { name: 'Remove: Days 2' }).click();
    expect(await submit(page)).toEqual({ days: ['mon'] });
  });

  test('keep the entries of others beside those that were edited', async () => {
    const page = await openForm(SCHEMA, { links: { home: 'x', work: 'y' } });
    await textbox(page, 'home').fill('mine');
    await page.evaluate(() => {
      const form = document.querySelector('user-metadata-form');
      if (form) form.value = { links: { home: 'x', blog: 'theirs' } };
    });
    expect(await textbox(page, 'blog').inputValue()).toBe('theirs');
    expect(await submit(page)).toEqual({ links: { home: 'mine' } });
  });
});

describe('what may not be changed', () => {
  const SCHEMA = {
    properties: {
      since: { title: 'Since', type: 'string', format: 'date', readOnly: true },
      plan: { title: 'Plan', enum: ['pro'], 'x-ui': { optionLabels: { pro: 'Professional' } } },
      roles: { title: 'Roles', type: 'array', items: { type: 'string' } },
      terms: { title: 'Terms', type: 'string', 'x-write-once': true },
      hidden: { title: 'Hidden', type: 'string' },
    },
  };
  const POLICY = {
    user_metadata: {
      '': { access: 'read_only', reason: 'schema' },
      '/since': { access: 'read_only', reason: 'schema' },
      '/plan': { access: 'read_only', reason: 'application' },
      '/roles': { access: 'read_only', reason: 'delegation' },
      '/terms': { access: 'read_write' },
    },
  };

  test('is shown as a person reads it, with the reason', async () => {
    const page = await openForm(
      SCHEMA,
      { since: '2024-05-17', plan: 'pro', roles: ['a', 'b'], old: 1 },
      POLICY,
    );
    expect(await page.getByLabel('Since').textContent()).toBe('May 17, 2024');
    expect(await page.getByLabel('Plan').textContent()).toBe('Professional');
    expect(await page.getByLabel('Roles').textContent()).toBe('a and b');
    expect(await page.getByLabel('Other data').textContent()).toBe('{"old":1}');
    const noteOf = (label: string) =>
      page.getByLabel(label).evaluate((output) => {
        const ids = output.getAttribute('aria-describedby') ?? '';
        const root = output.getRootNode();
        return root instanceof ShadowRoot ? root.getElementById(ids)?.textContent : undefined;
      });
    expect(await noteOf('Since')).toBe('It cannot be changed.');
    expect(await noteOf('Plan')).toBe('This app may not change it.');
    expect(await page.getByLabel('Hidden').count()).toBe(0);
    await textbox(page, 'Terms').fill('2026-01');
    expect(await submit(page)).toEqual({ terms: '2026-01' });
  });

  test('is locked once it is stored, if it can be written once', async () => {
    const page = await openForm(SCHEMA, {}, POLICY);
    await textbox(page, 'Terms').fill('2026-01');
    await page.evaluate(() => document.querySelector('user-metadata-form')?.rebase({ terms: '2026-01' }));
    await page.getByText('It can be set only once.').waitFor();
    expect(await page.getByLabel('Terms').textContent()).toBe('2026-01');
  });
});

describe('behaviour', () => {
  const SCHEMA = {
    required: ['name'],
    properties: {
      name: { title: 'Name', type: 'string', minLength: 1, maxLength: 5 },
      size: { title: 'Size', type: 'integer', maximum: 10 },
      list: {
        title: 'List',
        type: 'array',
        items: { type: 'object', properties: { a: { type: 'string' } } },
      },
    },
  };

  test('setting the value, an equal schema or equal messages keeps edits and focus; reset() discards', async () => {
    const page = await openForm(SCHEMA, { name: 'a' });
    await textbox(page, 'Name').fill('b');
    await page.evaluate((schema) => {
      const form = document.querySelector('user-metadata-form');
      if (!form) return;
      form.value = { name: 'a', size: 3 };
      form.schema = structuredClone(schema);
      form.messages = { save: 'Sichern' };
      form.policy = undefined;
    }, SCHEMA);
    expect(await textbox(page, 'Name').evaluate((input) => input.matches(':focus'))).toBe(true);
    expect(await patchOf(page)).toEqual({ name: 'b' });
    const dirty = () => page.evaluate(() => document.querySelector('user-metadata-form')?.dirty);
    expect(await dirty()).toBe(true);
    // What was saved is no edit any more, and the focus stays.
    await page.evaluate(() => {
      const form = document.querySelector('user-metadata-form');
      if (form) form.value = { ...form.value };
    });
    expect(await dirty()).toBe(false);
    expect(await textbox(page, 'Name').evaluate((input) => input.matches(':focus'))).toBe(true);
    await textbox(page, 'Name').fill('c');
    await page.evaluate(() => document.querySelector('user-metadata-form')?.reset());
    expect([await textbox(page, 'Name').inputValue(), await dirty()]).toEqual(['b', false]);
  });

  test('submit(), checkValidity() and reportValidity() do what the button does', async () => {
    const page = await openForm(SCHEMA, { name: 'a' });
    const call = (method: 'submit' | 'checkValidity' | 'reportValidity') =>
      page.evaluate((name) => document.querySelector('user-metadata-form')?.[name](), method);
    expect([await call('submit'), await call('checkValidity')]).toEqual([false, true]);
    await page.getByText('There are no changes to save.').waitFor();
    await page.getByLabel('Size').fill('11');
    const summary = page.getByRole('group', { name: 'Please check these fields' });
    expect([await call('checkValidity'), await summary.isVisible()]).toEqual([false, false]);
    expect([await call('reportValidity'), await summary.isVisible()]).toEqual([false, true]);
    expect(await call('submit')).toBe(false);
    await page.getByLabel('Size').fill('10');
    expect([await summary.isVisible(), await call('submit')]).toEqual([false, true]);
    expect(await page.evaluate(() => Object(globalThis).submitted)).toMatchObject([{ patch: { size: 10 } }]);
  });

  test('errors go one by one as they are mended, those of the service too', async () => {
    const page = await openForm(SCHEMA, { name: 'a', list: [{ a: 'x' }] });
    await textbox(page, 'Name').fill('');
    await page.getByLabel('Size').fill('11');
    await submit(page);
    const links = page.getByRole('link');
    expect(await links.allTextContents()).toEqual(['Name: Fill this in.', 'Size: Enter 10 or less.']);
    await textbox(page, 'Name').fill('too long');
    expect(await links.allTextContents()).toEqual([
      'Name: Use at most 5 characters, not 8.',
      'Size: Enter 10 or less.',
    ]);
    await textbox(page, 'Name').fill('fine');
    expect(await links.allTextContents()).toEqual(['Size: Enter 10 or less.']);
    await page.evaluate(() => {
      const form = document.querySelector('user-metadata-form');
      if (!form) return;
      form.errors = [
        {
          pointer: '/size',
          code: 'multipleOf',
          params: { multipleOf: 5 },
          detail: 'Must be a multiple of 5.',
        },
        { pointer: '/list', code: 'minItems', params: { limit: 2 }, detail: 'Must have at least 2 items.' },
        { pointer: '', code: 'refused_by_tenant', detail: 'The profile is too large.' },
      ];
    });
    const items = page.getByRole('group', { name: 'Please check these fields' }).getByRole('listitem');
    const own = ['Size: Enter a multiple of 5.', 'List: Have at least 2 here.'];
    expect(await items.allTextContents()).toEqual(['The profile is too large.', ...own]);
    await page.getByRole('textbox', { name: 'A', exact: true }).fill('y');
    expect(await items.allTextContents()).toEqual(own.slice(0, 1));
    await page.getByLabel('Size').fill('5');
    await items.first().waitFor({ state: 'hidden' });
  });

  test('in a form, it takes part in it: data, validity, Enter, reset and disabled', async () => {
    const page = await openForm(SCHEMA, { name: 'a' });
    await page.evaluate(() => {
      const form = document.createElement('form');
      const element = document.querySelector('user-metadata-form');
      if (!element) return;
      element.setAttribute('name', 'metadata');
      form.innerHTML = '<fieldset></fieldset><button>Send</button>';
      form.querySelector('fieldset')?.append(element);
      document.body.append(form);
      Object(globalThis).sent = [];
      form.addEventListener('submit', (event) => {
        event.preventDefault();
        Object(globalThis).sent.push(Object.fromEntries(new FormData(form)));
      });
    });
    const sent = () => page.evaluate(() => Object(globalThis).sent.splice(0));
    expect(await page.getByRole('button', { name: 'Sichern' }).isVisible()).toBe(false);
    await page.getByLabel('Size').fill('11');
    await page.getByRole('button', { name: 'Send' }).click();
    expect(await sent()).toEqual([]);
    await page.getByRole('link', { name: 'Size: Enter 10 or less.' }).waitFor();
    await page.getByLabel('Size').fill('3');
    await page.getByLabel('Size').press('Enter');
    expect(await sent()).toEqual([{ metadata: '{"size":3}' }]);
    await page.evaluate(() => document.querySelector('fieldset')?.toggleAttribute('disabled', true));
    expect(await page.getByLabel('Size').isDisabled()).toBe(true);
    await page.evaluate(() => document.querySelector('fieldset')?.toggleAttribute('disabled', false));
    // As a framework does for a property that has no value.
    await page.evaluate(() =>
      Reflect.set(Object(document.querySelector('user-metadata-form')), 'disabled', undefined),
    );
    expect(await page.getByLabel('Size').isDisabled()).toBe(false);
    await page.evaluate(() => document.querySelector('form')?.reset());
    expect(await page.getByLabel('Size').inputValue()).toBe('');
  });

  test('a server can write schema, value and policy into the page', async () => {
    const page = await openForm({}, {});
    await page.evaluate((schema) => {
      document.body.innerHTML = `<user-metadata-form schema='${JSON.stringify(schema)}' value='{"name":"a","size":1}'
        policy='{"user_metadata":{"/name":{"access":"read_write"}}}'></user-metadata-form>`;
    }, SCHEMA);
    expect(await textbox(page, 'Name').inputValue()).toBe('a');
    expect(await page.getByLabel('Size').count()).toBe(0);
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
    await page.getByText('Saved.', { exact: true }).waitFor();
    expect(await stored()).toEqual({ theme: 'dark', language: 'en' });
    await textbox(page, 'Other data').waitFor({ state: 'hidden' });
    await page.getByLabel('Language').fill('Klingon');
    await page.evaluate(() => {
      const form = document.querySelector('user-metadata-form');
      if (form) form.schema = { type: 'object', properties: { language: { type: 'string' } } };
    });
    await save(page);
    await page.getByRole('link', { name: 'Language: This is not the right format.' }).waitFor();
    await picture(page, 'example');
  });
});
