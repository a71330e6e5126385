/** The operator's schema in other languages: merge patches (RFC 7396) over it that may touch annotations only. */
import { collectErrors, PolicyError } from '../../lib/app-error.ts';
import { loadSchema } from './load.ts';
import { isJsonObject, type JsonObject, type JsonValue, ownValue, pointerToken } from '../../lib/json.ts';

/** What a person reads. No rule depends on it. */
const TRANSLATABLE: ReadonlySet<string> = new Set(['title', 'description', 'examples', 'x-ui']);
/** Keywords whose members are schemas under any name. */
const SCHEMAS_BY_NAME: ReadonlySet<string> = new Set([
  '$defs',
  'definitions',
  'dependentSchemas',
  'patternProperties',
  'properties',
]);

/**
 * The schema in the language of the patch.
 * @throws PolicyError, with the place in the patch, for one that touches more than annotations, or a place that the schema
 * does not have. A merge patch cannot reach into a list such as `allOf`: what is to be translated stands in `$defs`.
 */
function localizeSchema(schema: JsonObject, patch: JsonObject, language: string): JsonObject {
  return merge(schema, patch, '');

  function merge(target: JsonObject, changes: JsonObject, at: string): JsonObject {
    return withChanges(target, changes, at, (keyword, change, place) => {
      if (TRANSLATABLE.has(keyword)) return keyword === 'x-ui' ? mergeHints(target[keyword], change) : change;
      const part = getPart(target, keyword, change, place);
      if (!SCHEMAS_BY_NAME.has(keyword)) return merge(part.target, part.change, place);
      return withChanges(part.target, part.change, place, (name, inner, below) => {
        const named = getPart(part.target, name, inner, below);
        return merge(named.target, named.change, below);
      });
    });
  }

  function getPart(target: JsonObject, name: string, change: JsonValue, place: string) {
    const part = ownValue(target, name);
    if (part === undefined) throw refusal(place, 'the schema has no such place');
    if (isJsonObject(part) && isJsonObject(change)) return { target: part, change };
    throw refusal(place, 'may change title, description, examples and x-ui only');
  }

  function refusal(place: string, reason: string): PolicyError {
    return new PolicyError([`userMetadata.locales.${language}${place}: ${reason}`]);
  }
}

/**
 * The schema in each of the languages.
 * @param options.isSchemaValid without it, the hints of a language are not examined.
 * @throws PolicyError as `localizeSchema` does, and for hints that are wrong; it has at least one error for each language
 * that has any.
 */
export function localizeSchemas(
  {
    schema = {},
    locales,
  }: {
    readonly schema: JsonObject | undefined;
    readonly locales: Readonly<Record<string, JsonObject>>;
  },
  { isSchemaValid = true }: { readonly isSchemaValid?: boolean } = {},
): Readonly<Record<string, JsonObject>> {
  const errors: string[] = [];
  const localized = Object.entries(locales).flatMap(([tag, patch]) => {
    const result = collectErrors(errors, () => localizeSchema(schema, patch, tag));
    if (result === undefined) return [];
    // Its hints may be wrong in ways of their own.
    if (isSchemaValid) collectErrors(errors, () => loadSchema(result, `userMetadata.locales.${tag}`));
    return [[tag, result] as const];
  });
  if (errors.length > 0) throw new PolicyError(errors);
  return Object.fromEntries(localized);
}

function withChanges(
  target: JsonObject,
  changes: JsonObject,
  at: string,
  change: (name: string, value: JsonValue, place: string) => JsonValue,
): JsonObject {
  const changed = new Map(Object.entries(target));
  for (const [name, value] of Object.entries(changes)) {
    const result = change(name, value, `${at}/${pointerToken(name)}`);
    if (result === null) changed.delete(name);
    else changed.set(name, result);
  }
  return Object.fromEntries(changed);
}

/** Hints are data, so that a part of them can be translated alone. */
function mergeHints(target: JsonValue | undefined, change: JsonValue): JsonValue {
  if (!isJsonObject(change)) return change;
  const hints = isJsonObject(target) ? target : {};
  return withChanges(hints, change, '', (name, value) => mergeHints(ownValue(hints, name), value));
}
