/** The page sends the difference between two documents: it must turn the one into the other, whatever they hold. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, expect, test } from '@jest/globals';
import { array, assert, constantFrom, dictionary, letrec, oneof, property } from 'fast-check';

type Json = Readonly<Record<string, unknown>>;
interface MergePatch {
  mergePatchOf(before: Json, after: Json): Json;
  applyMergePatch(target: Json, patch: Json): Json;
}

let page: MergePatch;
beforeAll(async () => {
  const file = join(import.meta.dirname, '..', '..', 'dev', 'web', 'merge-patch.js');
  page = await import(pathToFileURL(file).href);
});

/** Few names, so that documents overlap; a merge patch cannot store a null inside an object. */
const { document } = letrec<{ value: unknown; document: Json }>((tie) => ({
  value: oneof(
    { depthSize: 'small' },
    constantFrom(true, 1, 'text'),
    array(constantFrom(null, 1, 'text'), { maxLength: 2 }),
    tie('document'),
  ),
  document: dictionary(constantFrom('a', 'b', 'c', '__proto__'), tie('value'), {
    maxKeys: 3,
    noNullPrototype: true,
  }),
}));

test('the patch between two documents makes the second of the first', () => {
  assert(
    property(document, document, (before, after) => {
      expect(page.applyMergePatch(before, page.mergePatchOf(before, after))).toEqual(after);
    }),
  );
});

test('a patch holds nothing of what stays', () => {
  const before = { theme: 'dark', notifications: { email: true, push: false }, language: 'en' };
  const after = { theme: 'dark', notifications: { email: true, push: true } };
  expect(page.mergePatchOf(before, after)).toEqual({ notifications: { push: true }, language: null });
  expect(page.mergePatchOf(before, { ...before })).toEqual({});
});
