/** What a schema asks for and can never get: annotations without effect, and stamps that no write could set. */
import { collectErrors, PolicyError } from '../../lib/app-error.ts';
import { isJsonObject, type JsonValue } from '../../lib/json.ts';
import { ARRAY_INDEX, parsePointer, resolve, toPointer } from '../json-pointer.ts';
import { ENFORCED, isAnnotated, type Stamp } from './annotations.ts';
import { createEvaluation, createMeter } from './evaluation.ts';
import { getAnnotatingInPlace, getBelow, getInPlace, type SchemaNode } from './node.ts';

/** Names a place of the operator's own schema, which is public. */
export function getSchemaPlace(pointer: string): string {
  return `userMetadata.schema${pointer}`;
}

/** @param pointer into the schema. The caller who knows how the operator names the schema puts that in front. */
export function createSchemaError(pointer: string, reason: string): PolicyError {
  return new PolicyError([`${pointer}: ${reason}`]);
}

/** Each contradiction, after the pointer to its annotation. */
export function findContradictions(root: SchemaNode): string[] {
  const errors: string[] = [];
  const enforced = getEnforced(root);
  for (const node of getAll(root)) collectErrors(errors, () => assertEnforceable(node, enforced));
  for (const node of findStamped(root)) collectErrors(errors, () => assertSource(root, node));
  for (const node of enforced) collectErrors(errors, () => assertAcceptsStamps(node));
  return errors;
}

/** The schemas with `x-stamp`, whether or not a document leads to them. */
export function findStamped(root: SchemaNode): ReadonlyArray<SchemaNode & { annotations: { stamp: Stamp } }> {
  return [...getEnforced(root)].filter(hasStamp);
}

function hasStamp(node: SchemaNode): node is SchemaNode & { annotations: { stamp: Stamp } } {
  return node.annotations.stamp !== undefined;
}

function getEnforced(root: SchemaNode): ReadonlySet<SchemaNode> {
  return reach([root], (node) => [...getAnnotatingInPlace(node), ...getBelow(node)]);
}

/** Every schema that says something of a value or of a name, whether or not an annotation has an effect there. */
function getAll(root: SchemaNode): ReadonlySet<SchemaNode> {
  return reach([root], (node) => [
    ...getInPlace(node),
    ...getBelow(node),
    ...[node.propertyNames, node.contentSchema].filter((part) => part !== undefined),
  ]);
}

/** Refuses what fixes a value where JSON Schema gives it no effect, because its author counts on one. */
function assertEnforceable(node: SchemaNode, enforced: ReadonlySet<SchemaNode>): void {
  const together = [...reach([node], getAnnotatingInPlace)].map(({ annotations }) => annotations);
  if (together.some(({ writeOnce }) => writeOnce) && together.some(({ stamp }) => stamp)) {
    throw createSchemaError(
      node.pointer,
      'x-write-once contradicts x-stamp, which sets the value anew whenever its source changes',
    );
  }
  const keyword = ENFORCED.find((each) => isAnnotated(node.source, each));
  if (keyword !== undefined && !enforced.has(node)) {
    throw createSchemaError(
      `${node.pointer}/${keyword}`,
      'cannot be enforced below not, propertyNames or contentSchema, which say nothing of a value that is stored',
    );
  }
}

/** Refuses a stamp whose source no write can change, or whose own change counts as one of its source. */
function assertSource(root: SchemaNode, node: SchemaNode & { annotations: { stamp: Stamp } }): void {
  const { source } = node.annotations.stamp;
  const path = parsePointer(source);
  const refuse = (reason: string) => createSchemaError(`${node.pointer}/x-stamp`, reason);
  if (!canHave(root, path)) throw refuse(`the schema allows no value at the source ${source}`);
  const possible = walk(root, path, getAnnotatingInPlace, (parent, name) => [
    ...getMembers(parent, name),
    ...getItem(parent, name),
  ]);
  if (possible.some((nodes) => nodes.has(node))) {
    throw refuse(`the source ${source} is the stamp or lies in it, where callers can change nothing`);
  }
  const below = reach(possible.at(-1) ?? [], (each) => [...getAnnotatingInPlace(each), ...getBelow(each)]);
  if (below.has(node)) {
    throw refuse(`the source ${source} contains the stamp, so that to remove the stamp would set it anew`);
  }
  // Whether a name that looks like a position leads to a member or to an item depends on the document.
  const certain = walk(
    root,
    path,
    ({ all }) => all,
    (parent, name) => (ARRAY_INDEX.test(name) ? [] : getMembers(parent, name)),
  );
  const fixing = certain.flatMap((nodes) => [...nodes]).find((each) => isFixed(each));
  if (fixing === undefined) return;
  const keyword = hasStamp(fixing) ? 'x-stamp' : 'readOnly';
  throw refuse(
    `no caller can change the source ${source}, because of ${getSchemaPlace(`${fixing.pointer}/${keyword}`)}`,
  );
}

function isFixed({ source, annotations }: SchemaNode): boolean {
  return isAnnotated(source, 'readOnly') || annotations.stamp !== undefined;
}

/** The schemas at each place on the way, the document first and the end of the path last. */
function walk(
  root: SchemaNode,
  path: readonly string[],
  getBeside: (node: SchemaNode) => readonly SchemaNode[],
  getChildren: (node: SchemaNode, name: string) => readonly SchemaNode[],
): ReadonlyArray<ReadonlySet<SchemaNode>> {
  let nodes = reach([root], getBeside);
  return [
    nodes,
    ...path.map((name) => {
      nodes = reach(
        [...nodes].flatMap((node) => getChildren(node, name)),
        getBeside,
      );
      return nodes;
    }),
  ];
}

function getMembers(node: SchemaNode, name: string): readonly SchemaNode[] {
  const evaluation = createEvaluation(createMeter(Infinity));
  return evaluation.getMemberSchemas(node, name).map((member) => member.node);
}

function getItem({ prefixItems, items }: SchemaNode, name: string): readonly SchemaNode[] {
  const item = ARRAY_INDEX.test(name) ? (prefixItems[Number(name)] ?? items) : undefined;
  return item === undefined ? [] : [item];
}

/**
 * Whether the schema allows any value at the path. It looks at types, constants, names and positions. What conditions,
 * `not` and `propertyNames` exclude counts as allowed: false is certain, true is not.
 */
export function canHave(root: SchemaNode, path: readonly string[]): boolean {
  const known = new Map<string, boolean>();
  return allows(root, 0);

  function allows(node: SchemaNode, depth: number): boolean {
    const key = `${node.id} ${depth}`;
    const result = known.get(key) ?? judge(node, depth);
    known.set(key, result);
    return result;
  }

  function judge(node: SchemaNode, depth: number): boolean {
    const { all, anyOf, oneOf } = node;
    return (
      node.literal !== false &&
      all.every((part) => allows(part, depth)) &&
      [anyOf, oneOf].every((branches) => branches?.some((branch) => allows(branch, depth)) ?? true) &&
      hasFittingConstant(node, path.slice(depth)) &&
      (depth === path.length || allowsMember(node, depth) || allowsItem(node, depth))
    );
  }

  function allowsMember(node: SchemaNode, depth: number): boolean {
    const name = path[depth] ?? '';
    const rest = node.unevaluatedProperties;
    return (
      isOfType(node, 'object') &&
      getMembers(node, name).every((member) => allows(member, depth + 1)) &&
      (rest === undefined || mayEvaluate(node, name) || allows(rest, depth + 1))
    );
  }

  function allowsItem(node: SchemaNode, depth: number): boolean {
    const name = path[depth] ?? '';
    return (
      ARRAY_INDEX.test(name) &&
      isOfType(node, 'array') &&
      getItem(node, name).every((item) => allows(item, depth + 1))
    );
  }
}

/** Whether the schema allows any object. As with `canHave`, false is certain and true is not. */
export function canHaveObject(root: SchemaNode): boolean {
  return [...reach([root], ({ all }) => all)].every(
    (node) =>
      node.literal !== false &&
      isOfType(node, 'object') &&
      getConstants(node).every((values) => values.some(isJsonObject)),
  );
}

/** Whether a schema for the same place could count the member as evaluated. */
function mayEvaluate(node: SchemaNode, name: string): boolean {
  return [...reach([node], getAnnotatingInPlace)].some(
    (part) =>
      getMembers(part, name).length > 0 || (part !== node && part.unevaluatedProperties !== undefined),
  );
}

function isOfType({ types }: SchemaNode, name: string): boolean {
  return types === undefined || types.includes(name);
}

/** Whether one of the values of `const` and of `enum` has something at the path. */
function hasFittingConstant(node: SchemaNode, path: readonly string[]): boolean {
  const pointer = toPointer(path);
  return getConstants(node).every((values) => values.some((value) => resolve(value, pointer) !== undefined));
}

function parse(text: string): JsonValue {
  return JSON.parse(text);
}

/** What `const` allows, and what `enum` does. */
function getConstants({ constant, allowed }: SchemaNode): ReadonlyArray<readonly JsonValue[]> {
  return [
    ...(constant === undefined ? [] : [[parse(constant)]]),
    ...(allowed === undefined ? [] : [[...allowed].map(parse)]),
  ];
}

/** As `now` is written. */
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const ANY_TIME = '2000-01-01T00:00:00.000Z';

/** Refuses a stamp beside a rule that no value of its kind can keep: each write of the source would be refused. */
function assertAcceptsStamps(node: SchemaNode): void {
  const rules = [...reach([node], ({ all }) => all)];
  for (const { annotations, pointer } of [...reach([node], getAnnotatingInPlace)].filter(hasStamp)) {
    const { value } = annotations.stamp;
    const broken = rules.map((rule) => [rule, findBrokenRule(rule, value)] as const);
    for (const [rule, keyword] of broken) {
      if (keyword === undefined) continue;
      const place = getSchemaPlace(`${rule.pointer}/${keyword}`);
      throw createSchemaError(`${pointer}/x-stamp`, `${place} never allows what ${value} sets, a text`);
    }
  }
}

/** The keyword that refuses every stamp of this kind, if there is one. */
function findBrokenRule(node: SchemaNode, value: Stamp['value']): string | undefined {
  if (!isOfType(node, 'string')) return 'type';
  const isStamp = (each: JsonValue) => typeof each === 'string' && (value !== 'now' || TIME.test(each));
  if (getConstants(node).some((values) => !values.some(isStamp))) {
    return node.constant === undefined ? 'enum' : 'const';
  }
  if (value !== 'now') return undefined;
  if (node.format?.test(ANY_TIME) === false) return 'format';
  const { minLength = 0, maxLength = Infinity } = node.source;
  if (typeof maxLength === 'number' && maxLength < ANY_TIME.length) return 'maxLength';
  return typeof minLength === 'number' && minLength > ANY_TIME.length ? 'minLength' : undefined;
}

/** All nodes that can be reached by the given steps. */
function reach(
  start: Iterable<SchemaNode>,
  getNext: (node: SchemaNode) => readonly SchemaNode[],
): ReadonlySet<SchemaNode> {
  const seen = new Set(start);
  for (const node of seen) for (const next of getNext(node)) seen.add(next);
  return seen;
}
