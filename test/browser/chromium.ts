/** The browser of the tests: the Chromium of this machine, never one that is downloaded. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The path of the first of these programs that is on the PATH, if one is. */
export function findProgram(...names: readonly string[]): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find(isProgram);
}

/** @throws Error that says what to install or to set. */
function findChromium(): string {
  const chosen = process.env['CHROMIUM_PATH'];
  const found = chosen ? [chosen].find(isProgram) : findProgram(...NAMES);
  if (found !== undefined) return found;
  throw new Error(
    chosen
      ? `CHROMIUM_PATH names no program: ${chosen}`
      : 'No Chromium was found. Install one (Debian: apt-get install chromium), or name it in CHROMIUM_PATH.',
  );
}

/** @param switches for Chromium beside the usual ones. */
export async function launchChromium(...switches: readonly string[]): Promise<Browser> {
  // As root, in containers, Chromium's own sandbox is not to be had.
  const args = [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), ...switches];
  return chromium.launch({ executablePath: findChromium(), args });
}
