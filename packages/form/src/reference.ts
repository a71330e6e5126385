/** `$ref` to a definition in the same schema. References elsewhere, or in a circle, lead nowhere. */
import { isJsonObject, type Json, type JsonObject, memberOf, stepsOf } from './json.ts';

export interface Dereferenced {
  /** The definition with what stands beside the reference put over it. */
  readonly schema: JsonObject;
  /** The definition itself, by which one that contains itself is recognised. */
  readonly origin: JsonObject;
}

export function dereference(schema: JsonObject, root: JsonObject): Dereferenced | undefined {
  let found: Dereferenced = { schema, origin: schema };
  for (const seen = new Set<JsonObject>(); Object.hasOwn(found.schema, '$ref'); ) {
    if (seen.has(found.origin)) return undefined;
    seen.add(found.origin);
    const { $ref: reference, ...beside } = found.schema;
    const target = typeof reference === 'string' ? targetOf(reference, root) : undefined;
    if (!isJsonObject(target)) return undefined;
    found = { schema: { ...target, ...beside }, origin: target };
  }
  return found;
}

function targetOf(reference: string, root: JsonObject): Json | undefined {
  if (!reference.startsWith('#')) return undefined;
  const fragment = decoded(reference.slice(1));
  if (fragment === undefined) return undefined;
  if (fragment !== '' && !fragment.startsWith('/')) return anchored(fragment, root);
  let found: Json | undefined = root;
  for (const step of stepsOf(fragment)) {
    if (Array.isArray(found)) found = found[Number(step)];
    else found = isJsonObject(found) ? memberOf(found, step) : undefined;
  }
  return found;
}

function decoded(fragment: string): string | undefined {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return undefined;
  }
}

function anchored(name: string, node: Json): JsonObject | undefined {
  if (typeof node !== 'object' || node === null) return undefined;
  if (isJsonObject(node) && node['$anchor'] === name) return node;
  for (const child of Object.values(node)) {
    const found = anchored(name, child);
    if (found) return found;
  }
  return undefined;
}
