/**
 * From the operator's JSON Schema (draft 2020-12) to nodes. What could not be judged rightly later is refused
 * here, naming the keyword by its JSON Pointer; what merely has no effect is a warning.
 */
import addFormats from 'ajv-formats';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { collectErrors, PolicyError } from '../../lib/app-error.ts';
import {
  canonicalJson,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  pointerToken,
} from '../../lib/json.ts';
import { readAnnotations } from './annotations.ts';
import { createSchemaError, findContradictions, getSchemaPlace } from './contradictions.ts';
import { getInPlace, type SchemaNode } from './node.ts';
import { createPatternCompiler, type Pattern, PatternRefusal } from './pattern.ts';

// The formats of JSON Schema that are checked: those of ajv-formats, whose time is linear, but for `url`, whose
// expression there takes quadratic time. Any other format is a note to forms.

/** Whether a value has the format. Values of types that the format is not about have it. */
export type FormatTest = (value: JsonValue) => boolean;

/** @returns a function that finds the test of a format, or undefined for a format that is not checked. */
function createFormats(): (name: string) => FormatTest | undefined {
  let ajv: Ajv2020 | undefined;

  return (name) => {
    if (name === 'url') return (value) => typeof value !== 'string' || isUrl(value);
    // Most schemas ask for no format. The schemas compiled here are ours: to check them would cost the start 40 ms.
    ajv ??= addFormats.default(new Ajv2020({ logger: false, meta: false, validateSchema: false }));
    if (!Object.hasOwn(ajv.formats, name)) return undefined;
    const validate = ajv.compile<JsonValue>({ format: name });
    return (value) => validate(value);
  };
}

/** An absolute address of the web or of FTP at a public name or IPv4 address: what a person could open. */
export function isUrl(text: string): boolean {
  const found = /^(?:https?|ftp):\/\/([^/?#\s]+)(?:[/?#]\S*)?$/iu.exec(text);
  const authority = found?.[1];
  if (authority === undefined || !URL.canParse(text)) return false;
  const host = authority.slice(authority.lastIndexOf('@') + 1).replace(/:\d{2,5}$/, '');
  return isPublicAddress(host) || isPublicName(host);
}

function isPublicName(host: string): boolean {
  const labels = host.split('.');
  return (
    labels.length > 1 &&
    labels.every((label) => /^[a-z0-9\u{a1}-\u{ffff}-]+$/iu.test(label) && !/^-|-$/.test(label)) &&
    /^[a-z\u{a1}-\u{ffff}]{2,}$/iu.test(labels.at(-1) ?? '')
  );
}

function isPublicAddress(host: string): boolean {
  const found = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(host);
  if (!found) return false;
  const [first = 0, second = 0, ...rest] = found.slice(1).map(Number);
  const isPrivate =
    first === 10 ||
    first === 127 ||
    (first === 169 && second === 254) ||
    (first === 192 && second === 168) ||
    (first === 172 && second >= 16 && second <= 31);
  return !isPrivate && first > 0 && first < 224 && [second, ...rest].every((part) => part <= 255);
}

interface LoadedSchema {
  readonly root: SchemaNode;
  /** What has no effect, or not the one that it seems to have. */
  readonly warnings: readonly string[];
}

const DIALECT = 'https://json-schema.org/draft/2020-12/schema';
/** Where the schema is taken to come from when it does not say so itself. */
const DEFAULT_BASE = 'https://schema.invalid/';

/** Keywords that hold one schema, a list of schemas, or schemas by name. */
const ONE =
  'not if then else additionalProperties propertyNames unevaluatedProperties items contains unevaluatedItems contentSchema'.split(
    ' ',
  );
const LISTS = ['allOf', 'anyOf', 'oneOf', 'prefixItems'];
const MAPS = ['properties', 'patternProperties', 'dependentSchemas', '$defs', 'definitions'];
const OTHERS =
  '$schema $id $ref $dynamicRef $anchor $dynamicAnchor $vocabulary $comment title description default examples deprecated readOnly writeOnly ' +
  'type const enum format pattern minLength maxLength minimum maximum exclusiveMinimum exclusiveMaximum multipleOf ' +
  'minItems maxItems uniqueItems minContains maxContains minProperties maxProperties required dependentRequired ' +
  'dependencies nullable contentEncoding contentMediaType';
const KNOWN: ReadonlySet<string> = new Set([...ONE, ...LISTS, ...MAPS, ...OTHERS.split(' ')]);
/** Keywords that do nothing without another one beside them. */
const NEEDS: ReadonlyArray<readonly [keyword: string, needed: string]> = [
  ['then', 'if'],
  ['else', 'if'],
  ['minContains', 'contains'],
  ['maxContains', 'contains'],
];

/** A schema with a base address of its own: the whole document, and each schema in it that has an `$id`. */
interface Resource {
  readonly schema: JsonValue;
  readonly pointer: string;
  readonly anchors: Map<string, JsonObject>;
  readonly dynamicAnchors: Map<string, JsonObject>;
}

/** A schema as it stands in the document. */
interface Found {
  readonly schema: JsonObject;
  readonly pointer: string;
  readonly base: string;
}

type Draft = { -readonly [Member in keyof SchemaNode]: SchemaNode[Member] };

/**
 * @param place how errors and warnings name the schema; they quote it, since it is the operator's own and public.
 * @throws PolicyError with everything that keeps the schema from being enforced as it stands. A schema that is not valid
 * under the draft's meta-schema is examined no further.
 */
export function loadSchema(schema: JsonObject, place = getSchemaPlace('')): LoadedSchema {
  const errors: string[] = [];
  collectErrors(errors, () => assertMetaSchema(schema));
  failIfAny();
  const resources = new Map<string, Resource>();
  const found = new Map<JsonObject, Found>();
  const warnings: string[] = [];
  scan(schema, '', DEFAULT_BASE);

  const formats = createFormats();
  const compilePattern = createPatternCompiler();
  const nodes = new Map<JsonObject, Draft>();
  let count = 0;
  const open: Array<() => void> = [];
  const root = getNode(schema, '', DEFAULT_BASE);
  // Every schema is completed, whether or not anything refers to it, so that each fault is found at the start.
  for (const each of found.values()) getNode(each.schema, each.pointer, each.base);
  for (let complete = open.pop(); complete; complete = open.pop()) complete();
  const hasEnd = collectErrors(errors, () => assertEnd(nodes.values()));
  // A walk through a reference without end would not end either.
  if (hasEnd) errors.push(...findContradictions(root));
  failIfAny();
  return { root, warnings };

  function failIfAny(): void {
    if (errors.length > 0) throw new PolicyError([...new Set(errors)].map((error) => `${place}${error}`));
  }

  /** Registers addresses and anchors, and refuses keywords that do not exist. */
  function scan(node: JsonValue, pointer: string, parentBase: string): void {
    if (!isJsonObject(node) || found.has(node)) return;
    collectErrors(errors, () => assertDialect(node, pointer));
    const base = collectErrors(errors, () => registerAddress(node, pointer, parentBase)) ?? parentBase;
    found.set(node, { schema: node, pointer, base });
    for (const [keyword, value] of Object.entries(node)) {
      const at = `${pointer}/${pointerToken(keyword)}`;
      if (!KNOWN.has(keyword) && !/^x-[\w-]+$/.test(keyword)) {
        errors.push(
          `${at}: there is no keyword ${JSON.stringify(keyword)}; a note of your own begins with "x-"`,
        );
      }
      if (ONE.includes(keyword)) scan(value, at, base);
      if (LISTS.includes(keyword) && Array.isArray(value)) {
        value.forEach((child: JsonValue, position) => scan(child, `${at}/${position}`, base));
      }
      if ((MAPS.includes(keyword) || keyword === 'dependencies') && isJsonObject(value)) {
        for (const [name, child] of Object.entries(value)) scan(child, `${at}/${pointerToken(name)}`, base);
      }
    }
    for (const [keyword, needed] of NEEDS) {
      if (Object.hasOwn(node, keyword) && !Object.hasOwn(node, needed)) {
        warnings.push(`${getSchemaPlace(`${pointer}/${keyword}`)}: has no effect without ${needed}`);
      }
    }
  }

  function registerAddress(node: JsonObject, pointer: string, parentBase: string): string {
    const { $id, $anchor, $dynamicAnchor } = node;
    const isResource = pointer === '' || typeof $id === 'string';
    const base =
      typeof $id === 'string'
        ? withoutFragment(resolveAddress($id, parentBase, `${pointer}/$id`))
        : parentBase;
    if (isResource) {
      if (resources.has(base))
        throw createSchemaError(`${pointer}/$id`, 'another schema has the same address');
      resources.set(base, { schema: node, pointer, anchors: new Map(), dynamicAnchors: new Map() });
    }
    const resource = resources.get(base);
    for (const [keyword, name] of Object.entries({ $anchor, $dynamicAnchor })) {
      if (typeof name !== 'string' || !resource) continue;
      if (resource.anchors.has(name))
        throw createSchemaError(`${pointer}/${keyword}`, 'another schema has the same anchor');
      resource.anchors.set(name, node);
      if (keyword === '$dynamicAnchor') resource.dynamicAnchors.set(name, node);
    }
    return base;
  }

  function getNode(value: JsonValue, pointer: string, base: string): SchemaNode {
    if (!isJsonObject(value)) return createDraft({}, pointer, value !== false);
    const known = nodes.get(value);
    if (known) return known;
    const where = found.get(value) ?? { schema: value, pointer, base };
    const draft = createDraft(value, where.pointer, undefined);
    nodes.set(value, draft);
    open.push(() => completeNode(draft, where));
    return draft;
  }

  function createDraft(source: JsonObject, pointer: string, literal: boolean | undefined): Draft {
    count += 1;
    return {
      id: count,
      pointer,
      source,
      literal,
      annotations: readAnnotations(source, (keyword, reason) => {
        errors.push(`${pointer}/${keyword}: ${reason}`);
      }),
      types: undefined,
      constant: undefined,
      allowed: undefined,
      format: undefined,
      pattern: undefined,
      all: [],
      anyOf: undefined,
      oneOf: undefined,
      not: undefined,
      condition: undefined,
      whenTrue: undefined,
      whenFalse: undefined,
      dependentSchemas: new Map(),
      properties: new Map(),
      patternProperties: [],
      additionalProperties: undefined,
      unevaluatedProperties: undefined,
      propertyNames: undefined,
      required: [],
      dependentRequired: new Map(),
      prefixItems: [],
      items: undefined,
      contains: undefined,
      minContains: 1,
      maxContains: Infinity,
      unevaluatedItems: undefined,
      contentSchema: undefined,
    };
  }

  function completeNode(draft: Draft, { schema: source, pointer, base }: Found): void {
    const own = (keyword: string): JsonValue | undefined =>
      Object.hasOwn(source, keyword) ? source[keyword] : undefined;
    const child = (keyword: string): SchemaNode | undefined => {
      const value = own(keyword);
      return value === undefined ? undefined : getNode(value, `${pointer}/${keyword}`, base);
    };
    const list = (keyword: string): SchemaNode[] | undefined => {
      const value = own(keyword);
      return Array.isArray(value)
        ? value.map((each: JsonValue, position) => getNode(each, `${pointer}/${keyword}/${position}`, base))
        : undefined;
    };
    const map = (keyword: string): Map<string, SchemaNode> => {
      const value = own(keyword);
      return new Map(
        Object.entries(isJsonObject(value) ? value : {})
          .filter(([, each]) => !Array.isArray(each))
          .map(([name, each]) => [name, getNode(each, `${pointer}/${keyword}/${pointerToken(name)}`, base)]),
      );
    };
    const numberOr = (keyword: string, standard: number): number => {
      const value = own(keyword);
      return typeof value === 'number' ? value : standard;
    };

    const type = own('type');
    if (type !== undefined) {
      draft.types = [
        ...namesIn(Array.isArray(type) ? type : [type]),
        ...(own('nullable') === true ? ['null'] : []),
      ];
    }
    const constant = own('const');
    if (constant !== undefined) draft.constant = canonicalJson(constant);
    const allowed = own('enum');
    if (Array.isArray(allowed)) draft.allowed = new Set(allowed.map(canonicalJson));
    draft.format = getFormat(own('format'), pointer);
    const pattern = own('pattern');
    if (typeof pattern === 'string') draft.pattern = toPattern(pattern, `${pointer}/pattern`);

    draft.all = [
      ...['$ref', '$dynamicRef'].flatMap((keyword) => {
        const reference = own(keyword);
        if (typeof reference !== 'string') return [];
        return collectErrors(errors, () => [follow(keyword, reference, pointer, base)]) ?? [];
      }),
      ...(list('allOf') ?? []),
    ];
    draft.anyOf = list('anyOf');
    draft.oneOf = list('oneOf');
    draft.not = child('not');
    draft.condition = child('if');
    if (draft.condition) {
      draft.whenTrue = child('then');
      draft.whenFalse = child('else');
    }
    draft.dependentSchemas = new Map([...map('dependencies'), ...map('dependentSchemas')]);

    draft.properties = map('properties');
    draft.patternProperties = [...map('patternProperties')].flatMap(([text, node]) => {
      const compiled = toPattern(text, `${pointer}/patternProperties/${pointerToken(text)}`);
      return compiled === undefined ? [] : [{ pattern: compiled, node }];
    });
    draft.additionalProperties = child('additionalProperties');
    draft.unevaluatedProperties = child('unevaluatedProperties');
    draft.propertyNames = child('propertyNames');
    draft.required = namesIn(own('required'));
    draft.dependentRequired = new Map(
      ['dependencies', 'dependentRequired'].flatMap((keyword) => {
        const value = own(keyword);
        return Object.entries(isJsonObject(value) ? value : {})
          .filter(([, names]) => Array.isArray(names))
          .map(([name, names]): [string, readonly string[]] => [name, namesIn(names)]);
      }),
    );

    draft.prefixItems = list('prefixItems') ?? [];
    draft.items = child('items');
    draft.contains = child('contains');
    draft.minContains = numberOr('minContains', 1);
    draft.maxContains = numberOr('maxContains', Infinity);
    draft.unevaluatedItems = child('unevaluatedItems');
    draft.contentSchema = child('contentSchema');
  }

  function getFormat(name: JsonValue | undefined, pointer: string): SchemaNode['format'] {
    if (typeof name !== 'string') return undefined;
    const test = formats(name);
    if (test) return { name, test };
    warnings.push(
      `${getSchemaPlace(`${pointer}/format`)}: the format ${JSON.stringify(name)} is not checked here`,
    );
    return undefined;
  }

  function toPattern(text: string, pointer: string): Pattern | undefined {
    try {
      return compilePattern(text);
    } catch (error) {
      if (!(error instanceof PatternRefusal)) throw error;
      errors.push(`${pointer}: the pattern ${JSON.stringify(text)} ${error.message}`);
      return undefined;
    }
  }

  function follow(keyword: string, reference: string, pointer: string, base: string): SchemaNode {
    const at = `${pointer}/${keyword}`;
    const address = resolveAddress(reference, base, at);
    const resource = resources.get(withoutFragment(address));
    if (!resource) throw createSchemaError(at, 'only references within the schema are followed');
    const fragment = getFragment(address, at);
    if (keyword === '$dynamicRef' && resource.dynamicAnchors.has(fragment)) {
      // With one such anchor the place that is meant is the same on every path through the schema.
      const holders = [...resources.values()].filter(({ dynamicAnchors }) => dynamicAnchors.has(fragment));
      if (holders.length > 1) {
        throw createSchemaError(
          at,
          `several schemas have the dynamic anchor ${JSON.stringify(fragment)}, which is not supported`,
        );
      }
    }
    const target =
      fragment === '' || fragment.startsWith('/')
        ? resolvePointer(resource, fragment, at)
        : resource.anchors.get(fragment);
    if (target === undefined) throw createSchemaError(at, `nothing is at ${reference}`);
    const isSchema = isJsonObject(target) || typeof target === 'boolean';
    if (!isSchema) throw createSchemaError(at, `what is at ${reference} is not a schema`);
    const targetPointer = `${resource.pointer}${fragment.startsWith('/') ? fragment : ''}`;
    const targetBase = withoutFragment(address);
    // Below a keyword of one's own there may be schemas that nothing else leads to.
    scan(target, targetPointer, targetBase);
    return getNode(target, targetPointer, targetBase);
  }
}

function resolvePointer({ schema }: Resource, pointer: string, at: string): JsonValue | undefined {
  let node: JsonValue | undefined = schema;
  for (const token of pointer.split('/').slice(1)) {
    const name = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(node)) node = /^(?:0|[1-9]\d*)$/.test(name) ? node[Number(name)] : undefined;
    else if (isJsonObject(node)) node = Object.hasOwn(node, name) ? node[name] : undefined;
    else node = undefined;
  }
  if (node === undefined) throw createSchemaError(at, `nothing is at #${pointer}`);
  return node;
}

function resolveAddress(reference: string, base: string, at: string): string {
  if (!URL.canParse(reference, base)) throw createSchemaError(at, 'is not an address');
  return new URL(reference, base).href;
}

function withoutFragment(address: string): string {
  return address.replace(/#.*$/s, '');
}

function getFragment(address: string, at: string): string {
  try {
    return decodeURIComponent(/#(.*)$/s.exec(address)?.[1] ?? '');
  } catch {
    throw createSchemaError(at, 'is not an address');
  }
}

function namesIn(value: JsonValue | undefined): string[] {
  return Array.isArray(value) ? value.filter((name: JsonValue) => typeof name === 'string') : [];
}

function assertDialect({ $schema }: JsonObject, pointer: string): void {
  if ($schema === undefined || $schema === DIALECT || $schema === `${DIALECT}#`) return;
  throw createSchemaError(`${pointer}/$schema`, `only ${DIALECT} is supported`);
}

/** What the meta-schema of the draft says of the operator's. */
function assertMetaSchema(schema: JsonObject): void {
  const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false, validateFormats: false });
  if (ajv.validateSchema({ ...schema, $schema: DIALECT }) === true) return;
  throw new PolicyError(
    (ajv.errors ?? []).map(({ instancePath, message }) => `${instancePath}: ${message ?? 'is not valid'}`),
  );
}

/** Refuses a schema that asks for itself at the same place, again and again. */
function assertEnd(nodes: Iterable<SchemaNode>): true {
  const done = new Set<SchemaNode>();
  const path = new Set<SchemaNode>();
  for (const node of nodes) visit(node);
  return true;

  function visit(node: SchemaNode): void {
    if (done.has(node)) return;
    if (path.has(node)) throw createSchemaError(node.pointer, 'refers to itself without end');
    path.add(node);
    for (const part of getInPlace(node)) visit(part);
    path.delete(node);
    done.add(node);
  }
}
