/**
 * One schema of the operator's document, with its references followed and its patterns compiled: what the walk over
 * an instance reads. Nodes refer to each other as the schemas do, so that a recursive schema is a circle of nodes.
 */
import type { JsonObject, JsonValue } from '../../lib/json.ts';
import type { Annotations } from './annotations.ts';
import type { FormatTest } from './load.ts';
import type { Pattern } from './pattern.ts';

export interface PatternRule {
  readonly pattern: Pattern;
  readonly node: SchemaNode;
}

export interface SchemaNode {
  /** Tells nodes apart. */
  readonly id: number;
  /** Where the schema stands in the operator's document, as a JSON Pointer. */
  readonly pointer: string;
  /** The schema as it stands there. Of `true` and `false`, an empty one. */
  readonly source: JsonObject;
  /** Set for the schemas `true` and `false`. */
  readonly literal: boolean | undefined;
  readonly annotations: Annotations;

  readonly types: readonly string[] | undefined;
  /** Canonical texts of the values that `const` or `enum` allow. */
  readonly constant: string | undefined;
  readonly allowed: ReadonlySet<string> | undefined;
  readonly format: { readonly name: string; readonly test: FormatTest } | undefined;
  readonly pattern: Pattern | undefined;

  // Keywords that apply to the same place.
  /** Targets of `$ref` and `$dynamicRef`, and the schemas of `allOf`: all of them must hold. */
  readonly all: readonly SchemaNode[];
  readonly anyOf: readonly SchemaNode[] | undefined;
  readonly oneOf: readonly SchemaNode[] | undefined;
  readonly not: SchemaNode | undefined;
  /** `if`, with `then` and `else`. */
  readonly condition: SchemaNode | undefined;
  readonly whenTrue: SchemaNode | undefined;
  readonly whenFalse: SchemaNode | undefined;
  readonly dependentSchemas: ReadonlyMap<string, SchemaNode>;

  // Keywords that apply to members.
  readonly properties: ReadonlyMap<string, SchemaNode>;
  readonly patternProperties: readonly PatternRule[];
  readonly additionalProperties: SchemaNode | undefined;
  readonly unevaluatedProperties: SchemaNode | undefined;
  readonly propertyNames: SchemaNode | undefined;
  readonly required: readonly string[];
  readonly dependentRequired: ReadonlyMap<string, readonly string[]>;

  // Keywords that apply to items.
  readonly prefixItems: readonly SchemaNode[];
  readonly items: SchemaNode | undefined;
  readonly contains: SchemaNode | undefined;
  readonly minContains: number;
  readonly maxContains: number;
  readonly unevaluatedItems: SchemaNode | undefined;

  /** What a text holds when it is decoded: a note, never judged. */
  readonly contentSchema: SchemaNode | undefined;
}

/** What a keyword of the schema says, if it is a number. */
export function getNumber({ source }: SchemaNode, keyword: string): number | undefined {
  const value: JsonValue | undefined = Object.hasOwn(source, keyword) ? source[keyword] : undefined;
  return typeof value === 'number' ? value : undefined;
}

/** The schemas that apply to the same place as this one, whether or not they hold. */
export function getInPlace(node: SchemaNode): readonly SchemaNode[] {
  return [...getAnnotatingInPlace(node), ...(node.not ? [node.not] : [])];
}

/** The same but for `not`, whose annotations never count (JSON Schema core section 7.7.1.1). */
export function getAnnotatingInPlace(node: SchemaNode): readonly SchemaNode[] {
  return [
    ...node.all,
    ...(node.anyOf ?? []),
    ...(node.oneOf ?? []),
    ...[node.condition, node.whenTrue, node.whenFalse].filter((part) => part !== undefined),
    ...node.dependentSchemas.values(),
  ];
}

/** The schemas that apply to members and items, but for names. */
export function getBelow(node: SchemaNode): readonly SchemaNode[] {
  return [
    ...node.properties.values(),
    ...node.patternProperties.map((rule) => rule.node),
    ...node.prefixItems,
    ...[
      node.additionalProperties,
      node.unevaluatedProperties,
      node.items,
      node.contains,
      node.unevaluatedItems,
    ].filter((part) => part !== undefined),
  ];
}
