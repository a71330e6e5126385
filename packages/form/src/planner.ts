/**
 * The schema turned into a plan. Whatever has no kind of field of its own becomes one for JSON, so that nothing of a
 * schema is left out.
 */
import { isJsonObject, type Json, type JsonObject, memberOf } from './json.ts';
import type {
  ChoicePlan,
  Common,
  GroupPlan,
  JsonPlan,
  ListPlan,
  NumberPlan,
  Plan,
  TextPlan,
} from './plan.ts';
import { dereference } from './reference.ts';

/** Texts longer than this are written in more than one line. */
const LINE_MAX = 200;

const INPUTS = new Map<string, TextPlan['input']>([
  ['date', 'date'],
  ['date-time', 'datetime-local'],
  ['time', 'time'],
  ['email', 'email'],
  ['uri', 'url'],
]);

/** The plan of a whole document: always a group, with no members where the schema names none. */
export function planDocument(schema: Json | undefined): GroupPlan {
  const root = isJsonObject(schema) ? schema : {};
  const plan = planOf(root, { root, path: [] }, { label: '', required: true });
  const members = plan.kind === 'group' ? plan.members : new Map<string, Plan>();
  return { ...plan, kind: 'group', members, isWhole: true };
}

interface Place {
  readonly root: JsonObject;
  /** The schemas around this one: one that contains itself would have no end. */
  readonly path: readonly JsonObject[];
}

function planOf(
  raw: Json | undefined,
  place: Place,
  { label, required, readOnly = false }: { label: string; required: boolean; readOnly?: boolean },
): Plan {
  const found = isJsonObject(raw) ? dereference(raw, place.root) : undefined;
  const schema = found?.schema ?? {};
  const common: Common = {
    label: text(schema['title']) ?? label,
    description: text(schema['description']),
    readOnly: readOnly || schema['readOnly'] === true,
    required,
    fallback: memberOf(schema, 'default'),
  };
  const json: JsonPlan = { ...common, kind: 'json' };
  if (!found || place.path.includes(found.origin)) return json;
  const inside: Place = { root: place.root, path: [...place.path, found.origin] };

  const options = optionsOf(schema, inside);
  if (options) return { ...common, kind: 'choice', options };
  // Alternatives that are no plain options could not be told apart here.
  if ('oneOf' in schema || 'anyOf' in schema) return json;
  const type: string = typeOf(schema) ?? 'any';
  switch (type) {
    case 'string':
      return textPlan(schema, common);
    case 'integer':
      return numberPlan(schema, common, true);
    case 'number':
      return numberPlan(schema, common, false);
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
      return groupPlan(schema, common, inside) ?? json;
    case 'array':
      return listPlan(schema, common, inside) ?? json;
    default:
      return json;
  }
}

function textPlan(schema: JsonObject, common: Common): TextPlan {
  const maxLength = number(schema['maxLength']);
  const long = maxLength !== undefined && maxLength > LINE_MAX;
  const examples = schema['examples'];
  return {
    ...common,
    kind: 'text',
    input: INPUTS.get(text(schema['format']) ?? '') ?? (long ? 'textarea' : 'text'),
    minLength: number(schema['minLength']),
    maxLength,
    pattern: text(schema['pattern']),
    example: Array.isArray(examples) ? text(examples[0]) : undefined,
    autocomplete: text(schema['x-autocomplete']),
  };
}

function numberPlan(schema: JsonObject, common: Common, whole: boolean): NumberPlan {
  const min = number(schema['minimum']);
  const max = number(schema['maximum']);
  const above = number(schema['exclusiveMinimum']);
  const below = number(schema['exclusiveMaximum']);
  const lowest = whole && above !== undefined ? Math.floor(above) + 1 : undefined;
  const highest = whole && below !== undefined ? Math.ceil(below) - 1 : undefined;
  const least = largest(min, lowest);
  const multipleOf = number(schema['multipleOf']);
  const step = multipleOf ?? (whole ? 1 : undefined);
  // An input counts its steps from the minimum, a schema from zero.
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

function groupPlan(schema: JsonObject, common: Common, place: Place): GroupPlan | undefined {
  const properties = schema['properties'];
  if (!isJsonObject(properties)) return undefined;
  const required = new Set(Array.isArray(schema['required']) ? schema['required'] : []);
  const members = Object.entries(properties).map(([key, member]): [string, Plan] => [
    key,
    planOf(member, place, { label: labelOf(key), required: required.has(key), readOnly: common.readOnly }),
  ]);
  return { ...common, kind: 'group', isWhole: false, members: new Map(members) };
}

function listPlan(schema: JsonObject, common: Common, place: Place): ListPlan | undefined {
  if (!isJsonObject(schema['items']) || 'prefixItems' in schema) return undefined;
  const { label, readOnly } = common;
  return {
    ...common,
    kind: 'list',
    item: planOf(schema['items'], place, { label, required: true, readOnly }),
    min: number(schema['minItems']) ?? 0,
    max: number(schema['maxItems']) ?? Number.POSITIVE_INFINITY,
  };
}

/** The constants to choose from, of `const`, `enum`, or alternatives that are nothing but constants. */
function optionsOf(schema: JsonObject, { root }: Place): ChoicePlan['options'] | undefined {
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
    return { value: option['const'] ?? null, label: text(option['title']) };
  });
  return options.every((option) => option !== undefined) ? options : undefined;
}

/** The one type other than null, also where only its keywords tell. */
function typeOf(schema: JsonObject): string | undefined {
  const type = schema['type'];
  const types = (Array.isArray(type) ? type : [type]).filter((name) => name !== 'null');
  if (types.length === 1 && typeof types[0] === 'string') return types[0];
  return type === undefined && 'properties' in schema ? 'object' : undefined;
}

/** `display_name` and `displayName` as a person would write them. */
function labelOf(key: string): string {
  const words = key
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/[_-]+/g, ' ')
    .trim();
  return words === '' ? key : words.charAt(0).toUpperCase() + words.slice(1).toLowerCase();
}

function largest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}

const text = (value: Json | undefined): string | undefined => (typeof value === 'string' ? value : undefined);
const number = (value: Json | undefined): number | undefined =>
  typeof value === 'number' ? value : undefined;
