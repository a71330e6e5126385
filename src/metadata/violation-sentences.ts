/**
 * What is wrong with a value, in a sentence for the person who entered it. An app that speaks another language makes
 * its own sentences from the code and the params of the fault.
 */
import type { JsonValue } from '../lib/json.ts';
import type { Violation } from './introduced-violations.ts';

type Params = Violation['params'];

/** Beyond this many, allowed values are counted and not listed. */
const LISTED_MAX = 20;

const TYPE_NAMES: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  integer: 'a whole number',
  null: 'empty (null)',
  number: 'a number',
  object: 'an object',
  string: 'text',
};

const FORMAT_NAMES: Readonly<Record<string, string>> = {
  date: 'a date, such as 2025-12-31',
  'date-time': 'a date and time with a time zone, such as 2025-12-31T23:59:00Z',
  duration: 'a duration, such as P3D',
  email: 'an e-mail address',
  hostname: 'a host name',
  ipv4: 'an IPv4 address',
  ipv6: 'an IPv6 address',
  'iso-date-time': 'a date and time, such as 2025-12-31T23:59:00',
  'iso-time': 'a time, such as 23:59:00',
  'json-pointer': 'a JSON Pointer',
  regex: 'a regular expression',
  time: 'a time with a time zone, such as 23:59:00Z',
  uri: 'an address (URI)',
  'uri-reference': 'an address (URI) or a part of one',
  url: 'a web address, such as https://example.com',
  uuid: 'a UUID',
};

const SENTENCES: Readonly<Record<string, (params: Params) => string>> = {
  type: ({ type }) =>
    `Must be ${joinWords(
      listOf(type).map((name) => TYPE_NAMES[toText(name)] ?? toText(name)),
      'or',
    )}.`,
  const: ({ allowedValue }) => `Must be ${JSON.stringify(allowedValue)}.`,
  enum: ({ allowedValues }) => sentenceOfAllowed(allowedValues),
  format: ({ format }) => `Must be ${FORMAT_NAMES[toText(format)] ?? `of the format ${toText(format)}`}.`,
  pattern: ({ pattern }) => `Must match the pattern ${toText(pattern)}.`,
  minLength: ({ limit }) => `Must be at least ${count(limit, 'character', 'characters')} long.`,
  maxLength: ({ limit }) => `Must be at most ${count(limit, 'character', 'characters')} long.`,
  minimum: ({ limit }) => `Must be ${toText(limit)} or more.`,
  maximum: ({ limit }) => `Must be ${toText(limit)} or less.`,
  exclusiveMinimum: ({ limit }) => `Must be more than ${toText(limit)}.`,
  exclusiveMaximum: ({ limit }) => `Must be less than ${toText(limit)}.`,
  multipleOf: ({ multipleOf }) => `Must be a multiple of ${toText(multipleOf)}.`,
  minItems: ({ limit }) => `Must have at least ${count(limit, 'item', 'items')}.`,
  maxItems: ({ limit }) => sentenceOfMost(limit, 'item', 'items', 'Must be an empty list.'),
  uniqueItems: ({ first, second }) => `Items ${toText(first)} and ${toText(second)} are the same.`,
  contains: () => 'Must have at least one item of the kind that is asked for.',
  minContains: ({ limit }) =>
    `Must have at least ${count(limit, 'item', 'items')} of the kind that is asked for.`,
  maxContains: ({ limit }) =>
    limit === 0
      ? 'Must have no item of the kind that is limited.'
      : `Must have at most ${count(limit, 'item', 'items')} of the kind that is limited.`,
  minProperties: ({ limit }) => `Must have at least ${count(limit, 'entry', 'entries')}.`,
  maxProperties: ({ limit }) => sentenceOfMost(limit, 'entry', 'entries', 'Must have no entries.'),
  required: () => 'This is required.',
  dependentRequired: ({ property }) => `This is required when ${JSON.stringify(property)} is given.`,
  propertyNames: ({ propertyName }) => `The name ${JSON.stringify(propertyName)} is not allowed here.`,
  additionalProperties: () => 'There must be no entry of this name.',
  unevaluatedProperties: () => 'There must be no entry of this name.',
  items: () => 'The list has too many items.',
  prefixItems: () => 'The list has too many items.',
  unevaluatedItems: () => 'The list has too many items.',
  not: () => 'This value is not allowed.',
  false_schema: () => 'This is not allowed here.',
  anyOf: (params) => sentenceOfChoice(params, 'Must fit at least one of the'),
  oneOf: (params) =>
    Array.isArray(params['passing'])
      ? `Must fit exactly one of the ${toText(params['branches'])} allowed forms, but fits ${joinWords(
          params['passing'].map(toText),
          'and',
        )}.`
      : sentenceOfChoice(params, 'Must fit one of the'),
};

/** One sentence that says which value would do, or why this one does not. */
export function getSentence({ code, params }: Violation): string {
  return SENTENCES[code]?.(params) ?? 'This value is not allowed.';
}

function sentenceOfChoice(params: Params, beginning: string): string {
  const { allowedValues, branches } = params;
  return allowedValues === undefined
    ? `${beginning} ${count(branches, 'allowed form', 'allowed forms')}.`
    : sentenceOfAllowed(allowedValues);
}

function sentenceOfAllowed(allowedValues: JsonValue | undefined): string {
  const values = listOf(allowedValues);
  const listed = values.slice(0, LISTED_MAX).map((value) => JSON.stringify(value));
  const more = values.length > LISTED_MAX ? `, or one of ${values.length - LISTED_MAX} more` : '';
  return values.length === 1 ? `Must be ${listed.join('')}.` : `Must be one of: ${listed.join(', ')}${more}.`;
}

function sentenceOfMost(limit: JsonValue | undefined, one: string, many: string, none: string): string {
  return limit === 0 ? none : `Must have at most ${count(limit, one, many)}.`;
}

function count(amount: JsonValue | undefined, one: string, many: string): string {
  return `${toText(amount)} ${amount === 1 ? one : many}`;
}

function joinWords(words: readonly string[], conjunction: string): string {
  return words.length < 2
    ? words.join('')
    : `${words.slice(0, -1).join(', ')} ${conjunction} ${words.at(-1) ?? ''}`;
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}

function toText(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
