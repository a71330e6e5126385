/** Sets of Unicode code points, for regular expressions. */

export type Range = readonly [first: number, last: number];

export interface CharSet {
  /** First and last code point of each range, in turns and ascending; ranges neither touch nor overlap. */
  readonly bounds: readonly number[];
}

const LAST_CODE_POINT = 0x10ffff;

export function fromRanges(ranges: readonly Range[]): CharSet {
  const bounds: number[] = [];
  for (const [first, last] of ranges.toSorted(([left], [right]) => left - right)) {
    const end = bounds.at(-1);
    if (end !== undefined && first <= end + 1) bounds[bounds.length - 1] = Math.max(end, last);
    else bounds.push(first, last);
  }
  return { bounds };
}

export function joinSets(sets: readonly CharSet[]): CharSet {
  return fromRanges(sets.flatMap(getRanges));
}

export function complementSet(set: CharSet): CharSet {
  const ranges: Range[] = [];
  let next = 0;
  for (const [first, last] of getRanges(set)) {
    if (first > next) ranges.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= LAST_CODE_POINT) ranges.push([next, LAST_CODE_POINT]);
  return fromRanges(ranges);
}

export function hasCodePoint({ bounds }: CharSet, code: number): boolean {
  let low = 0;
  let high = bounds.length;
  // Finds how many bounds are below the code: an odd number says that it lies within a range.
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((bounds[middle] ?? 0) < code) low = middle + 1;
    else high = middle;
  }
  return low % 2 === 1 || bounds[low] === code;
}

/**
 * The code points with a Unicode property, as the runtime itself knows them. `name` is what stands between the
 * braces of `\p{}`, and must be one that the runtime accepts.
 */
export function getPropertySet(name: string): CharSet {
  const matching = new RegExp(`\\p{${name}}+`, 'gu');
  const ranges: Range[] = [];
  for (const { text, first } of getAllCharacters()) {
    for (const { index, 0: run } of text.matchAll(matching)) {
      ranges.push([first + countBefore(text, index), first + countBefore(text, index + run.length) - 1]);
    }
  }
  return fromRanges(ranges);
}

/** How many characters stand before a place in a text whose characters all have the same width. */
function countBefore(text: string, index: number): number {
  return index / ((text.codePointAt(0) ?? 0) > 0xffff ? 2 : 1);
}

/** Every character, in order. A high surrogate must not meet a low one, because the two would be another character. */
function* getAllCharacters(): Generator<{ readonly text: string; readonly first: number }> {
  const blocks: readonly Range[] = [
    [0, 0xdbff],
    [0xdc00, 0xffff],
    [0x10000, LAST_CODE_POINT],
  ];
  for (const [start, end] of blocks) {
    for (let first = start; first <= end; first += 0x4000) {
      const length = Math.min(0x4000, end - first + 1);
      yield { text: String.fromCodePoint(...Array.from({ length }, (_, offset) => first + offset)), first };
    }
  }
}

function getRanges({ bounds }: CharSet): Range[] {
  const ranges: Range[] = [];
  for (let at = 0; at < bounds.length; at += 2) ranges.push([bounds[at] ?? 0, bounds[at + 1] ?? 0]);
  return ranges;
}
