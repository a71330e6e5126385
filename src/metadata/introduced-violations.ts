/**
 * Which violations of a schema a change has introduced: those that were not there before, or have become
 * worse. What was stored wrong is not held against whoever changes something else.
 */
import type { ErrorObject } from 'ajv/dist/2020.js';
import { canonicalJson, isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts';
import { valueAt } from './read-only-paths.ts';

/** Keywords about one value: it may stay wrong, but not become another wrong one. */
const ABOUT_A_VALUE = new Set(
  (
    'type const enum format pattern minLength maxLength multipleOf ' +
    'minimum maximum exclusiveMinimum exclusiveMaximum'
  ).split(' '),
);

/** Keywords about an amount: a violation may stay or shrink, but not grow. */
const AMOUNTS: Readonly<Record<string, (value: JsonValue) => number>> = {
  maxItems: sizeOf,
  maxProperties: sizeOf,
  minItems: (value) => -sizeOf(value),
  minProperties: (value) => -sizeOf(value),
  uniqueItems: (value) => (Array.isArray(value) ? value.length - new Set(value.map(canonicalJson)).size : 0),
};

function sizeOf(value: JsonValue): number {
  return typeof value === 'object' && value !== null ? Object.keys(value).length : 0;
}

/** The violations `found` in `after` that none of `earlier`, found in `before`, excuses. Each excuses one. */
export function introducedViolations(
  found: readonly ErrorObject[],
  after: JsonObject,
  earlier: readonly ErrorObject[],
  before: JsonObject,
): ErrorObject[] {
  const excuses = new Map<string, number[]>();
  for (const error of earlier) {
    const { id, amount } = identify(error, before);
    excuses.set(id, [...(excuses.get(id) ?? []), amount]);
  }
  return found.filter((error) => {
    const { id, amount } = identify(error, after);
    const left = excuses.get(id) ?? [];
    const excuse = left.findIndex((had) => had >= amount);
    if (excuse >= 0) left.splice(excuse, 1);
    return excuse < 0;
  });
}

/**
 * What makes two violations the same: rule and place, positions within lists apart, so that an item may move
 * up; and for rules about a value, that value.
 */
function identify(error: ErrorObject, document: JsonObject) {
  const { instancePath, schemaPath, keyword, params, propertyName } = error;
  const path = instancePath
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
  const value = valueAt(document, path) ?? null;
  const amountOf = AMOUNTS[keyword];
  const detail = amountOf ? '' : params;
  // Of `propertyNames` the value is the name, and the place that of the object.
  const content = propertyName ?? (ABOUT_A_VALUE.has(keyword) ? canonicalJson(value) : '');
  const id = JSON.stringify([placeOf(document, path), schemaPath, detail, content]);
  return { id, amount: amountOf?.(value) ?? 0 };
}

function placeOf(document: JsonObject, path: readonly string[]): readonly (string | null)[] {
  let node: JsonValue | undefined = document;
  return path.map((name) => {
    const inList = Array.isArray(node);
    node = isJsonObject(node) || Array.isArray(node) ? valueAt(node, [name]) : undefined;
    return inList ? null : name;
  });
}
