/**
 * Turns a schema, its `x-ui` hints and the policy of the user into the fields of a form. A part of the schema that no
 * other field can show becomes a field for JSON, so that the form shows all of it.
 */
import {
  asList,
  asObject,
  asText,
  getMember,
  isJsonObject,
  type Json,
  type JsonObject,
  parsePointer,
  toText,
} from './json.ts';

export interface CommonSpec {
  /** The schema of the field, with its references resolved. */
  readonly schema: JsonObject;
  /** The type of an input, or the `widget` of `x-ui`. */
  readonly widget: string;
  readonly label: string;
  readonly description: string;
  readonly placeholder: string;
  /** Why the user cannot change it (the `reason` of the policy), or `''`. */
  readonly lock: string;
  /** Whether a change may need a recent login. */
  readonly isStepUp: boolean;
  /** Whether the enclosing object must have it. */
  readonly isRequired: boolean;
  /** The JSON Pointer of the field, with hyphens for what a name of a part cannot hold. */
  readonly part: string;
  /** The heading of the section that it belongs to, or `''`. */
  readonly section: string;
  readonly order: number;
}

/** An option without a label shows its value. */
export interface Option {
  readonly value: Json;
  readonly label: string | undefined;
}
/** A field with one control. `multi` is some of a few options, and `tags` a list of short texts. */
export interface LeafSpec extends CommonSpec {
  readonly kind: 'text' | 'number' | 'checkbox' | 'choice' | 'multi' | 'tags' | 'json';
  readonly options: readonly Option[];
  /** The items of `multi` and `tags`, for lists that these cannot show. */
  readonly item?: FieldSpec;
}
/** `whole` is the document, and a `tuple` a list with a field for each position, which is then its name. */
export interface GroupSpec extends CommonSpec {
  readonly kind: 'group' | 'whole' | 'tuple';
  readonly members: ReadonlyMap<string, FieldSpec>;
  /** The field of all other keys together: entries if the schema describes them, and JSON otherwise. */
  readonly rest: FieldSpec;
}
/** `entries` is an object with names that the user chooses. */
export interface ListSpec extends CommonSpec {
  readonly kind: 'list' | 'entries';
  readonly item: FieldSpec;
}
/** An object of one of several forms, which a constant in it tells apart. */
export interface VariantSpec extends CommonSpec {
  readonly kind: 'variant';
  readonly discriminator: string;
  readonly choice: FieldSpec;
  /** By the constant, as JSON. */
  readonly groups: ReadonlyMap<string, GroupSpec>;
}
export type FieldSpec = LeafSpec | GroupSpec | ListSpec | VariantSpec;

function findDefinition(reference: string, root: JsonObject): Json | undefined {
  if (!reference.startsWith('#')) return undefined;
  const fragment = reference.slice(1);
  if (fragment !== '' && !fragment.startsWith('/')) return findAnchor(fragment, root);
  let found: Json | undefined = root;
  for (const step of parsePointer(fragment)) {
    found = Array.isArray(found) ? found[Number(step)] : getMember(asObject(found), step);
  }
  return found;
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

interface Resolved {
  /** The schema with what it refers to, overridden by the keywords beside the reference. */
  readonly schema: JsonObject;
  /** The definition itself, to detect one that contains itself. */
  readonly origin: JsonObject;
  readonly isNullable: boolean;
}

/** How deep references, `allOf` and alternatives may be nested. Also ends references in a circle. */
const MAX_DEPTH = 8;

/**
 * Resolves `$ref`, puts the parts of `allOf` together, and takes `null` out of alternatives. Undefined for references to
 * other documents.
 */
function resolve(raw: Json | undefined, root: JsonObject, depth = 0): Resolved | undefined {
  if (!isJsonObject(raw) || depth > MAX_DEPTH) return undefined;
  const { $ref: reference, allOf, ...own } = raw;
  const found =
    reference === undefined
      ? { schema: {}, origin: raw, isNullable: false }
      : resolve(findDefinition(asText(reference), root), root, depth + 1);
  if (!found) return undefined;
  const resolvePart = (part: Json | undefined) => resolve(part, root, depth + 1)?.schema ?? {};
  let schema: JsonObject = { ...found.schema, ...own };
  for (const part of asList(allOf)) schema = mergeSchemas(resolvePart(part), schema);
  let isNullable = found.isNullable || asList(schema['type']).includes('null');
  for (const word of ['oneOf', 'anyOf']) {
    const { [word]: alternatives, ...beside } = schema;
    if (!Array.isArray(alternatives)) continue;
    const others = alternatives.filter((part: Json) => resolvePart(part)['type'] !== 'null');
    isNullable ||= others.length < alternatives.length;
    schema =
      others.length === 1 ? mergeSchemas(resolvePart(others[0]), beside) : { ...beside, [word]: others };
  }
  return { schema, origin: found.origin, isNullable };
}

function mergeSchemas(general: JsonObject, special: JsonObject): JsonObject {
  const merged: Array<[string, Json]> = [];
  for (const word of ['properties', 'required']) {
    const [a, b] = [general[word], special[word]];
    if (isJsonObject(a) && isJsonObject(b)) merged.push([word, { ...a, ...b }]);
    if (Array.isArray(a) && Array.isArray(b)) merged.push([word, [...a, ...b]]);
  }
  return { ...general, ...special, ...Object.fromEntries(merged) };
}

interface SchemaLocation {
  readonly root: JsonObject;
  /** The access of `/me/policy`, by JSON Pointer. */
  readonly policy: JsonObject | undefined;
  /** The enclosing schemas, to detect a schema that contains itself. */
  readonly path: readonly JsonObject[];
  readonly pointer: string;
  /** The lock of the enclosing schema. */
  readonly lock: string;
}

const getStart = (root: JsonObject, policy: JsonObject | undefined): SchemaLocation => ({
  root,
  policy,
  path: [],
  pointer: '',
  lock: '',
});

/** The field of the whole document: always a group, without members if the schema has no properties. */
export function schemaToFields(schema: Json | undefined, policy?: JsonObject): FieldSpec {
  const root = asObject(schema);
  const location = getStart(root, policy);
  const spec = toFieldSpec(root, location, '', true);
  const group = spec.kind === 'group' ? spec : toGroupSpec({ ...spec, schema: {} }, location);
  return { ...group, kind: 'whole' };
}

/** The field of the name of an entry. */
export function createNameSpec(title: string): FieldSpec {
  return toFieldSpec({ title, type: 'string', minLength: 1 }, getStart({}, undefined), '', true);
}

/** The labels on the way to the field at `path`: a title of the schema, or else the key as words. */
export function getFieldLabels(schema: Json | undefined, path: readonly string[]): string[] {
  let field: FieldSpec | undefined = schemaToFields(schema);
  return path.map((key) => {
    field = field && 'members' in field ? field.members.get(key) : undefined;
    return field?.label ?? key;
  });
}

const toChild = (location: SchemaLocation, name: string): SchemaLocation => ({
  ...location,
  pointer: `${location.pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
});

/** The lock of a place: by the policy if it names the place, and otherwise by the schema. */
function getLock(schema: JsonObject, { policy, pointer, lock }: SchemaLocation): string {
  const entry = policy?.[pointer];
  if (!isJsonObject(entry)) {
    return lock || (schema['readOnly'] === true ? 'schema' : 'x-stamp' in schema ? 'stamped' : '');
  }
  const { access, reason } = entry;
  return access === 'read_write' ? '' : asText(reason) || 'schema';
}

/** Longer texts get a text area. */
const MAX_LINE_LENGTH = 200;

const INPUT_BY_FORMAT = new Map<Json | undefined, string>([
  ['date', 'date'],
  ['date-time', 'datetime-local'],
  ['time', 'time'],
  ['email', 'email'],
  ['uri', 'url'],
]);

function toFieldSpec(
  raw: Json | undefined,
  location: SchemaLocation,
  label: string,
  isRequired: boolean,
): FieldSpec {
  const found = resolve(raw, location.root);
  const schema = found?.schema ?? {};
  const ui = asObject(schema['x-ui']);
  const { pointer, policy } = location;
  // The policy of the document itself is about keys without a name in the schema.
  const lock = pointer === '' ? '' : getLock(schema, location);
  const widget = asText(ui['widget']);
  const { order } = ui;
  const common: LeafSpec = {
    kind: 'json',
    schema,
    widget,
    label: asText(schema['title']) || label,
    description: `${asText(schema['description'])} ${asText(ui['help'])}`,
    placeholder: asText(ui['placeholder']) || asText(asList(schema['examples'])[0]),
    lock,
    isStepUp: 'x-step-up' in schema || 'step_up' in asObject(policy?.[pointer]),
    isRequired,
    part: pointer.slice(1).replaceAll(/\W+/g, '-'),
    section: asText(ui['group']),
    order: typeof order === 'number' ? order : Number.POSITIVE_INFINITY,
    options: getOptions(schema, location),
  };
  if (!found || location.path.includes(found.origin)) return common;
  const inside: SchemaLocation = { ...location, lock, path: [...location.path, found.origin] };
  if (common.options.length > 0) return { ...common, kind: 'choice' };
  if ('oneOf' in schema || 'anyOf' in schema) return toVariantSpec(common, inside) ?? common;
  const { maxLength, format, properties, additionalProperties, default: fallback } = schema;
  switch (getType(schema)) {
    case 'string': {
      const isLong = typeof maxLength === 'number' && maxLength > MAX_LINE_LENGTH;
      const isKnown = /^(?:tel|color|textarea)$/.test(widget);
      const input = INPUT_BY_FORMAT.get(format) ?? (isLong ? 'textarea' : 'text');
      return { ...common, kind: 'text', widget: isKnown ? widget : input };
    }
    case 'integer':
    case 'number':
      return { ...common, kind: 'number' };
    case 'boolean':
      // A checkbox has no third state that says “not answered yet”.
      return (isRequired || found.isNullable) && fallback === undefined
        ? { ...common, kind: 'choice', widget: 'radio', options: toOptions([true, false], schema) }
        : { ...common, kind: 'checkbox' };
    case 'object':
      if (isJsonObject(properties)) return toGroupSpec(common, inside);
      return isJsonObject(additionalProperties) ? toRestSpec(common, inside) : common;
    case 'array':
      return toListSpec(common, inside) ?? common;
    default:
      return common;
  }
}

function toGroupSpec(common: CommonSpec, location: SchemaLocation): GroupSpec {
  const { schema, part } = common;
  const { pointer, policy } = location;
  const required = asList(schema['required']);
  const members = Object.entries(getProperties(schema)).flatMap(
    ([key, member]): Array<[string, FieldSpec]> => {
      const inside = toChild(location, key);
      // A key that the user may not read does not exist for them: the policy leaves it out.
      const isHidden = pointer === '' && policy && !Object.hasOwn(policy, inside.pointer);
      return isHidden ? [] : [[key, toFieldSpec(member, inside, toLabel(key), required.includes(key))]];
    },
  );
  members.sort(([, a], [, b]) => (a.order === b.order ? 0 : a.order - b.order));
  const lock = getLock({}, location);
  const rest = { ...common, lock, part: `${part}-rest`, isRequired: false, section: '' };
  return {
    ...common,
    kind: 'group',
    members: new Map(members),
    rest: toRestSpec(rest, { ...location, lock }),
  };
}

/** The field of keys without a field of their own. */
function toRestSpec(common: CommonSpec, location: SchemaLocation): FieldSpec {
  const item = toFieldSpec(common.schema['additionalProperties'], toChild(location, '*'), common.label, true);
  return item.kind === 'json'
    ? { ...common, kind: 'json', options: [] }
    : { ...common, kind: 'entries', item };
}

function toListSpec(common: CommonSpec, location: SchemaLocation): FieldSpec | undefined {
  const { schema, label } = common;
  const { items, prefixItems } = schema;
  const json: LeafSpec = { ...common, kind: 'json', options: [] };
  if (Array.isArray(prefixItems)) {
    const members = prefixItems.map((raw: Json, index): [string, FieldSpec] => {
      const name = String(index);
      return [name, toFieldSpec(raw, toChild(location, name), `${label} ${index + 1}`, true)];
    });
    return isJsonObject(items) ? json : { ...common, kind: 'tuple', members: new Map(members), rest: json };
  }
  if (!isJsonObject(items)) return json;
  const item = toFieldSpec(items, toChild(location, '*'), label, true);
  if (item.kind === 'choice') {
    const [values, titles] = [
      item.options.map(({ value }) => value),
      item.options.map(({ label: title }) => title),
    ];
    return { ...common, kind: 'multi', options: toOptions(values, schema, titles), item };
  }
  const isShort = item.kind === 'text' && ['text', 'email'].includes(item.widget);
  return isShort ? { ...json, kind: 'tags', item } : { ...common, kind: 'list', item };
}

const getProperties = (schema: JsonObject | undefined): JsonObject => asObject(schema?.['properties']);

/** The fields of alternatives that are all objects with a constant of the same name, each with another value. */
function toVariantSpec(common: CommonSpec, location: SchemaLocation): VariantSpec | undefined {
  const { oneOf, anyOf, ...beside } = common.schema;
  const branches = asList(oneOf ?? anyOf).map((raw) => resolve(raw, location.root)?.schema ?? {});
  const getConstants = (name: string) =>
    branches.flatMap((branch) => {
      const member = resolve(getProperties(branch)[name], location.root)?.schema;
      const [first, ...others] = member ? getOptions(member, location) : [];
      return first && others.length === 0
        ? [{ ...first, label: asText(branch['title']) || first.label }]
        : [];
    });
  const discriminator = Object.keys(getProperties(branches[0])).find((name) => {
    const texts = new Set(getConstants(name).map(({ value }) => JSON.stringify(value)));
    return texts.size === branches.length;
  });
  if (discriminator === undefined) return undefined;
  const options = getConstants(discriminator);
  const { title, ...tag } = asObject(getProperties(mergeSchemas(branches[0] ?? {}, beside))[discriminator]);
  const inside = toChild(location, discriminator);
  const choice = toFieldSpec(tag, inside, asText(title) || toLabel(discriminator), common.isRequired);
  const groups = branches.map((branch, index): [string, GroupSpec] => {
    const schema = mergeSchemas(beside, branch);
    const { [discriminator]: _, ...properties } = getProperties(schema);
    const group = toGroupSpec({ ...common, label: '', schema: { ...schema, properties } }, location);
    return [JSON.stringify(options[index]?.value), group];
  });
  return {
    ...common,
    kind: 'variant',
    discriminator,
    choice: { ...choice, kind: 'choice', options },
    groups: new Map(groups),
  };
}

function toOptions(
  values: readonly Json[],
  schema: JsonObject,
  titles: ReadonlyArray<Json | undefined> = [],
): readonly Option[] {
  const labels = asObject(asObject(schema['x-ui'])['optionLabels']);
  return values.map((value, index) => ({
    value,
    label: asText(labels[toText(value)]) || asText(titles[index]) || undefined,
  }));
}

/** The options of `const`, of `enum`, or of alternatives that are all constants. */
function getOptions(schema: JsonObject, { root }: SchemaLocation): readonly Option[] {
  // A merge patch cannot store null: leaving the field unset says the same.
  const values = 'const' in schema ? [schema['const']] : asList(schema['enum']);
  const constants = asList(schema['oneOf'] ?? schema['anyOf']).map((raw) => resolve(raw, root)?.schema ?? {});
  const isChoice = constants.every((option) => 'const' in option);
  const all = isChoice ? [...values, ...constants.map((option) => option['const'])] : values;
  const titles = constants.map((option) => option['title']);
  return toOptions(
    all.map((value) => value ?? null).filter((value) => value !== null),
    schema,
    titles,
  );
}

/** The only type other than null, also if only the keywords imply it. */
function getType(schema: JsonObject): string {
  const { type } = schema;
  const types = [type].flat().filter((name) => name !== 'null');
  if (type !== undefined) return types.length === 1 ? asText(types[0]) : '';
  return 'properties' in schema ? 'object' : 'prefixItems' in schema ? 'array' : '';
}

/** Turns `display_name` and `displayName` into a label. */
function toLabel(key: string): string {
  const words = key
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/[_-]+/g, ' ')
    .trim();
  return words === '' ? key : words.charAt(0).toUpperCase() + words.slice(1).toLowerCase();
}
