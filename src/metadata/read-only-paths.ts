/** What a JSON Schema marks `readOnly`, as paths into the documents it describes. */
import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  ownValue,
  pointerToken,
  withKey,
} from '../lib/json.ts';

/** Paths of properties marked `readOnly: true`, through nested `properties`, `allOf` and local `$ref`. */
export function* readOnlyPathsOf(
  schema: JsonObject,
  root: JsonObject,
  path: readonly string[],
  seen: ReadonlySet<JsonObject>,
): Generator<readonly string[]> {
  if (seen.has(schema)) return;
  const visited = new Set([...seen, schema]);
  if (schema['readOnly'] === true && path.length > 0) yield path;
  const target = localReference(schema['$ref'], root);
  if (target) yield* readOnlyPathsOf(target, root, path, visited);
  const { allOf, properties } = schema;
  for (const part of Array.isArray(allOf) ? allOf : []) {
    if (isJsonObject(part)) yield* readOnlyPathsOf(part, root, path, visited);
  }
  if (!isJsonObject(properties)) return;
  for (const [name, child] of Object.entries(properties)) {
    if (isJsonObject(child)) yield* readOnlyPathsOf(child, root, [...path, name], visited);
  }
}

function localReference(reference: JsonValue | undefined, root: JsonObject): JsonObject | undefined {
  if (typeof reference !== 'string' || !reference.startsWith('#/')) return undefined;
  const tokens = reference
    .slice(2)
    .split('/')
    .map((token) => decodeURIComponent(token).replaceAll('~1', '/').replaceAll('~0', '~'));
  const target = valueAt(root, tokens);
  return isJsonObject(target) ? target : undefined;
}

/** The value at a path of names, or undefined where nothing is. */
export function valueAt(node: JsonValue, path: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = node;
  for (const name of path) {
    if (Array.isArray(value)) value = value[Number(name)];
    else value = isJsonObject(value) ? ownValue(value, name) : undefined;
  }
  return value;
}

export function toPointer(path: readonly string[]): string {
  return path.map((name) => `/${pointerToken(name)}`).join('');
}

/** A copy of `document` with `value` at the path; objects are made on the way, other values are left alone. */
export function withValueAt(document: JsonObject, path: readonly string[], value: JsonValue): JsonObject {
  const [name, ...rest] = path;
  if (name === undefined) return document;
  if (rest.length === 0) return withKey(document, name, value);
  const child = ownValue(document, name) ?? {};
  return isJsonObject(child) ? withKey(document, name, withValueAt(child, rest, value)) : document;
}
