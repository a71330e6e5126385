/**
 * One way to drive three engines with real input: Chromium, Firefox and WebKitGTK, those of this machine. A tab is a
 * session of its own, and everything in it waits until what it names is there.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, firefox, type Page } from 'playwright-core';
import { Builder, Capabilities, Key, WebElement, type WebDriver } from 'selenium-webdriver';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';
import { findProgram, launchChromium } from './chromium.ts';

/** A visible element: a CSS selector, which also finds what is inside shadow roots, and a part of its text. */
export interface Target {
  readonly css: string;
  readonly text?: string;
}

export type PressedKey = 'Tab' | 'Enter' | 'Space' | 'Escape' | 'ArrowDown' | 'ArrowRight';

export interface Tab {
  goto(url: string): Promise<void>;
  /** Runs `task` in the page. */
  evaluate<A, R>(task: (argument: A) => R | Promise<R>, argument: A): Promise<R>;
  /** Runs a script that is a text. */
  run(script: string): Promise<void>;
  click(target: Target): Promise<void>;
  /** Replaces the text of an input by typing. */
  type(target: Target, text: string): Promise<void>;
  /** Types where the focus is. */
  typeOn(text: string): Promise<void>;
  press(key: PressedKey, modifier?: 'Shift'): Promise<void>;
  waitFor(target: Target): Promise<void>;
  waitForNone(target: Target): Promise<void>;
  /** Returns the width that the page has now: one engine has no window narrower than 450 px. */
  setWidth(width: number): Promise<number>;
  close(): Promise<void>;
  /** The page of Playwright, for what only that can do. */
  readonly page: Page | undefined;
}

/** What a user can choose in the system. */
export interface Looks {
  readonly colorScheme?: 'light' | 'dark';
  readonly forcedColors?: boolean;
  readonly reducedMotion?: boolean;
}

export interface Engine {
  readonly name: 'Chromium' | 'Firefox' | 'WebKit';
  /** Starts it. */
  launch(looks?: Looks): Promise<{ openTab(): Promise<Tab>; close(): Promise<void> }>;
}

const HEIGHT = 900;
const PATIENCE_MS = 10_000;
const MINI_BROWSERS = ['x86_64', 'aarch64'].map(
  (machine) => `/usr/lib/${machine}-linux-gnu/webkit2gtk-4.1/MiniBrowser`,
);

/** Those that are installed. With `CI`, all have to be. @throws Error that names one that is missing there. */
export function findEngines(): readonly Engine[] {
  const firefoxPath = findProgram('firefox-esr', 'firefox');
  const miniBrowser = MINI_BROWSERS.find((path) => existsSync(path));
  const webkitDriver = findProgram('WebKitWebDriver');
  const xvfb = findProgram('Xvfb');
  const engines: Record<Engine['name'], Engine | undefined> = {
    Chromium: { name: 'Chromium', launch: launchChromiumTabs },
    Firefox: firefoxPath
      ? { name: 'Firefox', launch: (looks) => launchFirefox(firefoxPath, looks) }
      : undefined,
    WebKit:
      miniBrowser && webkitDriver && xvfb
        ? { name: 'WebKit', launch: () => launchWebKit({ miniBrowser, webkitDriver, xvfb }) }
        : undefined,
  };
  const missing = Object.entries(engines).flatMap(([name, engine]) => (engine ? [] : [name]));
  if (missing.length > 0) {
    const text = `not installed, and so not tested: ${missing.join(', ')} (.ci/services installs all)`;
    if (process.env['CI']) throw new Error(text);
    process.stderr.write(`${text}\n`);
  }
  return Object.values(engines).filter((engine) => engine !== undefined);
}

async function launchChromiumTabs({ colorScheme, forcedColors, reducedMotion }: Looks = {}) {
  const browser = await launchChromium();
  const options: BrowserContextOptions = {
    colorScheme: colorScheme ?? 'light',
    forcedColors: forcedColors ? 'active' : 'none',
    reducedMotion: reducedMotion ? 'reduce' : 'no-preference',
  };
  return { openTab: () => openPlaywrightTab(browser, options), close: () => browser.close() };
}

async function launchFirefox(executablePath: string, looks: Looks = {}) {
  const firefoxUserPrefs = {
    'layout.css.prefers-color-scheme.content-override': looks.colorScheme === 'dark' ? 0 : 1,
    'ui.prefersReducedMotion': looks.reducedMotion ? 1 : 0,
    // 2: the colours of the system, as in a theme of high contrast.
    'browser.display.document_color_use': looks.forcedColors ? 2 : 1,
  };
  // The one that is published, driven by WebDriver BiDi.
  const browser = await firefox.launch({ executablePath, channel: 'moz-firefox', firefoxUserPrefs });
  skipMediaFeatures(browser);
  return { openTab: () => openPlaywrightTab(browser, {}), close: () => browser.close() };
}

/**
 * Playwright asks each new context for a colour scheme, by a command that Firefox ESR does not know yet. Its preferences
 * say the same. Remove this when the command is in the ESR.
 */
function skipMediaFeatures(browser: Browser): void {
  const server = Reflect.get(browser, '_connection').toImpl(browser);
  const session = Reflect.get(server, '_browserSession');
  const send = session.send.bind(session);
  session.send = (method: string, parameters: unknown) =>
    method === 'emulation.setMediaFeaturesOverride' ? Promise.resolve({}) : send(method, parameters);
}

async function openPlaywrightTab(browser: Browser, options: BrowserContextOptions): Promise<Tab> {
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Berlin', ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const find = ({ css, text }: Target) =>
    page
      .locator(`${css}:visible`)
      .filter(text === undefined ? {} : { hasText: text })
      .first();
  return {
    page,
    goto: async (url) => void (await page.goto(url)),
    evaluate: (task, argument) => page.evaluate(`(${String(task)})(${JSON.stringify(argument)})`),
    run: async (script) => void (await page.evaluate(script)),
    click: (target) => find(target).click(),
    async type(target, text) {
      await find(target).focus();
      await page.keyboard.press('ControlOrMeta+a');
      await page.keyboard.press('Delete');
      await page.keyboard.type(text);
    },
    typeOn: (text) => page.keyboard.type(text),
    press: (key, modifier) => page.keyboard.press(modifier ? `${modifier}+${key}` : key),
    waitFor: (target) => find(target).waitFor(),
    waitForNone: async (target) =>
      void (await until(async () => ((await find(target).count()) > 0 ? undefined : true))),
    async setWidth(width) {
      await page.setViewportSize({ width, height: HEIGHT });
      return width;
    },
    close: () => context.close(),
  };
}

const KEYS: Readonly<Record<PressedKey, string>> = {
  Tab: Key.TAB,
  Enter: Key.ENTER,
  Space: Key.SPACE,
  Escape: Key.ESCAPE,
  ArrowDown: Key.ARROW_DOWN,
  ArrowRight: Key.ARROW_RIGHT,
};

interface WebKitPrograms {
  readonly miniBrowser: string;
  readonly webkitDriver: string;
  readonly xvfb: string;
}

/** WebKitGTK on a display of its own, since it has no mode without one. */
async function launchWebKit({ miniBrowser, webkitDriver, xvfb }: WebKitPrograms) {
  const display = spawn(xvfb, ['-displayfd', '1', '-screen', '0', '1600x1100x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [number] = await once(display.stdout, 'data');
  const port = await freePort();
  const driver = spawn(webkitDriver, ['--host=127.0.0.1', `--port=${port}`], {
    stdio: 'ignore',
    env: {
      ...process.env,
      DISPLAY: `:${String(number).trim()}`,
      GDK_BACKEND: 'x11',
      LANG: 'en_GB.UTF-8',
      LIBGL_ALWAYS_SOFTWARE: '1',
      NO_AT_BRIDGE: '1',
      TZ: 'Europe/Berlin',
      WEBKIT_DISABLE_COMPOSITING_MODE: '1',
      WEBKIT_DISABLE_DMABUF_RENDERER: '1',
      // As root, in containers, there is no sandbox to be had.
      ...(process.getuid?.() === 0 ? { WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1' } : {}),
    },
  });
  const url = `http://127.0.0.1:${port}`;
  await until(async () => {
    const answer = await fetch(`${url}/status`).catch(() => undefined);
    return answer?.ok || undefined;
  });
  const capabilities = new Capabilities({
    browserName: 'MiniBrowser',
    'webkitgtk:browserOptions': { binary: miniBrowser, args: ['--automation'] },
  });
  return {
    openTab: async () => {
      // At least one engine of the suite must not leave the page's own questions unanswered: they would block the end.
      capabilities.set('unhandledPromptBehavior', 'accept');
      return createWebDriverTab(await new Builder().usingServer(url).withCapabilities(capabilities).build());
    },
    close: async () => {
      await endProcess(driver);
      await endProcess(display);
    },
  };
}

async function endProcess(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill();
  await ended;
}

/** Runs in the page: the first visible element, in any shadow root, that fits. */
const FIND = `
  const [css, text] = arguments;
  const all = (root) => [...root.querySelectorAll('*')].flatMap((one) =>
    [one, ...(one.shadowRoot ? all(one.shadowRoot) : [])]);
  return all(document).find((one) => one.matches(css) && one.checkVisibility() && one.getClientRects().length > 0 &&
    (text === null || one.textContent.includes(text))) ?? null;`;

async function createWebDriverTab(driver: WebDriver): Promise<Tab> {
  await driver.manage().setTimeouts({ script: PATIENCE_MS });
  const findNow = async ({ css, text }: Target): Promise<WebElement | undefined> => {
    const found = await driver.executeScript(FIND, css, text ?? null);
    return found instanceof WebElement ? found : undefined;
  };
  const find = ({ css, text = '' }: Target) =>
    until(() => findNow({ css, text })).catch(() => {
      throw new Error(`not found: ${css} ${text}`);
    });
  async function evaluate<A, R>(task: (argument: A) => R | Promise<R>, argument: A): Promise<R> {
    const { value, error } = Object(
      await driver.executeAsyncScript(
        `const [given, done] = arguments;
         Promise.resolve(given).then(${String(task)}).then(
           (value) => done({ value: value === undefined ? null : value }),
           (error) => done({ error: String(error) + error.stack }));`,
        argument,
      ),
    );
    if (error !== undefined) throw new Error(error);
    return value;
  }
  return {
    page: undefined,
    goto: (url) => driver.get(url),
    evaluate,
    run: async (script) => void (await driver.executeScript(script)),
    click: async (target) => (await find(target)).click(),
    async type(target, text) {
      const input = await find(target);
      // In one call, Control would stay down.
      await input.sendKeys(Key.CONTROL, 'a');
      await input.sendKeys(Key.DELETE);
      await input.sendKeys(text.replaceAll('\n', Key.ENTER));
    },
    typeOn: (text) => driver.actions().sendKeys(text).perform(),
    async press(key, modifier) {
      const actions = driver.actions();
      if (modifier) await actions.keyDown(Key.SHIFT).sendKeys(KEYS[key]).keyUp(Key.SHIFT).perform();
      else await actions.sendKeys(KEYS[key]).perform();
    },
    waitFor: async (target) => void (await find(target)),
    waitForNone: async (target) =>
      void (await until(async () => ((await findNow(target)) === undefined ? true : undefined))),
    async setWidth(width) {
      await driver.manage().window().setRect({ width, height: HEIGHT, x: 0, y: 0 });
      return Number(await driver.executeScript('return innerWidth'));
    },
    close: () => driver.quit(),
  };
}
