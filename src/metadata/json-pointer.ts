/** JSON Pointer (RFC 6901) over plain documents: own members only, and indexes as the RFC writes them. */
import { isJsonObject, type JsonValue, ownValue, pointerToken } from '../lib/json.ts';

/** Section 4: no leading zeros. */
export const ARRAY_INDEX = /^(?:0|[1-9]\d*)$/;

/** The reference tokens of a pointer, unescaped. */
export function parsePointer(pointer: string): string[] {
  const tokens = pointer.split('/').slice(1);
  if (!pointer.includes('~')) return tokens;
  return tokens.map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** The pointer whose reference tokens, unescaped, are these. */
export function toPointer(path: readonly string[]): string {
  return path.map((name) => `/${pointerToken(name)}`).join('');
}

/** The member or item of that name, or undefined where there is none. */
export function getChild(node: JsonValue, name: string): JsonValue | undefined {
  if (Array.isArray(node)) return ARRAY_INDEX.test(name) ? node[Number(name)] : undefined;
  return isJsonObject(node) ? ownValue(node, name) : undefined;
}

/** What the pointer points at, or undefined where nothing is. */
export function resolve(root: JsonValue, pointer: string): JsonValue | undefined {
  return resolvePath(root, parsePointer(pointer));
}

/** The same by the reference tokens. */
export function resolvePath(root: JsonValue, path: readonly string[]): JsonValue | undefined {
  let node: JsonValue | undefined = root;
  for (const name of path) {
    if (node === undefined) return undefined;
    node = getChild(node, name);
  }
  return node;
}
