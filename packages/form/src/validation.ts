/**
 * Checks edited values by the rules of JSON Schema, which differ from those of HTML: lengths are counted in code
 * points, and a pattern may match any part of the text. Also detects what JSON.parse changes silently: digits of
 * numbers, and duplicate members.
 */
import { isJsonObject, type Json } from './json.ts';
import { formatMessage, type Messages } from './messages.ts';
import type { NumberSpec, TextSpec } from './schema-to-fields.ts';

/** The length as JSON Schema counts it: an emoji is one character. */
const countCodePoints = (text: string): number => Array.from(text).length;

/** The message of the first rule that `text` breaks; undefined if it breaks none. */
export function checkText(
  text: string,
  { minLength, maxLength, pattern }: Pick<TextSpec, 'minLength' | 'maxLength' | 'pattern'>,
  messages: Messages,
): string | undefined {
  const length = countCodePoints(text);
  if (minLength !== undefined && length < minLength) {
    return formatMessage(messages.tooShort, { limit: minLength, length });
  }
  if (maxLength !== undefined && length > maxLength) {
    return formatMessage(messages.tooLong, { limit: maxLength, length });
  }
  const expression = pattern === undefined ? undefined : parsePattern(pattern);
  return expression === undefined || expression.test(text) ? undefined : messages.patternMismatch;
}

/** The message of the first rule that `value` breaks; undefined if it breaks none. */
export function checkNumber(value: number, spec: NumberSpec, messages: Messages): string | undefined {
  const { isWhole, min, max, above, below, multipleOf } = spec;
  if (isWhole && !Number.isInteger(value)) return messages.notWhole;
  const broken: ReadonlyArray<
    readonly [limit: number | undefined, isBroken: (limit: number) => boolean, text: string]
  > = [
    [min, (limit) => value < limit, messages.tooSmall],
    [max, (limit) => value > limit, messages.tooLarge],
    [above, (limit) => value <= limit, messages.notAbove],
    [below, (limit) => value >= limit, messages.notBelow],
    [multipleOf, (limit) => !isMultiple(value, limit), messages.notMultiple],
  ];
  for (const [limit, isBroken, text] of broken) {
    if (limit !== undefined && isBroken(limit)) return formatMessage(text, { limit });
  }
  return undefined;
}

/** Undefined for a pattern that this browser does not support; the service checks it. */
function parsePattern(pattern: string): RegExp | undefined {
  try {
    return new RegExp(pattern, 'u');
  } catch {
    return undefined;
  }
}

/** With the tolerance of the service, because 0.3 / 0.1 is not 3. */
function isMultiple(value: number, factor: number): boolean {
  const quotient = value / factor;
  return Math.abs(quotient - Math.round(quotient)) <= 1e-9;
}

/** Whether JavaScript holds the number `text` with all its digits, apart from leading and trailing zeros. */
export function isExactNumber(text: string): boolean {
  return toDecimal(text) === toDecimal(String(Number(text)));
}

/** Whether JavaScript holds all numbers of the JSON `text` with all their digits. */
export function hasExactNumbers(text: string): boolean {
  return (withoutStrings(text).match(/-?\d[\d.eE+-]*/g) ?? []).every(isExactNumber);
}

/** Whether an object in the JSON `text`, parsed as `value`, has a duplicate member. */
export function hasDuplicateMembers(text: string, value: Json): boolean {
  return (withoutStrings(text).match(/:/g) ?? []).length > countMembers(value);
}

const withoutStrings = (text: string): string => text.replaceAll(/"(?:\\.|[^"\\])*"/g, '""');

function countMembers(value: Json): number {
  if (Array.isArray(value)) return value.reduce((sum: number, item: Json) => sum + countMembers(item), 0);
  if (!isJsonObject(value)) return 0;
  return Object.values(value).reduce((sum: number, member) => sum + 1 + countMembers(member), 0);
}

/** The canonical form of a decimal number: its significant digits and a power of ten. */
function toDecimal(text: string): string {
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const digits = `${whole}${fraction}`.replace(/^([-+]?)0+/, '$1');
  const significant = digits.replace(/0+$/, '');
  if (!/\d/.test(significant)) return significant.replace(/^[-+]$/, '');
  return `${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}
