/**
 * Turns a schema into the fields of a form. A part of the schema that no other field can show becomes a field for JSON,
 * so that the form shows all of it.
 */
import { getMember, isJsonObject, type Json, type JsonObject, parsePointer } from './json.ts';

export interface CommonSpec {
  readonly label: string;
  readonly description: string | undefined;
  readonly readOnly: boolean;
  /** Whether the enclosing object must have it. */
  readonly required: boolean;
  readonly fallback: Json | undefined;
}

export interface TextSpec extends CommonSpec {
  readonly kind: 'text';
  readonly input: 'text' | 'textarea' | 'email' | 'url' | 'date' | 'datetime-local' | 'time';
  readonly minLength: number | undefined;
  readonly maxLength: number | undefined;
  readonly pattern: string | undefined;
  readonly example: string | undefined;
  /** The value of HTML's `autocomplete`. */
  readonly autocomplete: string | undefined;
}
export interface NumberSpec extends CommonSpec {
  readonly kind: 'number';
  readonly isWhole: boolean;
  readonly min: number | undefined;
  readonly max: number | undefined;
  /** The value must be more than this. */
  readonly above: number | undefined;
  /** The value must be less than this. */
  readonly below: number | undefined;
  readonly multipleOf: number | undefined;
  /** The step of the input's arrows, if it leads to multiples. */
  readonly step: number | undefined;
}
export interface CheckboxSpec extends CommonSpec {
  readonly kind: 'checkbox';
}
export interface ChoiceSpec extends CommonSpec {
  readonly kind: 'choice';
  /** An option without a label shows its value. */
  readonly options: ReadonlyArray<{ readonly value: Json; readonly label: string | undefined }>;
}
export interface GroupSpec extends CommonSpec {
  readonly kind: 'group';
  /** Whether it is the whole document, which needs no frame. */
  readonly isWhole: boolean;
  readonly members: ReadonlyMap<string, FieldSpec>;
}
export interface ListSpec extends CommonSpec {
  readonly kind: 'list';
  readonly item: FieldSpec;
  readonly min: number;
  readonly max: number;
}
export interface JsonSpec extends CommonSpec {
  readonly kind: 'json';
}
export type LeafSpec = TextSpec | NumberSpec | CheckboxSpec | ChoiceSpec | JsonSpec;
export type FieldSpec = LeafSpec | GroupSpec | ListSpec;

interface Dereferenced {
  /** The definition, overridden by the keywords beside the reference. */
  readonly schema: JsonObject;
  /** The definition itself, to detect one that contains itself. */
  readonly origin: JsonObject;
}

/** Resolves `$ref` within the schema. Undefined for references elsewhere, or in a circle. */
function dereference(schema: JsonObject, root: JsonObject): Dereferenced | undefined {
  let found: Dereferenced = { schema, origin: schema };
  for (const seen = new Set<JsonObject>(); Object.hasOwn(found.schema, '$ref'); ) {
    if (seen.has(found.origin)) return undefined;
    seen.add(found.origin);
    const { $ref: reference, ...beside } = found.schema;
    const target = typeof reference === 'string' ? resolvePointer(reference, root) : undefined;
    if (!isJsonObject(target)) return undefined;
    found = { schema: { ...target, ...beside }, origin: target };
  }
  return found;
}

function resolvePointer(reference: string, root: JsonObject): Json | undefined {
  if (!reference.startsWith('#')) return undefined;
  const fragment = decodeFragment(reference.slice(1));
  if (fragment === undefined) return undefined;
  if (fragment !== '' && !fragment.startsWith('/')) return findAnchor(fragment, root);
  let found: Json | undefined = root;
  for (const step of parsePointer(fragment)) {
    if (Array.isArray(found)) found = found[Number(step)];
    else found = isJsonObject(found) ? getMember(found, step) : undefined;
  }
  return found;
}

function decodeFragment(fragment: string): string | undefined {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return undefined;
  }
}

function findAnchor(name: string, node: Json): JsonObject | undefined {
  if (typeof node !== 'object' || node === null) return undefined;
  if (isJsonObject(node) && node['$anchor'] === name) return node;
  for (const child of Object.values(node)) {
    const found = findAnchor(name, child);
    if (found) return found;
  }
  return undefined;
}

/** Longer texts get a text area. */
const MAX_LINE_LENGTH = 200;

const INPUT_TYPE_BY_FORMAT = new Map<string, TextSpec['input']>([
  ['date', 'date'],
  ['date-time', 'datetime-local'],
  ['time', 'time'],
  ['email', 'email'],
  ['uri', 'url'],
]);

/** The field of the whole document: always a group, without members if the schema has no properties. */
export function schemaToFields(schema: Json | undefined): GroupSpec {
  const root = isJsonObject(schema) ? schema : {};
  const spec = toFieldSpec(root, { root, path: [] }, { label: '', required: true });
  const members = spec.kind === 'group' ? spec.members : new Map<string, FieldSpec>();
  return { ...spec, kind: 'group', members, isWhole: true };
}

/** The labels on the way to the field at `path`: a title of the schema, or else the key as words. */
export function getFieldLabels(schema: Json | undefined, path: readonly string[]): string[] {
  let field: FieldSpec | undefined = schemaToFields(schema);
  return path.map((key) => {
    field = field?.kind === 'group' ? field.members.get(key) : undefined;
    return field?.label ?? key;
  });
}

interface SchemaLocation {
  readonly root: JsonObject;
  /** The enclosing schemas, to detect a schema that contains itself. */
  readonly path: readonly JsonObject[];
}

function toFieldSpec(
  raw: Json | undefined,
  place: SchemaLocation,
  { label, required, readOnly = false }: { label: string; required: boolean; readOnly?: boolean },
): FieldSpec {
  const found = isJsonObject(raw) ? dereference(raw, place.root) : undefined;
  const schema = found?.schema ?? {};
  const common: CommonSpec = {
    label: asText(schema['title']) ?? label,
    description: asText(schema['description']),
    readOnly: readOnly || schema['readOnly'] === true,
    required,
    fallback: getMember(schema, 'default'),
  };
  const json: JsonSpec = { ...common, kind: 'json' };
  if (!found || place.path.includes(found.origin)) return json;
  const inside: SchemaLocation = { root: place.root, path: [...place.path, found.origin] };

  const options = getOptions(schema, inside);
  if (options) return { ...common, kind: 'choice', options };
  // The form cannot tell other alternatives apart.
  if ('oneOf' in schema || 'anyOf' in schema) return json;
  const type: string = getType(schema) ?? 'any';
  switch (type) {
    case 'string':
      return toTextSpec(schema, common);
    case 'integer':
      return toNumberSpec(schema, common, true);
    case 'number':
      return toNumberSpec(schema, common, false);
    case 'boolean':
      // A checkbox has no third state that says “not answered yet”.
      if (required && common.fallback === undefined) {
        return {
          ...common,
          kind: 'choice',
          options: [true, false].map((value) => ({ value, label: undefined })),
        };
      }
      return { ...common, kind: 'checkbox' };
    case 'object':
      return toGroupSpec(schema, common, inside) ?? json;
    case 'array':
      return toListSpec(schema, common, inside) ?? json;
    default:
      return json;
  }
}

function toTextSpec(schema: JsonObject, common: CommonSpec): TextSpec {
  const maxLength = asNumber(schema['maxLength']);
  const long = maxLength !== undefined && maxLength > MAX_LINE_LENGTH;
  const examples = schema['examples'];
  return {
    ...common,
    kind: 'text',
    input: INPUT_TYPE_BY_FORMAT.get(asText(schema['format']) ?? '') ?? (long ? 'textarea' : 'text'),
    minLength: asNumber(schema['minLength']),
    maxLength,
    pattern: asText(schema['pattern']),
    example: Array.isArray(examples) ? asText(examples[0]) : undefined,
    autocomplete: asText(schema['x-autocomplete']),
  };
}

function toNumberSpec(schema: JsonObject, common: CommonSpec, whole: boolean): NumberSpec {
  const min = asNumber(schema['minimum']);
  const max = asNumber(schema['maximum']);
  const above = asNumber(schema['exclusiveMinimum']);
  const below = asNumber(schema['exclusiveMaximum']);
  const lowest = whole && above !== undefined ? Math.floor(above) + 1 : undefined;
  const highest = whole && below !== undefined ? Math.ceil(below) - 1 : undefined;
  const least = largest(min, lowest);
  const multipleOf = asNumber(schema['multipleOf']);
  const step = multipleOf ?? (whole ? 1 : undefined);
  // An input counts its steps from the minimum, JSON Schema from zero.
  const aligned = step === undefined || least === undefined || Number.isInteger(least / step);
  return {
    ...common,
    kind: 'number',
    isWhole: whole,
    min: least,
    max: highest === undefined ? max : Math.min(highest, max ?? highest),
    above: whole ? undefined : above,
    below: whole ? undefined : below,
    multipleOf,
    step: aligned ? step : undefined,
  };
}

function toGroupSpec(schema: JsonObject, common: CommonSpec, place: SchemaLocation): GroupSpec | undefined {
  const properties = schema['properties'];
  if (!isJsonObject(properties)) return undefined;
  const required = new Set(Array.isArray(schema['required']) ? schema['required'] : []);
  const members = Object.entries(properties).map(([key, member]): [string, FieldSpec] => [
    key,
    toFieldSpec(member, place, {
      label: toLabel(key),
      required: required.has(key),
      readOnly: common.readOnly,
    }),
  ]);
  return { ...common, kind: 'group', isWhole: false, members: new Map(members) };
}

function toListSpec(schema: JsonObject, common: CommonSpec, place: SchemaLocation): ListSpec | undefined {
  if (!isJsonObject(schema['items']) || 'prefixItems' in schema) return undefined;
  const { label, readOnly } = common;
  return {
    ...common,
    kind: 'list',
    item: toFieldSpec(schema['items'], place, { label, required: true, readOnly }),
    min: asNumber(schema['minItems']) ?? 0,
    max: asNumber(schema['maxItems']) ?? Number.POSITIVE_INFINITY,
  };
}

/** The options of `const`, of `enum`, or of alternatives that are all constants. */
function getOptions(schema: JsonObject, { root }: SchemaLocation): ChoiceSpec['options'] | undefined {
  if (Object.hasOwn(schema, 'const')) return [{ value: schema['const'] ?? null, label: undefined }];
  if (Array.isArray(schema['enum'])) {
    // A merge patch cannot store null: leaving the field unset says the same.
    return schema['enum'].filter((value) => value !== null).map((value) => ({ value, label: undefined }));
  }
  const alternatives = schema['oneOf'] ?? schema['anyOf'];
  if (!Array.isArray(alternatives)) return undefined;
  const options = alternatives.map((raw: Json) => {
    const option = isJsonObject(raw) ? dereference(raw, root)?.schema : undefined;
    if (!option || !Object.hasOwn(option, 'const')) return undefined;
    return { value: option['const'] ?? null, label: asText(option['title']) };
  });
  return options.every((option) => option !== undefined) ? options : undefined;
}

/** The only type other than null, also if only the keywords imply it. */
function getType(schema: JsonObject): string | undefined {
  const type = schema['type'];
  const types = (Array.isArray(type) ? type : [type]).filter((name) => name !== 'null');
  if (types.length === 1 && typeof types[0] === 'string') return types[0];
  return type === undefined && 'properties' in schema ? 'object' : undefined;
}

/** Turns `display_name` and `displayName` into a label. */
function toLabel(key: string): string {
  const words = key
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/[_-]+/g, ' ')
    .trim();
  return words === '' ? key : words.charAt(0).toUpperCase() + words.slice(1).toLowerCase();
}

function largest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}

const asText = (value: Json | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined;
const asNumber = (value: Json | undefined): number | undefined =>
  typeof value === 'number' ? value : undefined;
