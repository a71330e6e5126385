import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorSections, generatedFiles, metricsTable, withPart, wrap } from '../../scripts/docs.ts';
import { PROBLEMS } from '../../src/http/errors.ts';
import { ROOT } from './documents.ts';

const contentOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

test('the generated parts are what the code makes them (npm run docs writes them)', async () => {
  const generated = await generatedFiles();
  expect([...generated.keys()]).toEqual([
    '.env.example',
    'docs/configuration.md',
    'docs/errors.md',
    'docs/commands.md',
    'docs/operations.md',
  ]);
  for (const [path, text] of generated) expect(contentOf(path)).toBe(text);
});

test('a part takes the place of what stood between its markers, and of nothing else', () => {
  const text = 'before\n<!-- x:begin -->\nold\n<!-- x:end -->\nafter\n';
  expect(withPart(text, 'x', 'new\n')).toBe('before\n<!-- x:begin -->\nnew\n<!-- x:end -->\nafter\n');
  expect(() => withPart(text, 'y', '')).toThrow('the markers of y are missing');
});

test('a paragraph is broken at 120 characters, and neither code nor links are', () => {
  const text = 'word '.repeat(23);
  expect(wrap(`${text}fills`)).toBe(`${text}fills`);
  expect(wrap(`${text}spills`)).toBe(`${text.trim()}\nspills`);
  expect(wrap(`${text}\`code with spaces\``)).toBe(`${text.trim()}\n\`code with spaces\``);
  expect(wrap(`${text}[a long link](to#here).`)).toBe(`${text.trim()}\n[a long link](to#here).`);
});

test('every code is explained once, with its status', () => {
  const headings = [...errorSections().matchAll(/^### (\w+)\n\n\*\*(\d+)\*\*/gm)];
  expect(headings.map(([, code = '', status = '']) => [code, Number(status)])).toEqual(
    Object.entries(PROBLEMS).map(([code, { status }]) => [code, status]),
  );
});

test('the table of metrics has a row for each, with its kind', async () => {
  expect(await metricsTable()).toMatch(
    /^\| `metadata_bff_http_request_duration_seconds` \| histogram \| \S/m,
  );
});
