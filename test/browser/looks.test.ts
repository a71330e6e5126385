/**
 * How the elements look in 22 states, in every engine that is installed: at four widths and with text of twice the size,
 * no text is cut and no control covers another; controls are large enough for a finger; axe finds nothing (in Chromium),
 * light and dark. Pictures are left in `artifacts/states`.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import { ROOT } from '../docs/documents.ts';
import { until } from '../support/until.ts';
import { startEnginePage } from './engine-page.ts';
import { type Engine, findEngines, type Looks, type Tab } from './engines.ts';

const site = await startEnginePage();
afterAll(() => site.stop());

type Json = Readonly<Record<string, unknown>>;

interface State {
  readonly name: string;
  /** Without it, the form stands by itself. */
  readonly isSettings?: boolean;
  readonly form?: Json;
  /** What the service answers to the attempt to save. */
  readonly answer?: 'none' | 'stored' | Json;
  readonly isSkeleton?: boolean;
  /** Words in the settings element or the form that say that the state is there. */
  readonly shows: string;
  readonly edit?: string;
  readonly locale?: string;
  readonly css?: string;
  readonly colorScheme?: 'dark';
  readonly forcedColors?: boolean;
  readonly disabled?: boolean;
  readonly errors?: readonly Json[];
}

const SCHEMA = {
  type: 'object',
  required: ['name'],
  properties: {
    name: { title: 'Display name', description: 'How the app addresses you.', type: 'string', maxLength: 60 },
    theme: {
      title: 'Theme',
      enum: ['system', 'light', 'dark'],
      'x-ui': { widget: 'radio', optionLabels: { system: 'As the system', light: 'Light', dark: 'Dark' } },
    },
    language: {
      title: 'Language',
      enum: ['en', 'de'],
      'x-ui': { optionLabels: { en: 'English', de: 'German' } },
    },
    size: { title: 'Text size', type: 'integer', minimum: 50, maximum: 300, 'x-ui': { widget: 'slider' } },
    accent: { title: 'Accent', type: 'string', 'x-ui': { widget: 'color' } },
    count: { title: 'Results on a page', type: 'integer', maximum: 100 },
    born: { title: 'Birthday', type: 'string', format: 'date' },
    news: { title: 'News by e-mail', type: 'boolean', 'x-ui': { group: 'Notifications' } },
    push: { title: 'On the phone', type: 'boolean', 'x-ui': { widget: 'switch', group: 'Notifications' } },
    days: {
      title: 'On these days',
      type: 'array',
      items: { enum: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'] },
      'x-ui': { widget: 'chips', group: 'Notifications' },
    },
    interests: {
      title: 'Interests',
      type: 'array',
      items: { type: 'string', maxLength: 40 },
      'x-ui': { group: 'About you' },
    },
    about: { title: 'About', type: 'string', 'x-ui': { widget: 'textarea', group: 'About you' } },
    places: {
      title: 'Places',
      type: 'array',
      items: {
        type: 'object',
        title: 'Place',
        properties: { city: { title: 'City', type: 'string' }, since: { title: 'Since', type: 'integer' } },
      },
      'x-ui': { group: 'About you' },
    },
    links: { title: 'Links', type: 'object', additionalProperties: { type: 'string' } },
    more: { title: 'Anything else' },
  },
};
const VALUE = {
  name: 'Vera Visitor',
  theme: 'dark',
  language: 'en',
  size: 120,
  accent: '#0a7d54',
  count: 20,
  born: '1990-02-28',
  news: true,
  push: true,
  days: ['monday', 'thursday'],
  interests: ['rowing', 'chess', 'the history of very small islands'],
  about: 'Some lines\nabout Vera.',
  places: [{ city: 'Berlin', since: 2012 }, { city: 'Thessaloniki' }],
  links: { home: 'https://example.com' },
  more: { deep: [1, 2] },
};
const LONG = 'Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen';
const withTitles = (titles: readonly string[]) => ({
  ...SCHEMA,
  properties: Object.fromEntries(
    Object.entries(SCHEMA.properties).map(([key, member], index) => [
      key,
      { ...member, title: titles[index % titles.length], description: titles[(index + 1) % titles.length] },
    ]),
  ),
});
const POLICY = {
  user_metadata: {
    '': { access: 'read_only', reason: 'schema' },
    ...Object.fromEntries(
      Object.keys(SCHEMA.properties).map((key, index) => [
        `/${key}`,
        index % 2 === 0
          ? { access: 'read_write' }
          : { access: 'read_only', reason: ['schema', 'application', 'scope', 'delegation'][index % 4] },
      ]),
    ),
  },
};
const ARABIC = [
  'الاسم المعروض',
  'المظهر',
  'اللغة',
  'حجم النص',
  'اللون',
  'عدد النتائج في الصفحة',
  'تاريخ الميلاد',
];
const JAPANESE = [
  '表示名',
  'テーマ',
  '言語',
  '文字の大きさ',
  'アクセントカラー',
  '一ページあたりの件数',
  '生年月日',
];
const filled = { schema: SCHEMA, value: VALUE };
const edited = { isSettings: true, form: filled, edit: 'Vera V.' } as const;

const STATES: readonly State[] = [
  { name: 'skeleton', isSettings: true, isSkeleton: true, shows: 'Loading your settings' },
  { name: 'filled', isSettings: true, form: filled, shows: 'Display name' },
  { name: 'edited', ...edited, shows: 'You have unsaved changes.' },
  {
    name: 'field-error',
    ...edited,
    answer: { code: 'metadata_invalid', errors: [{ pointer: '/name', code: 'pattern', detail: '' }] },
    shows: 'This is not the right format.',
  },
  {
    name: 'document-error',
    ...edited,
    answer: {
      code: 'metadata_too_large',
      errors: [{ pointer: '', detail: 'All of it together is too large.' }],
    },
    shows: 'All of it together is too large.',
  },
  { name: 'saving', ...edited, answer: 'none', shows: 'Saving …' },
  { name: 'saved', ...edited, answer: 'stored', shows: 'Your changes are saved.' },
  {
    name: 'conflict',
    ...edited,
    answer: {
      code: 'precondition_failed',
      current: { ...VALUE, name: 'Vera from another tab' },
      etag: '"2"',
    },
    shows: 'Which version do you want to keep?',
  },
  { name: 'offline', ...edited, answer: { code: 'network_failed' }, shows: 'There is no connection.' },
  {
    name: 'too-many-requests',
    ...edited,
    answer: { code: 'rate_limited', status: 429, retryAfterSeconds: 3000 },
    shows: 'The service is busy.',
  },
  { name: 'expired', ...edited, answer: { code: 'token_invalid' }, shows: 'Your session has expired.' },
  { name: 'step-up', ...edited, answer: { code: 'step_up_required' }, shows: 'please log in again' },
  { name: 'locked', form: { ...filled, policy: POLICY }, shows: 'This app may not change it.' },
  { name: 'columns', form: filled, css: '--user-metadata-columns: 2', shows: 'Notifications' },
  {
    name: 'long-labels',
    form: { schema: withTitles([LONG, `${LONG} ${LONG}`]), value: { ...VALUE, interests: [LONG + LONG] } },
    errors: [{ pointer: '/name', detail: `${LONG}${LONG}` }],
    shows: LONG,
  },
  {
    name: 'arabic',
    form: { schema: withTitles(ARABIC), value: VALUE },
    locale: 'ar',
    errors: [{ pointer: '/count', code: 'maximum', params: { limit: 100 }, detail: '' }],
    shows: 'الاسم المعروض',
  },
  {
    name: 'japanese',
    form: { schema: withTitles(JAPANESE), value: VALUE },
    locale: 'ja',
    errors: [{ pointer: '/count', code: 'maximum', params: { limit: 100 }, detail: '' }],
    shows: '表示名',
  },
  { name: 'dark', ...edited, colorScheme: 'dark', shows: 'You have unsaved changes.' },
  { name: 'forced-colours', ...edited, forcedColors: true, shows: 'You have unsaved changes.' },
  { name: 'compact', form: filled, css: '--user-metadata-density: 0.5', shows: 'Display name' },
  { name: 'empty', form: { schema: SCHEMA, value: {} }, shows: 'Display name' },
  { name: 'disabled', form: filled, disabled: true, shows: 'Display name' },
];

/* oxlint-disable unicorn/consistent-function-scoping -- what runs in the page has no outer scope there */
/** Runs in the page. Builds the state in place of the last one. */
async function buildState(state: State): Promise<void> {
  const main = document.querySelector('main');
  if (!main) return;
  const { documentElement } = document;
  documentElement.dir = state.locale === 'ar' ? 'rtl' : 'ltr';
  documentElement.lang = state.locale ?? 'en';
  const path = `/form/locales/${state.locale ?? 'en'}.js`;
  const { messages } = await import(new URL(path, location.href).href);
  const never = new Promise(() => undefined);
  const { schema, value } = Object(state.form);
  const client = {
    read: () => (state.isSkeleton ? never : Promise.resolve({ value, etag: '"1"' })),
    schema: () => Promise.resolve(schema),
    watch: () => () => undefined,
    patch: (patch: object) => {
      if (state.answer === 'none') return never;
      if (state.answer === 'stored') return Promise.resolve({ value: { ...value, ...patch }, etag: '"2"' });
      return Promise.reject(state.answer);
    },
  };
  const element = document.createElement(state.isSettings ? 'user-metadata-settings' : 'user-metadata-form');
  if (state.css) {
    const [property = '', setting = ''] = state.css.split(':');
    element.style.setProperty(property, setting);
  }
  // Properties of both elements, each of which takes those that it knows.
  Object.assign(
    element,
    state.isSettings
      ? { client, formMessages: messages }
      : { messages, disabled: state.disabled, ...state.form },
  );
  for (const old of main.querySelectorAll('user-metadata-settings, user-metadata-form')) old.remove();
  main.append(element);
  if (state.errors) Object.assign(element, { errors: state.errors });
}

/** Runs in the page: what is cut, covered or too small. */
function findFaults(isRoomy: boolean): readonly string[] {
  const getAll = (root: Document | ShadowRoot): Element[] =>
    [...root.querySelectorAll('*')].flatMap((one) => [
      one,
      ...(one.shadowRoot ? getAll(one.shadowRoot) : []),
    ]);
  const getParent = (one: Element): Element | undefined => {
    const root = one.getRootNode();
    return one.parentElement ?? (root instanceof ShadowRoot ? root.host : undefined);
  };
  const isInside = (one: Element, css: string): boolean => {
    for (let up: Element | undefined = one; up; up = getParent(up)) if (up.matches(css)) return true;
    return false;
  };
  const nameOf = (one: Element) => `<${one.localName} ${one.className}> ${one.textContent.slice(0, 40)}`;
  const isModal = getAll(document).some((one) => one.matches('dialog[open]'));
  const seen = getAll(document).filter(
    (one) =>
      one.checkVisibility() && one.getClientRects().length > 0 && (!isModal || isInside(one, 'dialog')),
  );
  const faults: string[] = [];
  const excess = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (excess > 0) faults.push(`the page is ${excess} px too wide`);

  for (const one of seen) {
    const style = getComputedStyle(one);
    const texts = [...one.childNodes].filter((node) => node instanceof Text && node.data.trim() !== '');
    if (texts.length === 0 || one.localName === 'option') continue;
    if (/hidden|clip/.test(style.overflow) && one.scrollWidth > one.clientWidth + 1)
      faults.push(`cut: ${nameOf(one)}`);
    const box = one.closest('button, .tag, .option, .notice, .bar')?.getBoundingClientRect();
    for (const text of texts) {
      const range = document.createRange();
      range.selectNodeContents(text);
      for (const line of range.getClientRects()) {
        if (line.left < -1 || line.right > innerWidth + 1) faults.push(`outside of the page: ${nameOf(one)}`);
        if (box && (line.left < box.left - 1 || line.right > box.right + 1))
          faults.push(`outside of its frame: ${nameOf(one)}`);
      }
    }
  }

  const controls = seen.filter((one) => one.matches('input, select, textarea, button, a[href]'));
  const boxes = controls.map((one) => ({
    one,
    box: one.getBoundingClientRect(),
    isBar: isInside(one, '.foot'),
  }));
  for (const [index, first] of boxes.entries()) {
    for (const second of boxes.slice(index + 1)) {
      const width = Math.min(first.box.right, second.box.right) - Math.max(first.box.left, second.box.left);
      const height = Math.min(first.box.bottom, second.box.bottom) - Math.max(first.box.top, second.box.top);
      // The bar with the buttons stays in sight, over what is scrolled.
      if (width > 1 && height > 1 && first.isBar === second.isBar)
        faults.push(`covers each other: ${nameOf(first.one)} and ${nameOf(second.one)}`);
    }
  }

  if (isRoomy) return faults;
  for (const one of controls) {
    const isTicked = one instanceof HTMLInputElement && /checkbox|radio/.test(one.type);
    const targets = isTicked ? [...(one.labels ?? [])] : [one];
    const hits = targets.map((target) => target.getBoundingClientRect());
    const [width, height] = [
      Math.max(...hits.map((hit) => hit.width)),
      Math.max(...hits.map((hit) => hit.height)),
    ];
    if (width < 43.5 || height < 43.5) faults.push(`${width} x ${height} is too small: ${nameOf(one)}`);
  }
  return faults;
}

/** Runs in the page: controls that are out of use, and whose text has less contrast than 4.5. */
function findFaintTexts(): readonly string[] {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const getAll = (root: Document | ShadowRoot): Element[] =>
    [...root.querySelectorAll('*')].flatMap((one) => [
      one,
      ...(one.shadowRoot ? getAll(one.shadowRoot) : []),
    ]);
  const toRgb = (color: string, under: readonly number[]): readonly number[] => {
    if (!canvas) return [];
    canvas.fillStyle = `rgb(${under.join()})`;
    canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return Array.from(canvas.getImageData(0, 0, 1, 1).data).slice(0, 3);
  };
  const getBackground = (one: Element): readonly number[] => {
    const root = one.getRootNode();
    const parent = one.parentElement ?? (root instanceof ShadowRoot ? root.host : undefined);
    return toRgb(getComputedStyle(one).backgroundColor, parent ? getBackground(parent) : [255, 255, 255]);
  };
  const getLuminance = (rgb: readonly number[]): number => {
    const [red = 0, green = 0, blue = 0] = rgb.map((channel) => {
      const share = channel / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  return getAll(document)
    .filter(
      (one) =>
        one.matches(':disabled:not(fieldset, [type=checkbox], [type=radio], [type=range], [type=color])') ||
        one.matches('[aria-disabled=true], label:has(:disabled)'),
    )
    .filter((one) => one.checkVisibility())
    .flatMap((one) => {
      const background = getBackground(one);
      const pair = [getLuminance(background), getLuminance(toRgb(getComputedStyle(one).color, background))];
      const contrast = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
      return contrast < 4.5 ? [`${contrast.toFixed(2)} of ${one.localName} ${one.className}`] : [];
    });
}

async function openTab(engine: Awaited<ReturnType<Engine['launch']>>): Promise<Tab> {
  const tab = await engine.openTab();
  await tab.goto(site.url);
  await until(async () => (await tab.evaluate(() => 'kit' in globalThis, null)) || undefined);
  return tab;
}

async function enterState(tab: Tab, state: State): Promise<void> {
  await tab.evaluate(buildState, state);
  if (state.edit) await tab.type({ css: '.field-name input' }, state.edit);
  if (state.answer) await tab.click({ css: '.bar button', text: 'Save' });
  await tab.waitFor({ css: 'p, span, h2, h3, li', text: state.shows });
}

async function findAxeFaults(tab: Tab): Promise<readonly string[]> {
  await tab.run(`globalThis.axe ?? (() => { ${axe.source} })()`);
  return tab.evaluate(async () => {
    const { violations } = await Object(globalThis).axe.run();
    return violations.map(({ id, nodes }: { id: string; nodes: ReadonlyArray<{ html: string }> }) =>
      [id, ...nodes.map(({ html }) => html)].join(' '),
    );
  }, null);
}

const WIDTHS = [320, 375, 768, 1280];
const PICTURE_WIDTHS = new Set([375, 1280]);
const engines = findEngines();

describe.each(engines)('in $name', (engine: Engine) => {
  let started: Awaited<ReturnType<Engine['launch']>>;
  let tab: Tab;
  beforeAll(async () => {
    started = await engine.launch();
    tab = await openTab(started);
  });
  afterAll(async () => {
    await tab.close();
    await started.close();
  });
  const folder = join(ROOT, 'artifacts', 'states', engine.name.toLowerCase());
  mkdirSync(folder, { recursive: true });

  const setLook = (colorScheme: string, fontSize: string) =>
    tab.evaluate((look) => void Object.assign(document.documentElement.style, look), {
      colorScheme,
      fontSize,
    });

  // Only Chromium can change to the colours of the system in a running session.
  test.each(STATES.filter(({ forcedColors }) => !forcedColors || engine.name === 'Chromium'))(
    'nothing is cut, covered, small or faint: $name',
    async (state) => {
      const scheme = state.colorScheme ?? 'light';
      await setLook(scheme, '');
      await tab.setWidth(1280);
      await enterState(tab, state);
      if (state.forcedColors) await tab.page?.emulateMedia({ forcedColors: 'active' });
      const found: Json[] = [];
      for (const [fontSize, widths] of [
        ['', WIDTHS],
        ['200%', [375, 1280]],
      ] as const) {
        await setLook(scheme, fontSize);
        for (const width of widths) {
          await tab.setWidth(width);
          const faults = await tab.evaluate(findFaults, fontSize !== '');
          if (faults.length > 0) found.push({ width, fontSize, faults });
          if (fontSize === '' && PICTURE_WIDTHS.has(width))
            await tab.page?.screenshot({ path: join(folder, `${state.name}-${width}.png`), fullPage: true });
        }
      }
      for (const colorScheme of ['light', 'dark']) {
        await setLook(colorScheme, '');
        // What axe reads is the same in all engines, and it takes a second each time.
        const named = engine.name === 'Chromium' ? await findAxeFaults(tab) : [];
        const faults = [...named, ...(await tab.evaluate(findFaintTexts, undefined))];
        if (faults.length > 0) found.push({ colorScheme, faults });
      }
      if (state.forcedColors) await tab.page?.emulateMedia({ forcedColors: 'none' });
      expect(found).toEqual([]);
    },
  );
});

describe.each(engines.filter(({ name }) => name !== 'WebKit'))(
  'with settings of the system, in $name',
  (engine) => {
    const openWith = async (looks: Looks, state: string) => {
      const started = await engine.launch(looks);
      const tab = await openTab(started);
      const wanted = STATES.find(({ name }) => name === state);
      if (wanted) await enterState(tab, wanted);
      return { tab, close: () => started.close() };
    };
    const countAnimations = (tab: Tab) =>
      tab.evaluate(() => {
        const roots = [...document.querySelectorAll('*')].flatMap(({ shadowRoot }) => shadowRoot ?? []);
        return roots.flatMap((root) => root.getAnimations()).length;
      }, null);

    test('nothing moves for a user who wants less motion', async () => {
      const moving = await openWith({}, 'skeleton');
      expect(await countAnimations(moving.tab)).toBeGreaterThan(0);
      await moving.close();
      const still = await openWith({ reducedMotion: true }, 'skeleton');
      expect(await countAnimations(still.tab)).toBe(0);
      await still.close();
    });

    test('with forced colours, what is chosen looks different from what is not, and frames can be seen', async () => {
      const { tab, close } = await openWith({ forcedColors: true }, 'forced-colours');
      const looks = await tab.evaluate(() => {
        const settings = document.querySelector('user-metadata-settings');
        const root = settings?.form.shadowRoot;
        const look = (css: string, property: 'backgroundColor' | 'borderTopColor', from = root) => {
          const found = from?.querySelector(css);
          return found ? getComputedStyle(found)[property] : undefined;
        };
        const getSwitch = () => look('[role=switch]', 'backgroundColor');
        const on = getSwitch();
        root?.querySelector<HTMLElement>('[role=switch]')?.click();
        return {
          isForced: matchMedia('(forced-colors: active)').matches,
          isSwitchClear: on !== getSwitch(),
          isChipClear:
            look('.chips label:has(:checked)', 'backgroundColor') !==
            look('.chips label:not(:has(:checked))', 'backgroundColor'),
          isBarFramed:
            look('.bar', 'borderTopColor', settings?.shadowRoot) !==
            look('.bar', 'backgroundColor', settings?.shadowRoot),
        };
      }, null);
      expect(looks).toEqual({ isForced: true, isSwitchClear: true, isChipClear: true, isBarFramed: true });
      await close();
    });
  },
);
