/**
 * A document while a JSON Patch changes it. The stored document and the values of the patch are never changed: a
 * container is copied when it is changed for the first time, alone and not with what it holds. So a move costs the same
 * whatever the size of what it moves, and what stays untouched stays the very same object. The size of the document
 * is kept up to date with every step, and everything whose cost a caller can multiply spends from the budget.
 */
import {
  isJsonObject,
  jsonBytes,
  type JsonObject,
  type JsonValue,
  nestsDeeperThan,
  pointerToken,
} from '../lib/json.ts';
import { type DocumentLimits, createTooLargeError } from './document.ts';
import { ARRAY_INDEX, getChild } from './json-pointer.ts';

// The work that one request may cause. Everything whose cost a caller can multiply spends from a budget, so that the
// time a request takes is bounded by its budget and not by the caller's imagination. Work is counted, not timed: the
// same request is accepted or refused on every machine.

export interface WorkBudget {
  /**
   * Counts work before it is done. One unit is a member or an item that is visited, copied or compared.
   * @throws AppError `metadata_too_large` with the fault `patch_too_costly` once the budget is spent.
   */
  spend(units: number): void;
  /** The units counted so far. */
  spent(): number;
}

/**
 * For one JSON Patch. A unit takes about 50 nanoseconds, so that a patch that spends everything takes about 10
 * milliseconds. A thousand ordinary operations on a document of 8 KB spend less than a twentieth of it.
 */
export const PATCH_WORK_MAX = 200_000;

/** Bytes of text that cost as much as one member: text is compared and measured by native code. */
const BYTES_PER_UNIT = 64;
/** List items that cost as much to shift as one member to visit. */
const SHIFTS_PER_UNIT = 32;

export function createWorkBudget(maxUnits: number = PATCH_WORK_MAX): WorkBudget {
  let spent = 0;
  return {
    spend(units) {
      spent += units;
      if (spent > maxUnits) {
        throw createTooLargeError(
          '',
          'patch_too_costly',
          'The operations of the patch together cost too much work.',
        );
      }
    },
    spent: () => spent,
  };
}

/** The units for reading so many bytes of text. */
export function textUnits(bytes: number): number {
  return Math.ceil(bytes / BYTES_PER_UNIT);
}

/** The units for moving so many items of a list by one place. */
function shiftUnits(items: number): number {
  return Math.ceil(items / SHIFTS_PER_UNIT);
}

/** A path of names from the root, as in `json-pointer.ts`. */
type Path = readonly string[];

export interface PatchedDocument {
  /** The document as it is now. */
  value(): JsonValue;
  /** What is at the path, or undefined. */
  find(path: Path): JsonValue | undefined;
  /** Whether `expected` is at the path. */
  matches(path: Path, expected: JsonValue): boolean;
  /**
   * Adds a member, replaces it where it is there, or inserts an item. Answers whether there is a place for it.
   * @throws AppError `metadata_too_large` where the value would lie too deep or its object has too many members.
   */
  add(path: Path, value: JsonValue): boolean;
  /** The same in place of what is at the path. Answers whether something is there. */
  replace(path: Path, value: JsonValue): boolean;
  /** Removes what is at the path. Answers whether something was there. The root cannot be removed. */
  remove(path: Path): boolean;
  /** What is at `from` goes to `to`, which must not lie within it. Answers whether both exist. */
  move(from: Path, to: Path): boolean;
  /** What is at `from` is also put at `to`. Answers whether both exist. */
  copy(from: Path, to: Path): boolean;
  /** @throws AppError `metadata_too_large` where the document has outgrown both its limit and its stored size. */
  assertSize(): void;
}

type MutableObject = { [key: string]: JsonValue };
type Mutable = JsonValue[] | MutableObject;
type Container = readonly JsonValue[] | JsonObject;

/** To put a member into a new object takes several times as long as to look at it. */
const COPIED_MEMBER_UNITS = 4;
/** From so many characters on, a text is measured once and remembered. */
const LONG_TEXT = 64;

export function createPatchedDocument(
  stored: JsonObject,
  limits: DocumentLimits,
  budget: WorkBudget,
): PatchedDocument {
  let root: JsonValue = stored;
  let bytes = jsonBytes(stored);
  /** What is stored beyond a limit already may stay, and get no worse. */
  const maxBytes = Math.max(limits.maxBytes, bytes);
  const maxDepth = nestsDeeperThan(stored, limits.maxDepth) ? depthOfAll(stored) : limits.maxDepth;

  /** Containers that this patch made, each of which stands in one place of the document only. */
  const made = new Map<Container, Mutable>();
  /** What is known of containers. An entry about one that this patch changes is corrected or forgotten. */
  const sizes = new Map<Container | string, number>();
  const depths = new Map<Container, number>();
  const widths = new Map<Container, number>();
  /** How many members an object may have that had too many when it was stored. */
  const crowds = new Map<Container, number>();

  function find(path: Path): JsonValue | undefined {
    budget.spend(1 + path.length);
    let node: JsonValue | undefined = root;
    for (const name of path) {
      if (node === undefined) return undefined;
      node = getChild(node, name);
    }
    return node;
  }

  function getWidth(object: JsonObject): number {
    const known = widths.get(object);
    if (known !== undefined) return known;
    const width = Object.keys(object).length;
    budget.spend(width);
    widths.set(object, width);
    return width;
  }

  function getSize(node: JsonValue): number {
    if (!isContainer(node) && (typeof node !== 'string' || node.length < LONG_TEXT)) return jsonBytes(node);
    const known = sizes.get(node);
    if (known !== undefined) return known;
    const size = isContainer(node) && made.has(node) ? getSum(node) : jsonBytes(node);
    budget.spend(textUnits(size));
    sizes.set(node, size);
    return size;
  }

  /** Of a container that this patch made: only what it changed is measured anew. */
  function getSum(node: Container): number {
    const children = Object.entries(node);
    budget.spend(children.length);
    const names = isList(node) ? 0 : children.reduce((sum, [name]) => sum + nameBytes(name), 0);
    const values = children.reduce((sum, [, child]) => sum + getSize(child), 0);
    return 2 + Math.max(0, children.length - 1) + names + values;
  }

  function getDepth(node: JsonValue): number {
    if (!isContainer(node)) return 0;
    const known = depths.get(node);
    if (known !== undefined) return known;
    const children = Object.values(node);
    budget.spend(1 + children.length);
    const depth = 1 + children.reduce<number>((deepest, child) => Math.max(deepest, getDepth(child)), 0);
    depths.set(node, depth);
    return depth;
  }

  function assertDepth(path: Path, value: JsonValue): void {
    if (path.length + getDepth(value) <= maxDepth) return;
    throw createTooLargeError(toPointer(path), 'too_deep', `Nesting is limited to ${limits.maxDepth}.`);
  }

  /** A copy of the container that may be changed, or the container where this patch made it. */
  function toMutable(node: Container): Mutable {
    const known = made.get(node);
    if (known !== undefined) return known;
    budget.spend(isList(node) ? shiftUnits(node.length) : COPIED_MEMBER_UNITS * getWidth(node));
    const copy: Mutable = isList(node) ? [...node] : { ...node };
    register(copy, node);
    return copy;
  }

  function register(copy: Mutable, original: Container): void {
    made.set(copy, copy);
    for (const known of [sizes, depths, widths]) {
      const value = known.get(original);
      if (value !== undefined) known.set(copy, value);
    }
    crowds.set(copy, Math.max(limits.maxKeys, widths.get(original) ?? 0));
  }

  /** The containers from the root to the one at the path, all of which may be changed. Undefined where none is. */
  function open(path: Path): readonly Mutable[] | undefined {
    if (!isContainer(find(path)) || !isContainer(root)) return undefined;
    let node = toMutable(root);
    root = node;
    const chain = [node];
    for (const name of path) {
      const child = getChild(node, name);
      if (!isContainer(child)) return undefined;
      const copy = toMutable(child);
      if (copy !== child) setChild(node, name, copy);
      node = copy;
      chain.push(node);
    }
    return chain;
  }

  /** The last container of the chain has grown by so many bytes. */
  function grow(chain: readonly Mutable[], delta: number): void {
    bytes += delta;
    for (const container of chain) {
      const size = sizes.get(container);
      if (size !== undefined) sizes.set(container, size + delta);
      depths.delete(container);
    }
  }

  function setRoot(value: JsonValue): true {
    bytes = getSize(value);
    root = value;
    return true;
  }

  function add(path: Path, value: JsonValue): boolean {
    const name = path.at(-1);
    if (name === undefined) return setRoot(value);
    const chain = open(path.slice(0, -1));
    const parent = chain?.at(-1);
    if (chain === undefined || parent === undefined) return false;
    if (isList(parent)) {
      const index = name === '-' ? parent.length : toIndex(name);
      if (index === undefined || index > parent.length) return false;
      budget.spend(shiftUnits(parent.length - index));
      grow(chain, getSize(value) + (parent.length > 0 ? 1 : 0));
      parent.splice(index, 0, value);
      return true;
    }
    const before = getChild(parent, name);
    if (before !== undefined) return setMember(chain, parent, name, value, before);
    const width = getWidth(parent);
    if (width >= (crowds.get(parent) ?? limits.maxKeys)) {
      throw createTooLargeError(
        toPointer(path.slice(0, -1)),
        'too_many_keys',
        `An object is limited to ${limits.maxKeys} keys.`,
      );
    }
    grow(chain, nameBytes(name) + getSize(value) + (width > 0 ? 1 : 0));
    setChild(parent, name, value);
    widths.set(parent, width + 1);
    return true;
  }

  function setMember(
    chain: readonly Mutable[],
    parent: Mutable,
    name: string,
    value: JsonValue,
    before: JsonValue,
  ): true {
    grow(chain, getSize(value) - getSize(before));
    setChild(parent, name, value);
    return true;
  }

  function replace(path: Path, value: JsonValue): boolean {
    const name = path.at(-1);
    if (name === undefined) return setRoot(value);
    const chain = open(path.slice(0, -1));
    const parent = chain?.at(-1);
    const before = parent === undefined ? undefined : getChild(parent, name);
    if (chain === undefined || parent === undefined || before === undefined) return false;
    return setMember(chain, parent, name, value, before);
  }

  function remove(path: Path): boolean {
    const name = path.at(-1);
    const chain = name === undefined ? undefined : open(path.slice(0, -1));
    const parent = chain?.at(-1);
    if (name === undefined || chain === undefined || parent === undefined) return false;
    const before = getChild(parent, name);
    if (before === undefined) return false;
    if (isList(parent)) {
      budget.spend(shiftUnits(parent.length - Number(name)));
      grow(chain, -getSize(before) - (parent.length > 1 ? 1 : 0));
      parent.splice(Number(name), 1);
      return true;
    }
    const width = getWidth(parent);
    grow(chain, -nameBytes(name) - getSize(before) - (width > 1 ? 1 : 0));
    Reflect.deleteProperty(parent, name);
    widths.set(parent, width - 1);
    return true;
  }

  /** The same value once more. What nothing changes can stand in two places; what this patch made cannot. */
  function duplicate(node: JsonValue): JsonValue {
    if (!isContainer(node) || !made.has(node)) return node;
    budget.spend(1 + (isList(node) ? node.length : COPIED_MEMBER_UNITS * getWidth(node)));
    const copy: Mutable = isList(node)
      ? node.map(duplicate)
      : Object.fromEntries(Object.entries(node).map(([name, child]) => [name, duplicate(child)]));
    register(copy, node);
    return copy;
  }

  function equals(node: JsonValue, expected: JsonValue): boolean {
    budget.spend(1);
    if (typeof node === 'string') budget.spend(textUnits(node.length));
    if (node === expected) return true;
    if (!isContainer(node) || !isContainer(expected)) return false;
    if (isList(node)) {
      if (!isList(expected) || node.length !== expected.length) return false;
      return node.every((item, index) => equals(item, expected[index] ?? null));
    }
    if (isList(expected)) return false;
    const entries = Object.entries(expected);
    budget.spend(entries.length);
    if (getWidth(node) !== entries.length) return false;
    return entries.every(([name, value]) => {
      const child = getChild(node, name);
      return child !== undefined && equals(child, value);
    });
  }

  return {
    value: () => root,
    find,
    matches(path, expected) {
      const node = find(path);
      return node !== undefined && equals(node, expected);
    },
    add(path, value) {
      assertDepth(path, value);
      return add(path, value);
    },
    replace(path, value) {
      assertDepth(path, value);
      return replace(path, value);
    },
    remove,
    move(from, to) {
      const value = find(from);
      if (value === undefined) return false;
      // Nothing gets deeper by moving up or aside.
      if (to.length > from.length) assertDepth(to, value);
      if (to.length === 0) return setRoot(value);
      return remove(from) && add(to, value);
    },
    copy(from, to) {
      const value = find(from);
      if (value === undefined) return false;
      if (to.length > from.length) assertDepth(to, value);
      return add(to, duplicate(value));
    },
    assertSize() {
      if (bytes <= maxBytes) return;
      throw createTooLargeError(
        '',
        'too_large',
        `The document would be larger than ${limits.maxBytes} bytes.`,
      );
    },
  };
}

function isList(node: Container): node is readonly JsonValue[];
function isList(node: Mutable): node is JsonValue[];
function isList(node: Container): boolean {
  return Array.isArray(node);
}

function isContainer(node: JsonValue | undefined): node is Container {
  return Array.isArray(node) || isJsonObject(node);
}

/** Of a member, without its value. */
function nameBytes(name: string): number {
  return jsonBytes(name) + 1;
}

function toPointer(path: Path): string {
  return path.map((name) => `/${pointerToken(name)}`).join('');
}

function toIndex(name: string): number | undefined {
  return ARRAY_INDEX.test(name) ? Number(name) : undefined;
}

/** As an own member, also for a name that objects inherit. */
function setChild(parent: Mutable, name: string, value: JsonValue): void {
  if (isList(parent)) parent[Number(name)] = value;
  else if (name !== '__proto__') parent[name] = value;
  else Object.defineProperty(parent, name, { value, writable: true, enumerable: true, configurable: true });
}

function depthOfAll(node: JsonValue): number {
  if (!isContainer(node)) return 0;
  return 1 + Object.values(node).reduce<number>((deepest, child) => Math.max(deepest, depthOfAll(child)), 0);
}
