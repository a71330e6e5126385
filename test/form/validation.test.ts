/** What the form says of an edited value, in its own sentences and by the rules of JSON Schema. */
import { describe, expect, test } from '@jest/globals';
import { describeError, ENGLISH_MESSAGES, formatMessage } from '../../packages/form/src/messages.ts';
import { findBrokenRule } from '../../packages/form/src/validation.ts';

type Value = Parameters<typeof findBrokenRule>[0];
type Schema = Parameters<typeof findBrokenRule>[1];

function check(schema: Schema, value: Value): string | undefined {
  const broken = findBrokenRule(value, schema);
  return broken && describeError(ENGLISH_MESSAGES, broken);
}

const text = (rules: Readonly<Record<string, string | number>>) => ({ type: 'string', ...rules });
const number = (rules: Readonly<Record<string, number>>) => ({ type: 'number', ...rules });

describe('a text', () => {
  test.each([
    [text({ maxLength: 3 }), '🙂🙂🙂'],
    [text({ minLength: 2, maxLength: 2 }), '🙂é'],
    [text({ maxLength: 3 }), 'a\nb'],
    [text({ pattern: '^.$' }), '🙂'],
    [text({ pattern: 'b' }), 'a\nb\nc'],
    // Valid with the flag u, as JSON Schema reads patterns, and not with v, as HTML does.
    [text({ pattern: '^[(&&)-]+$' }), '(&)'],
    // No pattern to the browser: the service judges it.
    [text({ pattern: '(' }), 'anything'],
    [text({}), ''],
  ])('that %j allows (%j) has nothing wrong with it', (schema, value) => {
    expect(check(schema, value)).toBeUndefined();
  });

  test.each([
    [text({ maxLength: 3 }), '🙂🙂🙂🙂', 'Use at most 3 characters, not 4.'],
    [text({ minLength: 3 }), '🙂🙂', 'Use at least 3 characters, not 2.'],
    [text({ minLength: 1 }), '', 'Use at least 1 characters, not 0.'],
    [text({ pattern: '^[a-z]+$' }), 'A', 'This is not the right format.'],
    [text({ pattern: '^\\p{L}+$' }), '1', 'This is not the right format.'],
  ])('that %j forbids (%j) is told: %s', (schema, value, message) => {
    expect(check(schema, value)).toBe(message);
  });
});

describe('a number', () => {
  test.each([
    [number({ minimum: 1, maximum: 1 }), 1],
    [number({ multipleOf: 0.1 }), 0.3],
    [number({ multipleOf: 5, minimum: 3 }), 5],
    [{ type: 'integer', exclusiveMinimum: 0 }, 1],
    [number({ exclusiveMinimum: 0 }), 0.001],
  ])('that %j allows (%d) has nothing wrong with it', (schema, value) => {
    expect(check(schema, value)).toBeUndefined();
  });

  test.each([
    [number({ minimum: 1 }), 0.5, 'Enter 1 or more.'],
    [number({ maximum: 1 }), 1.5, 'Enter 1 or less.'],
    [number({ exclusiveMinimum: 0 }), 0, 'Enter more than 0.'],
    [number({ exclusiveMaximum: 1 }), 1, 'Enter less than 1.'],
    [{ type: 'integer', exclusiveMaximum: 1000 }, 1000, 'Enter less than 1,000.'],
    [number({ multipleOf: 5, minimum: 3 }), 8, 'Enter a multiple of 5.'],
    [{ type: 'integer' }, 1.5, 'Enter a whole number.'],
  ])('that %j forbids (%d) is told: %s', (schema, value, message) => {
    expect(check(schema, value)).toBe(message);
  });
});

describe('a list', () => {
  test.each([
    [{ minItems: 1 }, [], 'Have at least 1 here.'],
    [{ maxItems: 1 }, ['a', 'b'], 'Have at most 1 here.'],
    [{ uniqueItems: true }, ['a', { b: 1, c: 2 }, { c: 2, b: 1 }], 'Entries 2 and 3 are the same.'],
  ])('that %j forbids (%j) is told: %s', (schema, value, message) => {
    expect(check(schema, value)).toBe(message);
  });

  test('that its schema allows has nothing wrong with it', () => {
    expect(check({ minItems: 1, maxItems: 2, uniqueItems: true }, ['a', 'b'])).toBeUndefined();
  });
});

describe('a sentence', () => {
  test('names a value as often as it likes, and keeps braces that mean nothing', () => {
    expect(formatMessage('{limit}/{limit} {constructor} {}', { limit: 3 }, 'en')).toBe(
      '3/3 {constructor} {}',
    );
  });

  test.each([
    ['en', '1,234.5'],
    ['de', '1.234,5'],
    ['fr', '1\u202f234,5'],
  ])('in %s writes numbers as that language does', (lang, written) => {
    expect(formatMessage('{limit}', { limit: 1234.5 }, lang)).toBe(written);
  });

  test.each([
    [
      { code: 'enum', params: { allowedValues: ['a'] }, detail: 'Must be "a".' },
      'Choose one of the options.',
    ],
    [
      { code: 'format', params: { format: 'uri' }, detail: 'x' },
      'Enter an address such as https://example.com.',
    ],
    [
      { code: 'format', params: { format: 'ipv6' }, detail: 'Must be an IPv6 address.' },
      'Must be an IPv6 address.',
    ],
    [{ code: 'write_once', detail: 'x' }, 'It can be set only once.'],
    // The form does not know how long the refused text was.
    [
      { code: 'maxLength', params: { limit: 3 }, detail: 'Must be at most 3 long.' },
      'Must be at most 3 long.',
    ],
    [{ code: 'of a newer service', detail: 'Something new.' }, 'Something new.'],
    [{ code: 'constructor' }, 'This value is not allowed.'],
  ])('for %j of the service is the form’s own where there is one', (error, sentence) => {
    expect(describeError(ENGLISH_MESSAGES, error)).toBe(sentence);
  });
});
