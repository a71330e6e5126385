/** What the form says of an edited value, in its own sentences and by the rules of JSON Schema. */
import { describe, expect, test } from '@jest/globals';
import { checkNumber, checkText } from '../../packages/form/src/validation.ts';
import { schemaToFields } from '../../packages/form/src/schema-to-fields.ts';
import { ENGLISH_MESSAGES, formatMessage } from '../../packages/form/src/messages.ts';

type Schema = Parameters<typeof schemaToFields>[0];

function check(schema: Schema, value: string | number): string | undefined {
  const plan = schemaToFields({ properties: { key: schema ?? {} } }).members.get('key');
  if (plan?.kind === 'text' && typeof value === 'string') return checkText(value, plan, ENGLISH_MESSAGES);
  if (plan?.kind === 'number' && typeof value === 'number') return checkNumber(value, plan, ENGLISH_MESSAGES);
  throw new Error('expected a text or a number');
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
    [text({ maxLength: 3 }), '🙂🙂🙂🙂', 'Too long: 4 of at most 3 characters.'],
    [text({ minLength: 3 }), '🙂🙂', 'Too short: 2 of at least 3 characters.'],
    [text({ minLength: 1 }), '', 'Too short: 0 of at least 1 characters.'],
    [text({ pattern: '^[a-z]+$' }), 'A', 'This is not in the expected format.'],
    [text({ pattern: '^\\p{L}+$' }), '1', 'This is not in the expected format.'],
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
    [number({ minimum: 1 }), 0.5, 'This must be 1 or more.'],
    [number({ maximum: 1 }), 1.5, 'This must be 1 or less.'],
    [number({ exclusiveMinimum: 0 }), 0, 'This must be more than 0.'],
    [number({ exclusiveMaximum: 1 }), 1, 'This must be less than 1.'],
    [{ type: 'integer', exclusiveMaximum: 10 }, 10, 'This must be 9 or less.'],
    [number({ multipleOf: 5, minimum: 3 }), 8, 'This must be a multiple of 5.'],
    [{ type: 'integer' }, 1.5, 'This must be a whole number.'],
  ])('that %j forbids (%d) is told: %s', (schema, value, message) => {
    expect(check(schema, value)).toBe(message);
  });
});

test('a sentence of the app names a value as often as it likes, and keeps braces that mean nothing', () => {
  expect(formatMessage('{limit}/{limit} {constructor} {}', { limit: 3 })).toBe('3/3 {constructor} {}');
});
