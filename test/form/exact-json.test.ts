/** What JavaScript loses in silence when it reads a number or a JSON text. */
import { expect, test } from '@jest/globals';
import { assert, double, jsonValue, property } from 'fast-check';
import { hasDuplicateMembers, hasExactNumbers, isExactNumber } from '../../packages/form/src/validation.ts';

test.each(['0', '-0', '1', '1.50', '007', '-12.5e3', '9007199254740991', '0.1', '1e21', '1E-7', '.5', '1e5'])(
  'the number %s is read with all its digits',
  (text) => {
    expect(isExactNumber(text)).toBe(true);
  },
);

test.each(['9007199254740993', '-9007199254740993', '0.12345678901234567890', '1e-400', '1e400', '1e22222'])(
  'the number %s is not',
  (text) => {
    expect(isExactNumber(text)).toBe(false);
  },
);

test('a number that JavaScript wrote is read with all its digits', () => {
  assert(
    property(double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(isExactNumber(String(value))).toBe(true);
    }),
  );
});

test('a JSON text that JavaScript wrote loses nothing', () => {
  assert(
    property(jsonValue(), (value) => {
      const text = JSON.stringify(value, null, 1);
      const read = JSON.parse(text);
      expect([hasExactNumbers(text), hasDuplicateMembers(text, read)]).toEqual([true, false]);
    }),
  );
});

test.each([
  ['[{"a": 9007199254740993}]', false, false],
  ['{"a": "9007199254740993", "b": "\\"1e400"}', true, false],
  ['{"a": 1, "a": 2}', true, true],
  ['{"a": [{"b": ":", "\\u0062": 1}]}', true, true],
  ['{"a:": {"a": 1}}', true, false],
])(
  'of the JSON %s it is known whether numbers are exact (%p) and names stand twice (%p)',
  (text, exact, twice) => {
    expect([hasExactNumbers(text), hasDuplicateMembers(text, JSON.parse(text))]).toEqual([exact, twice]);
  },
);
