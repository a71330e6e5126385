/**
 * RFC 6902 once more, as plainly as can be, to hold the service against: lists of tokens in place of
 * pointers, and a new document for every operation.
 */
import type { JsonObject, JsonValue } from '../../../src/lib/json.ts';

export interface PlainOperation {
  readonly op: 'add' | 'remove' | 'replace' | 'test';
  readonly tokens: readonly string[];
  readonly value: JsonValue;
}

/** The document after all operations, or undefined where one of them cannot be applied. */
export function applyAll(document: JsonValue, operations: readonly PlainOperation[]): JsonValue | undefined {
  return operations.reduce<JsonValue | undefined>(
    (current, operation) =>
      current === undefined ? undefined : applyOne(current, operation, operation.tokens),
    document,
  );
}

function applyOne(
  node: JsonValue,
  operation: PlainOperation,
  [token, ...rest]: readonly string[],
): JsonValue | undefined {
  if (token === undefined) return atTarget(node, operation);
  if (typeof node !== 'object' || node === null) return undefined;
  const entries = entriesOf(node);
  const index = entries.findIndex(([name]) => name === token);
  const isLast = rest.length === 0;
  if (isLast && operation.op === 'add') return added(node, token, operation.value);
  const found = entries[index];
  if (found === undefined) return undefined;
  if (isLast && operation.op === 'remove') return rebuilt(node, entries.toSpliced(index, 1));
  const child = applyOne(found[1], operation, rest);
  return child === undefined ? undefined : rebuilt(node, entries.with(index, [token, child]));
}

function atTarget(node: JsonValue, { op, value }: PlainOperation): JsonValue | undefined {
  if (op === 'remove') return undefined;
  if (op === 'test') return equal(node, value) ? node : undefined;
  return value;
}

function added(
  node: readonly JsonValue[] | JsonObject,
  token: string,
  value: JsonValue,
): JsonValue | undefined {
  const entries = entriesOf(node);
  if (!isList(node)) {
    return rebuilt(node, [...entries.filter(([name]) => name !== token), [token, value]]);
  }
  const index =
    token === '-' ? node.length : Array.from({ length: node.length + 1 }, (_, n) => String(n)).indexOf(token);
  return index === -1 ? undefined : node.toSpliced(index, 0, value);
}

function isList(node: JsonValue): node is readonly JsonValue[] {
  return Array.isArray(node);
}

function entriesOf(node: readonly JsonValue[] | JsonObject): Array<[string, JsonValue]> {
  return Object.entries(node);
}

function rebuilt(like: JsonValue, entries: ReadonlyArray<readonly [string, JsonValue]>): JsonValue {
  return isList(like) ? entries.map(([, value]) => value) : Object.fromEntries(entries);
}

function equal(left: JsonValue, right: JsonValue): boolean {
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null)
    return left === right;
  const [lefts, rights] = [entriesOf(left), new Map(entriesOf(right))];
  return (
    isList(left) === isList(right) &&
    lefts.length === rights.size &&
    lefts.every(([name, value]) => {
      const other = rights.get(name);
      return other !== undefined && equal(value, other);
    })
  );
}
