/** What an app downloads for `<user-metadata-form>`: its modules as one, minified and compressed. */
import { expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { minify, transform } from '@swc/core';
import { ROOT } from '../docs/documents.ts';

const MAX_BYTES = 14 * 1024;
const SOURCES = join(ROOT, 'packages', 'form', 'src');
/** Entries of their own, which `.` does not load. */
const OTHER_ENTRIES = new Set(['index.ts', 'react.ts', 'settings.ts', 'settings-style.ts']);

test('the element takes less than 14 KB with its styles and English texts, minified and compressed', async () => {
  const names = readdirSync(SOURCES).filter((name) => name.endsWith('.ts') && !OTHER_ENTRIES.has(name));
  const modules = await Promise.all(
    names.map((name) =>
      transform(readFileSync(join(SOURCES, name), 'utf8'), {
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
      }),
    ),
  );
  // As one module, which is what a bundler makes of it.
  const all = modules
    .map(({ code }) => code)
    .join('\n')
    .replaceAll(/^\/\*\*[^]*?\*\/ ?/gm, '')
    .replaceAll(/^(?:import|export) [^;]*?from '[^']+';$|^export (?=\w)/gm, '');
  const { code } = await minify(`${all}\nexport { defineUserMetadataForm };`, {
    module: true,
    compress: { passes: 3, toplevel: true },
    mangle: { toplevel: true },
  });
  const bytes = gzipSync(code, { level: 9 }).byteLength;
  expect(bytes).toBeGreaterThan(8 * 1024);
  expect(bytes).toBeLessThan(MAX_BYTES);
});
