/**
 * What users do with the elements, by real input in every engine that is installed. The texts of an engine's own are not
 * looked at, and its pickers are not opened.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import axe from 'axe-core';
import { until } from '../support/until.ts';
import { startEnginePage } from './engine-page.ts';
import { type Engine, findEngines, type Tab } from './engines.ts';

const site = await startEnginePage();
afterAll(() => site.stop());

type Json = Readonly<Record<string, unknown>>;
let people = 0;

/** A new user at the tenant. */
async function createUser(stored: Json) {
  people += 1;
  const name = `engine${people}`;
  const address = `${site.tenantUrl}/_local/users/${encodeURIComponent(`auth0|${name}`)}`;
  const write = async (fields: Json) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(address, { method: 'PUT', headers, body: JSON.stringify(fields) });
    expect(answer.ok).toBe(true);
  };
  await write({ email: `${name}@example.com`, name: 'Vera', password: 'local', user_metadata: stored });
  return {
    name,
    stored: async (): Promise<unknown> => Object(await (await fetch(address)).json()).user_metadata,
    changeElsewhere: (document: Json) => write({ user_metadata: document }),
  };
}

/** An access token, and an address that takes it. */
async function createCall(): Promise<{ readonly url: string; readonly token: string }> {
  const { name } = await createUser({ theme: 'dark' });
  const answer = await fetch(`${site.tenantUrl}/_local/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sub: `auth0|${name}`, scope: 'read:metadata update:metadata' }),
  });
  return { url: `${site.apiUrl}/me/metadata`, token: String(Object(await answer.json()).access_token) };
}

const field = (key: string, control = 'input') => ({ css: `.field-${key} ${control}` });
const button = (text: string) => ({ css: 'button', text });

const waitForKit = (tab: Tab) =>
  until(async () => (await tab.evaluate(() => 'kit' in globalThis, null)) || undefined);

const takeSubmitted = (tab: Tab) =>
  tab.evaluate((): unknown => Object(globalThis).submitted.shift() ?? null, null);
const getErrors = (tab: Tab) =>
  tab.evaluate(
    () =>
      [
        ...(document.querySelector('user-metadata-form')?.shadowRoot?.querySelectorAll('.summary li') ?? []),
      ].map((item) => item.textContent),
    null,
  );
const getFocused = (tab: Tab) =>
  tab.evaluate(() => {
    let focused = document.activeElement;
    while (focused?.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement;
    return (
      focused?.getAttribute('aria-label') ?? focused?.closest('.field')?.className ?? focused?.textContent
    );
  }, null);

const getValue = (tab: Tab) =>
  tab.evaluate(() => document.querySelector('user-metadata-settings')?.form.value, null);

async function findAxeFaults(tab: Tab): Promise<readonly string[]> {
  await tab.run(axe.source);
  return tab.evaluate(async () => {
    const { violations } = await Object(globalThis).axe.run();
    return violations.map(({ id, nodes }: { id: string; nodes: ReadonlyArray<{ html: string }> }) =>
      [id, ...nodes.map(({ html }) => html)].join(' '),
    );
  }, null);
}

const WIDGETS = {
  properties: {
    name: { title: 'Name', type: 'string', maxLength: 10 },
    about: { title: 'About', type: 'string', 'x-ui': { widget: 'textarea' } },
    size: { title: 'Size', type: 'integer', maximum: 10 },
    volume: { title: 'Volume', type: 'integer', minimum: 0, maximum: 10, 'x-ui': { widget: 'slider' } },
    news: { title: 'News', type: 'boolean' },
    push: { title: 'Push', type: 'boolean', 'x-ui': { widget: 'switch' } },
    theme: { title: 'Theme', enum: ['light', 'dark'], 'x-ui': { widget: 'radio' } },
    plan: { title: 'Plan', enum: ['free', 'pro'] },
    days: { title: 'Days', type: 'array', items: { enum: ['mon', 'tue'] }, 'x-ui': { widget: 'chips' } },
    tags: { title: 'Tags', type: 'array', items: { type: 'string' } },
    born: { title: 'Born', type: 'string', format: 'date' },
    mail: { title: 'Mail', type: 'string', format: 'email' },
    list: {
      title: 'List',
      type: 'array',
      items: { type: 'object', title: 'Entry', properties: { a: { title: 'A', type: 'string' } } },
    },
    links: { title: 'Links', type: 'object', additionalProperties: { type: 'string' } },
    pay: {
      title: 'Payment',
      oneOf: [
        { title: 'Card', properties: { by: { const: 'card' }, number: { type: 'string' } } },
        { title: 'Transfer', properties: { by: { const: 'iban' }, iban: { type: 'string' } } },
      ],
    },
    more: { title: 'More' },
  },
};

/** The settings page of a user who logs in on the tenant's page. */
async function logIn(tab: Tab, name: string, useDpop = false): Promise<void> {
  const config = {
    domain: site.tenantUrl,
    clientId: 'local-spa',
    useDpop,
    cacheLocation: 'localstorage',
    authorizationParams: {
      redirect_uri: site.url,
      audience: 'https://metadata-bff.local',
      scope: 'openid read:metadata update:metadata',
    },
  };
  await tab.evaluate(async (options) => {
    const auth0 = await Object(globalThis).kit.createAuth0Client(options);
    await auth0.loginWithRedirect();
  }, config);
  await tab.type({ css: '#username' }, `${name}@example.com`);
  await tab.type({ css: '#password' }, 'local');
  await tab.click(button('Continue'));
  await until(async () => {
    const isBack = await tab.evaluate(
      (home) => location.href.startsWith(home) && 'kit' in globalThis,
      site.url,
    );
    return isBack || undefined;
  });
  await tab.evaluate(
    async ({ options, apiUrl, user }) => {
      const { createAuth0Client, createMetadataClient } = Object(globalThis).kit;
      const auth0 = await createAuth0Client(options);
      await auth0.handleRedirectCallback();
      history.replaceState(null, '', '/');
      const { audience } = options.authorizationParams;
      const fetcher = auth0.createFetcher({ dpopNonceId: 'metadata' });
      const access = options.useDpop
        ? { fetch: (url: string, init: object) => fetcher.fetchWithAuth(url, init, { audience }) }
        : { getAccessToken: () => auth0.getTokenSilently() };
      const settings = document.createElement('user-metadata-settings');
      Object.assign(settings, { user, client: createMetadataClient({ baseUrl: apiUrl, ...access }) });
      document.querySelector('main')?.append(settings);
    },
    { options: config, apiUrl: site.apiUrl, user: name },
  );
  await tab.waitFor(field('display_name'));
}

describe.each(findEngines())('$name', (engine: Engine) => {
  let started: Awaited<ReturnType<Engine['launch']>>;
  const tabs: Tab[] = [];
  beforeAll(async () => {
    started = await engine.launch();
  });
  // WebKit has one session at a time.
  const closeTabs = async () => {
    for (const tab of tabs.splice(0)) await tab.close();
  };
  afterEach(closeTabs);
  afterAll(() => started.close());

  async function openTab(url = site.url): Promise<Tab> {
    const tab = await started.openTab();
    tabs.push(tab);
    await tab.goto(url);
    await waitForKit(tab);
    return tab;
  }
  /** The form by itself. */
  async function openForm(schema: Json, value: Json): Promise<Tab> {
    const tab = await openTab();
    await tab.evaluate(
      (properties) => {
        const form = document.createElement('user-metadata-form');
        document.querySelector('main')?.append(Object.assign(form, properties));
        Object(globalThis).submitted = [];
        form.addEventListener('user-metadata-submit', ({ detail }) =>
          Object(globalThis).submitted.push(detail.patch),
        );
      },
      { schema, value },
    );
    return tab;
  }
  test('a user logs in, edits, saves, and sees a change that was made elsewhere', async () => {
    const user = await createUser({ theme: 'light' });
    const tab = await openTab();
    await logIn(tab, user.name);
    await tab.type(field('display_name'), 'Vera Vee');
    await tab.click(button('Save'));
    await tab.waitFor({ css: '.notice', text: 'Your changes are saved.' });
    expect(await user.stored()).toEqual({ theme: 'light', display_name: 'Vera Vee' });
    await user.changeElsewhere({ theme: 'dark', display_name: 'Vera Elsewhere' });
    await tab.waitFor({ css: '.notice', text: 'a change was made somewhere else' });
    expect(await getValue(tab)).toEqual({
      theme: 'dark',
      display_name: 'Vera Elsewhere',
    });
  });

  test('with DPoP, requests carry a proof and are answered', async () => {
    const user = await createUser({});
    const tab = await openTab();
    await logIn(tab, user.name, true);
    await tab.type(field('display_name'), 'Vera Vee');
    await tab.click(button('Save'));
    await tab.waitFor({ css: '.notice', text: 'Your changes are saved.' });
    expect(await user.stored()).toEqual({ display_name: 'Vera Vee' });
  });

  test('in a conflict the user chooses, with the keyboard alone', async () => {
    const user = await createUser({ display_name: 'Old' });
    const tab = await openTab();
    await logIn(tab, user.name);
    // It hears of changes elsewhere, so that only the save itself can find out about this one.
    await tab.evaluate(() => {
      const settings = Object(document.querySelector('user-metadata-settings'));
      settings.client = { ...settings.client, watch: () => () => undefined };
    }, null);
    await tab.type(field('display_name'), 'Mine');
    await user.changeElsewhere({ display_name: 'Theirs' });
    await tab.press('Enter');
    await tab.waitFor({ css: 'dialog legend', text: 'Display name' });
    expect(await user.stored()).toEqual({ display_name: 'Theirs' });
    expect(await findAxeFaults(tab)).toEqual([]);
    // The first radio button has the focus.
    await tab.press('ArrowDown');
    await tab.press('Tab');
    await tab.press('Tab');
    await tab.press('Enter');
    await tab.waitFor({ css: '.notice', text: 'Updated: a change was made somewhere else.' });
    expect(await user.stored()).toEqual({ display_name: 'Theirs' });
    expect(await getValue(tab)).toEqual({ display_name: 'Theirs' });
  });

  test('a page of an allowed origin reads the exposed headers, and a page of another origin reads nothing', async () => {
    const call = await createCall();
    const read = (tab: Tab) =>
      tab.evaluate(async ({ url, token }) => {
        const headers = { authorization: `Bearer ${token}`, pragma: 'no-cache' };
        const answer = await fetch(url, { headers }).catch(() => undefined);
        return answer
          ? [answer.status, answer.headers.has('etag'), answer.headers.has('metadata-quota')]
          : 'nothing';
      }, call);
    expect(await read(await openTab())).toEqual([200, true, true]);
    await closeTabs();
    expect(await read(await openTab(site.foreignUrl))).toBe('nothing');
  });

  test('each kind of widget takes real input', async () => {
    const tab = await openForm(WIDGETS, {
      size: 3,
      tags: ['a'],
      news: true,
      volume: 5,
      list: [{ a: 'x' }, { a: 'y' }],
    });
    await tab.type(field('name'), 'Vée');
    await tab.type(field('about', 'textarea'), 'two\nlines');
    await tab.type(field('size'), '7');
    await tab.click(field('volume', '[type=range] ~ output'));
    await tab.evaluate(() => {
      const root = document.querySelector('user-metadata-form')?.shadowRoot;
      root?.querySelector<HTMLElement>('.field-volume input')?.focus();
    }, null);
    await tab.press('ArrowRight');
    await tab.click({ css: '.field-news label' });
    await tab.click(field('push'));
    await tab.click({ css: '.field-theme label.option', text: 'dark' });
    await tab.evaluate(() => {
      const root = document.querySelector('user-metadata-form')?.shadowRoot;
      root?.querySelector<HTMLElement>('.field-plan select')?.focus();
    }, null);
    await tab.typeOn('p');
    await tab.click({ css: '.field-days label.option', text: 'tue' });
    await tab.type(field('tags', '.tags > input'), 'b');
    await tab.press('Enter');
    await tab.click(field('tags', '[aria-label="Remove: a"]'));
    await tab.click({ css: '[aria-label="Move up: Entry 2"]' });
    await tab.click({ css: '[aria-label="Add: Links"]' });
    await tab.typeOn('home');
    await tab.press('Tab');
    await tab.typeOn('https://example.com');
    await tab.type(field('more', 'textarea'), '{ "deep": [1] }');
    await tab.click({ css: 'button.submit' });
    expect([await takeSubmitted(tab), await getErrors(tab)]).toEqual([
      {
        name: 'Vée',
        about: 'two\nlines',
        size: 7,
        volume: 6,
        news: false,
        push: true,
        theme: 'dark',
        plan: 'pro',
        days: ['tue'],
        tags: ['b'],
        list: [{ a: 'y' }, { a: 'x' }],
        links: { home: 'https://example.com' },
        more: { deep: [1] },
      },
      [],
    ]);
  });

  test('what is wrong is said in our own sentences, and gone as soon as it is mended', async () => {
    const tab = await openForm(WIDGETS, { size: 3 });
    await tab.type(field('name'), 'much too long');
    await tab.type(field('mail'), 'jane');
    await tab.type(field('size'), '11');
    await tab.type(field('more', 'textarea'), '{ "a": ');
    await tab.click({ css: 'button.submit' });
    const errors = [
      'Name: Use at most 10 characters, not 13.',
      'Size: Enter 10 or less.',
      'Mail: Enter an address such as name@example.com.',
    ];
    expect((await getErrors(tab)).slice(0, 3)).toEqual(errors);
    expect(await takeSubmitted(tab)).toBeNull();
    expect(await findAxeFaults(tab)).toEqual([]);
    await tab.click({ css: '.summary a', text: 'Mail' });
    expect(await getFocused(tab)).toContain('field-mail');
    await tab.type(field('mail'), 'vera@example.com');
    await tab.type(field('size'), '9');
    expect(await getErrors(tab)).toEqual([errors[0], 'More: This is not valid JSON.']);
    await tab.type(field('name'), 'short');
    await tab.type(field('more', 'textarea'), '1');
    await tab.press('Tab');
    await tab.click({ css: 'button.submit' });
    expect(await takeSubmitted(tab)).toEqual({ name: 'short', size: 9, mail: 'vera@example.com', more: 1 });
  });

  test('everything can be reached and done with the keyboard alone', async () => {
    const tab = await openForm(
      {
        properties: {
          name: { title: 'Name', type: 'string' },
          theme: { title: 'Theme', enum: ['light', 'dark'], 'x-ui': { widget: 'radio' } },
          push: { title: 'Push', type: 'boolean', 'x-ui': { widget: 'switch' } },
          days: {
            title: 'Days',
            type: 'array',
            items: { enum: ['mon', 'tue'] },
            'x-ui': { widget: 'chips' },
          },
        },
      },
      { theme: 'light' },
    );
    await tab.press('Tab');
    await tab.typeOn('Vera');
    await tab.press('Tab');
    await tab.press('ArrowDown');
    await tab.press('Tab');
    await tab.press('Space');
    await tab.press('Tab');
    await tab.press('Tab');
    await tab.press('Space');
    await tab.press('Tab');
    await tab.press('Enter');
    expect(await takeSubmitted(tab)).toEqual({ name: 'Vera', theme: 'dark', push: true, days: ['tue'] });
  });

  test('in a form, it is one of its controls', async () => {
    const tab = await openForm({ properties: { size: { title: 'Size', type: 'integer', maximum: 10 } } }, {});
    await tab.evaluate(() => {
      const form = document.createElement('form');
      form.className = 'app';
      const element = document.querySelector('user-metadata-form');
      element?.setAttribute('name', 'patch');
      form.append(
        ...(element ? [element] : []),
        Object.assign(document.createElement('button'), { textContent: 'Send' }),
      );
      document.querySelector('main')?.append(form);
      Object(globalThis).sent = [];
      form.addEventListener('submit', (event) => {
        event.preventDefault();
        Object(globalThis).sent.push(new FormData(form).get('patch'));
      });
    }, null);
    const takeSent = () => tab.evaluate((): unknown => Object(globalThis).sent.splice(0), null);
    await tab.type(field('size'), '11');
    await tab.click(button('Send'));
    expect([await takeSent(), await getErrors(tab)]).toEqual([[], ['Size: Enter 10 or less.']]);
    await tab.type(field('size'), '3');
    await tab.press('Enter');
    expect(await takeSent()).toEqual(['{"size":3}']);
    await tab.evaluate(() => document.querySelector('form')?.reset(), null);
    await tab.click(button('Send'));
    expect(await takeSent()).toEqual(['{}']);
  });

  test('it follows the direction of the page, and the colour scheme of the page', async () => {
    const tab = await openForm(WIDGETS, { tags: ['a'] });
    const look = () =>
      tab.evaluate(() => {
        const root = document.querySelector('user-metadata-form')?.shadowRoot;
        const line = root?.querySelector('.field-news .line');
        const [box, label] = [line?.querySelector('input'), line?.querySelector('label')];
        const input = root?.querySelector('.field-name input');
        return {
          isBoxFirst: Number(box?.getBoundingClientRect().left) < Number(label?.getBoundingClientRect().left),
          background: input ? getComputedStyle(input).backgroundColor : '',
          excess: document.documentElement.scrollWidth - innerWidth,
        };
      }, null);
    const before = await look();
    await tab.evaluate(() => {
      document.documentElement.dir = 'rtl';
      document.documentElement.style.colorScheme = 'dark';
    }, null);
    const after = await look();
    expect([before.isBoxFirst, after.isBoxFirst, after.excess <= 0]).toEqual([true, false, true]);
    expect(after.background).not.toBe(before.background);
    expect(await findAxeFaults(tab)).toEqual([]);
  });
});
