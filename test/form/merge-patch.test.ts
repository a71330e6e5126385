/** The form tells the difference between two documents: it must turn the one into the other, whatever they hold. */
import { expect, test } from '@jest/globals';
import { array, assert, constantFrom, dictionary, letrec, oneof, property } from 'fast-check';
import { applyMergePatch, createMergePatch } from '../../packages/form/src/json.ts';

type Document = Parameters<typeof createMergePatch>[0];
type Value = Document[string];

/** Few names, so that documents overlap; a merge patch cannot store a null inside an object. */
const { document } = letrec<{ value: Value; document: Document }>((tie) => ({
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
      expect(applyMergePatch(before, createMergePatch(before, after))).toEqual(after);
    }),
  );
});

test('a patch holds nothing of what stays', () => {
  const before = { theme: 'dark', notifications: { email: true, push: false }, language: 'en' };
  const after = { theme: 'dark', notifications: { email: true, push: true } };
  expect(createMergePatch(before, after)).toEqual({ notifications: { push: true }, language: null });
  expect(createMergePatch(before, { ...before })).toEqual({});
});
