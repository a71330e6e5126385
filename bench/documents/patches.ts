/** Long JSON Patches, friendly and hostile, each within what a body may hold. */
import type { JsonObject, JsonValue } from '../../src/lib/json.ts';
import { wideDocument } from './samples.ts';

export interface PatchCase {
  readonly name: string;
  readonly document: JsonObject;
  readonly operations: JsonValue;
}

function repeat(count: number, operation: (index: number) => JsonObject): JsonValue {
  return Array.from({ length: count }, (_, index) => operation(index));
}

function numbers(length: number, value: number): JsonValue {
  return Array.from({ length }, () => value);
}

const wide = wideDocument();
const key = (index: number) => `/preference_${index % 100}`;

export const PATCH_CASES: readonly PatchCase[] = [
  {
    name: '500 replacements',
    document: wide,
    operations: repeat(500, (index) => ({ op: 'replace', path: key(index), value: index })),
  },
  {
    name: '500 insertions and removals at the head of a list',
    document: { list: numbers(1000, 0) },
    operations: repeat(500, (index) =>
      index % 2 === 0 ? { op: 'add', path: '/list/0', value: 1 } : { op: 'remove', path: '/list/0' },
    ),
  },
  {
    name: '300 copies',
    document: wide,
    operations: repeat(300, (index) => ({ op: 'copy', from: key(0), path: key(index + 1) })),
  },
  {
    name: 'copies that double the document, until refused',
    document: { a: wide },
    operations: repeat(500, (index) => ({ op: 'copy', from: '', path: `/copy${index}` })),
  },
  {
    name: '500 moves of one key',
    document: wide,
    operations: repeat(500, (index) => ({
      op: 'move',
      from: index % 2 === 0 ? key(0) : '/moved',
      path: index % 2 === 0 ? '/moved' : key(0),
    })),
  },
  {
    name: '1,000 moves of the whole document onto itself',
    document: wide,
    operations: repeat(1000, () => ({ op: 'move', from: '', path: '' })),
  },
  {
    name: '10 tests of the whole document',
    document: wide,
    operations: repeat(10, () => ({ op: 'test', path: '', value: wide })),
  },
  {
    name: 'a test of a list of 50 numbers against 50 others',
    document: { list: numbers(50, 0) },
    operations: [{ op: 'test', path: '/list', value: numbers(50, 1) }],
  },
  {
    name: 'a test of a list of 150 numbers against 150 others',
    document: { list: numbers(150, 0) },
    operations: [{ op: 'test', path: '/list', value: numbers(150, 1) }],
  },
];
