/**
 * The demo's own stack and a browser before it. Each visitor is a person of their own in a browser of their own; whatever
 * the browser complains of (errors, the content security policy) fails the test that does not expect it.
 */
import { afterAll, afterEach, expect } from '@jest/globals';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContext, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { readSettings } from '../../demo/settings.ts';
import { type Demo, startDemo } from '../../demo/stack.ts';
import { launchChromium } from './chromium.ts';

export type Document = Readonly<Record<string, unknown>>;

export interface Visitor {
  /** Their e-mail address, up to the @. */
  readonly name: string;
  readonly page: Page;
  readonly context: BrowserContext;
  /** What is stored at the tenant. */
  readonly stored: () => Promise<Document>;
  /** Changes it at the tenant, as a dashboard does. */
  readonly changeElsewhere: (document: Document) => Promise<void>;
  /** Logs in through the tenant's page and waits for the form. */
  readonly logIn: (page?: Page) => Promise<void>;
  /** Another tab of the same browser, with the page and its form. */
  readonly openTab: () => Promise<Page>;
  /** Complaints that this test is about are no fault. */
  readonly expectComplaints: (pattern: RegExp) => void;
}

export interface Stage {
  readonly demo: Demo;
  readonly visitor: (document?: Document, options?: BrowserContextOptions) => Promise<Visitor>;
}

const ROOT = join(import.meta.dirname, '..', '..');
const ANY_PORT = { TENANT_PORT: '0', PORT: '0', OPS_PORT: '0', WEB_PORT: '0', LOG_LEVEL: 'silent' };
const PATIENCE_MS = 8_000;
let people = 0;

export async function openStage(environment: Readonly<Record<string, string>> = {}): Promise<Stage> {
  const browser = await launchChromium();
  const demo = await startDemo(readSettings({ ...ANY_PORT, ...environment }));
  const visitors: Array<{ context: BrowserContext; complaints: string[]; expected: RegExp[] }> = [];

  afterEach(async () => {
    const unexpected = visitors.flatMap(({ complaints, expected }) =>
      complaints.filter((text) => !expected.some((pattern) => pattern.test(text))),
    );
    await Promise.all(visitors.splice(0).map(({ context }) => context.close()));
    expect(unexpected).toEqual([]);
  });
  afterAll(async () => {
    await browser.close();
    await demo.stop();
  });

  async function visitor(document: Document = {}, options: BrowserContextOptions = {}): Promise<Visitor> {
    people += 1;
    const name = `visitor${people}`;
    const user = `${demo.tenantUrl}/_local/users/${encodeURIComponent(`auth0|${name}`)}`;
    const write = async (fields: Document) => {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(user, { method: 'PUT', headers, body: JSON.stringify(fields) });
      if (!answer.ok) throw new Error(`the tenant refused: ${await answer.text()}`);
    };
    await write({
      email: `${name}@example.com`,
      name: 'Vera Visitor',
      password: 'local',
      user_metadata: document,
    });

    const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Berlin', ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    const complaints: string[] = [];
    const expected: RegExp[] = [];
    visitors.push({ context, complaints, expected });
    // Leaving with edits is asked about.
    context.on('dialog', (dialog) => void dialog.accept());
    context.on('weberror', (error) => complaints.push(String(error.error())));
    context.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });

    const page = await context.newPage();
    const logIn = async (where = page) => {
      if (!where.url().startsWith(demo.pageUrl)) await where.goto(demo.pageUrl);
      await where.getByRole('button', { name: 'Log in', exact: true }).click();
      await fillLogIn(where, name);
      await formOf(where).waitFor();
    };
    return {
      name,
      page,
      context,
      stored: async () => Object(await (await fetch(user)).json()).user_metadata ?? {},
      changeElsewhere: (changed) => write({ user_metadata: changed }),
      logIn,
      openTab: async () => {
        const tab = await context.newPage();
        await tab.goto(demo.pageUrl);
        await formOf(tab).waitFor();
        return tab;
      },
      expectComplaints: (pattern) => void expected.push(pattern),
    };
  }

  return { demo, visitor };
}

/** The tenant's own page. */
export async function fillLogIn(page: Page, name: string): Promise<void> {
  await page.getByLabel('Email address').fill(`${name}@example.com`);
  await page.getByLabel('Password').fill('local');
  await page.getByRole('button', { name: 'Continue' }).click();
}

export const formOf = (page: Page): Locator => page.locator('user-metadata-form');
export const save = (page: Page): Promise<void> =>
  page.getByRole('button', { name: 'Save', exact: true }).click();

/** The page says that this was saved. */
export const saved = (page: Page): Promise<void> => page.getByText('Your changes are saved.').waitFor();

/** Keeps a picture in `artifacts/`. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = join(ROOT, 'artifacts');
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
