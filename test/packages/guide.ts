/** A guide of docs/guides: its files as an app, and a person who uses that app in a browser before the local tenant. */
import { afterAll, beforeAll, expect } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import express, { type RequestHandler } from 'express';
import type { Page } from 'playwright-core';
import { openListener } from '../../packages/local-tenant/src/listener.ts';
import type { TenantOptions } from '../../packages/local-tenant/src/tenant.ts';
import { fillLogIn } from '../browser/stage.ts';
import { launchChromium } from '../browser/chromium.ts';
import { pageAt } from '../docs/documents.ts';
import { afterwards, openStage } from '../http/events/stage.ts';
import { until } from '../support/until.ts';
import { APP } from './app.ts';

type Stage = Awaited<ReturnType<typeof openStage>>;

/** A browser for the suite. The function opens a page, for a new user. */
export function useBrowser() {
  let browser: Awaited<ReturnType<typeof launchChromium>>;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());
  return async () => {
    const context = await browser.newContext();
    afterwards(() => context.close());
    const page = await context.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    return { page, context, errors };
  };
}

/** The blocks of a guide by the file that their first line names. */
function readFiles(guide: string): ReadonlyMap<string, string> {
  return new Map(
    pageAt(`docs/guides/${guide}.md`).fences.flatMap(({ text }) => {
      const [, name, body] = /^(?:\/\/|#|<!--) ([\w./[\]-]+\.\w+)(?: -->)?\n([\s\S]*)$/.exec(text) ?? [];
      return name === undefined || body === undefined ? [] : [[name, body] as const];
    }),
  );
}

/** Writes the files of a guide into a folder. Those in `own` replace it: the guide has to have them. */
export function writeGuide(guide: string, folder: string, own: Readonly<Record<string, string>>): void {
  const files = readFiles(guide);
  expect([...files.keys()]).toEqual(expect.arrayContaining(Object.keys(own)));
  for (const [name, text] of [...files, ...Object.entries(own)]) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

/** Tenant and service, for pages of this origin. */
export const openGuideStage = (origin: string, options: Parameters<typeof openStage>[0] = {}) =>
  openStage({
    env: { CORS_ORIGINS: origin },
    policy: { userMetadata: { schema: 'user-metadata.schema.json' } },
    ...options,
  });

/** The module of the guide that names the addresses, with those of this test. */
export function createConfigModule({ tenant, service }: Pick<Stage, 'tenant' | 'service'>): string {
  const config = {
    domain: tenant.url,
    clientId: 'local-spa',
    audience: tenant.apiAudience,
    baseUrl: service.url,
  };
  return Object.entries(config)
    .map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};\n`)
    .join('');
}

/** Tenant, service and the origin of an app that is served as files. `getHandlers` builds it in the folder. */
export async function openGuide(
  guide: string,
  configFile: string,
  getHandlers: (folder: string) => Promise<RequestHandler[]>,
  tenant: TenantOptions = {},
) {
  const web = await openListener(0);
  afterwards(() => web.close());
  const origin = `http://localhost:${web.port}`;
  const stage = await openGuideStage(origin, { tenant });
  const folder = join(APP, guide);
  writeGuide(guide, folder, { [configFile]: createConfigModule(stage) });
  web.serve(express().use(...(await getHandlers(folder))));
  return { ...stage, origin };
}

export const showsTheme = (page: Page, theme: string) => page.getByText(`Theme: ${theme}`).waitFor();

/** Logs in and changes the preference, here and elsewhere. */
export async function useTheme(
  page: Page,
  { origin, jane, dashboard }: Pick<Stage, 'jane' | 'dashboard'> & { readonly origin: string },
): Promise<void> {
  await page.goto(origin);
  await page.getByText('Log in').click();
  await fillLogIn(page, 'jane');
  await showsTheme(page, 'dark');
  await page.getByRole('button', { name: 'Use light' }).click();
  await showsTheme(page, 'light');
  await until(async () => ((await jane.read()).body['theme'] === 'light' ? true : undefined));
  // A change that was made elsewhere arrives.
  await dashboard.edit({ theme: 'system' });
  await showsTheme(page, 'system');
}
