/** The guide for Angular: its files in an app that Angular's command has made, built by that command. */
import { expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import express from 'express';
import { APP, run } from '../packages/app.ts';
import { openGuide, showsTheme, useBrowser, useTheme } from '../packages/guide.ts';

const openPage = useBrowser();

const ng = (folder: string, ...args: readonly string[]) =>
  run(folder, process.execPath, {
    args: [join(APP, 'node_modules', '@angular', 'cli', 'bin', 'ng.js'), ...args],
    env: { NG_CLI_ANALYTICS: 'false' },
  });

test('the guide for Angular builds, and its page keeps button, form and store in step', async () => {
  await ng(APP, 'new', 'angular', '--skip-install', '--skip-git', '--defaults', '--minimal');
  const guide = await openGuide('angular', 'src/app/config.ts', async (folder) => {
    expect(existsSync(join(folder, 'angular.json'))).toBe(true);
    await ng(folder, 'build');
    return [express.static(join(folder, 'dist', 'angular', 'browser'))];
  });
  const { page, errors } = await openPage();
  await useTheme(page, guide);
  await page.getByRole('combobox', { name: 'Theme' }).selectOption('light');
  await page.getByRole('button', { name: 'Save' }).click();
  await showsTheme(page, 'light');
  await guide.jane.sees('theme', 'light');
  expect(errors).toEqual([]);
});
