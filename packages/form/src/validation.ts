/**
 * Checks edited values by the rules of JSON Schema, which differ from those of HTML: lengths are counted in code
 * points, and a pattern may match any part of the text. Also detects what JSON.parse changes silently: digits of
 * numbers, and duplicate members.
 */
import { isSameJson, type Json, type JsonObject } from './json.ts';

/** A rule that a value breaks: the keyword of JSON Schema or a name of the form's own, with its parameters. */
export interface BrokenRule {
  readonly code: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

type IsBroken = (size: number, limit: number) => boolean;

const isBelow: IsBroken = (size, limit) => size < limit;
const isAbove: IsBroken = (size, limit) => size > limit;
const RULES: Readonly<Record<string, Readonly<Record<string, IsBroken>>>> = {
  string: { minLength: isBelow, maxLength: isAbove },
  object: { minItems: isBelow, maxItems: isAbove },
  number: {
    minimum: isBelow,
    maximum: isAbove,
    exclusiveMinimum: (size, limit) => size <= limit,
    exclusiveMaximum: (size, limit) => size >= limit,
    // With the tolerance of the service, because 0.3 / 0.1 is not 3.
    multipleOf: (size, limit) => Math.abs(size / limit - Math.round(size / limit)) > 1e-9,
  },
};

/** The first rule of `schema` itself that a text, number or list breaks; undefined if it breaks none. */
export function findBrokenRule(value: Json, schema: JsonObject): BrokenRule | undefined {
  const isList = Array.isArray(value);
  // An emoji is one character to JSON Schema.
  const size = typeof value === 'string' || isList ? Array.from(value).length : Number(value);
  if (schema['type'] === 'integer' && !Number.isInteger(size)) return { code: 'integer' };
  for (const [code, isBroken] of Object.entries(RULES[typeof value] ?? {})) {
    const limit = schema[code];
    if (typeof limit === 'number' && isBroken(size, limit)) {
      return { code, params: { limit, [code]: limit, length: size } };
    }
  }
  const { pattern, uniqueItems } = schema;
  if (
    typeof value === 'string' &&
    typeof pattern === 'string' &&
    parsePattern(pattern)?.test(value) === false
  ) {
    return { code: 'pattern' };
  }
  if (!isList || uniqueItems !== true) return undefined;
  const find = (item: Json | undefined) => value.findIndex((other) => isSameJson(other, item)) + 1;
  const second = value.findIndex((item, index) => find(item) <= index) + 1;
  return second > 0 ? { code: 'uniqueItems', params: { first: find(value[second - 1]), second } } : undefined;
}

/** Undefined for a pattern that this browser does not support; the service checks it. */
function parsePattern(pattern: string): RegExp | undefined {
  try {
    return new RegExp(pattern, 'u');
  } catch {
    return undefined;
  }
}

/** Whether JavaScript holds the number `text` with all its digits, apart from leading and trailing zeros. */
export function isExactNumber(text: string): boolean {
  const value = Number(text);
  const digits = text.replaceAll(/e.*|\D/gi, '').replaceAll(/^0+|0+$/g, '');
  // Any 15 digits are exact, and more only if JavaScript writes them in the same way.
  const isShort = digits.length < 16 && Number.isFinite(value) && (value === 0) === (digits === '');
  return isShort || String(value) === text;
}

/** Whether JavaScript holds all numbers of the JSON `text` with all their digits. */
export function hasExactNumbers(text: string): boolean {
  return (withoutStrings(text).match(/-?\d[\d.eE+-]*/g) ?? []).every(isExactNumber);
}

/** Whether an object in the JSON `text`, parsed as `value`, has a duplicate member. */
export function hasDuplicateMembers(text: string, value: Json): boolean {
  return countMembers(text) > countMembers(JSON.stringify(value));
}

const countMembers = (json: string): number => withoutStrings(json).split(':').length;
const withoutStrings = (text: string): string => text.replaceAll(/"(?:\\.|[^"\\])*"/g, '""');
