/**
 * Regular expressions whose time grows with the text and never explodes: every position of the text visits every
 * state of the pattern at most once (Thompson 1968), and each visit is counted, so that a request can be given up.
 */
import type { Meter } from './evaluation.ts';

/** Sets of Unicode code points, for regular expressions. */

type Range = readonly [first: number, last: number];

interface CharSet {
  /** First and last code point of each range, in turns and ascending; ranges neither touch nor overlap. */
  readonly bounds: readonly number[];
}

const LAST_CODE_POINT = 0x10ffff;

function fromRanges(ranges: readonly Range[]): CharSet {
  const bounds: number[] = [];
  for (const [first, last] of ranges.toSorted(([left], [right]) => left - right)) {
    const end = bounds.at(-1);
    if (end !== undefined && first <= end + 1) bounds[bounds.length - 1] = Math.max(end, last);
    else bounds.push(first, last);
  }
  return { bounds };
}

function joinSets(sets: readonly CharSet[]): CharSet {
  return fromRanges(sets.flatMap(getRanges));
}

function complementSet(set: CharSet): CharSet {
  const ranges: Range[] = [];
  let next = 0;
  for (const [first, last] of getRanges(set)) {
    if (first > next) ranges.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= LAST_CODE_POINT) ranges.push([next, LAST_CODE_POINT]);
  return fromRanges(ranges);
}

function hasCodePoint({ bounds }: CharSet, code: number): boolean {
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
function getPropertySet(name: string): CharSet {
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

// Regular expressions as JSON Schema has them: the syntax of ECMA-262 with the flag `u`. Only what can run in linear
// time is accepted, which leaves out look-around and back-references; the reason for each refusal is a true one.

/** A pattern as a tree. Groups do not capture, because a schema only asks whether there is a match. */
type PatternTree =
  | { readonly kind: 'set'; readonly set: CharSet }
  | { readonly kind: 'assertion'; readonly assertion: Assertion }
  | { readonly kind: 'sequence'; readonly parts: readonly PatternTree[] }
  | { readonly kind: 'choice'; readonly branches: readonly PatternTree[] }
  | { readonly kind: 'repeat'; readonly part: PatternTree; readonly min: number; readonly max: number };

type Assertion = 'start' | 'end' | 'wordBoundary' | 'noWordBoundary';

/** Why a pattern cannot be used, in words that follow "the pattern". */
export class PatternRefusal extends Error {
  override name = 'PatternRefusal';
}

const LINE_ENDS = fromRanges([
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
]);
const DIGITS = fromRanges([[0x30, 0x39]]);
const WORD = fromRanges([
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
]);
/** ECMA-262 section 22.2.2.9: WhiteSpace and LineTerminator. */
const WHITE_SPACE = fromRanges([
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
]);
const CLASS_ESCAPES: Readonly<Record<string, CharSet>> = {
  d: DIGITS,
  D: complementSet(DIGITS),
  w: WORD,
  W: complementSet(WORD),
  s: WHITE_SPACE,
  S: complementSet(WHITE_SPACE),
};
const CONTROL_ESCAPES: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, '0': 0 };

/**
 * Parses a pattern. `getProperty` gives the characters with a Unicode property, such as `Script=Greek`.
 * @throws PatternRefusal for a pattern that is none, or that linear time does not allow.
 */
function parsePattern(pattern: string, getProperty: (name: string) => CharSet): PatternTree {
  assertSyntax(pattern);
  const characters = Array.from(pattern);
  let at = 0;

  return parseChoice();

  function parseChoice(): PatternTree {
    const branches = [parseSequence()];
    while (skip('|')) branches.push(parseSequence());
    const [only] = branches;
    return only && branches.length === 1 ? only : { kind: 'choice', branches };
  }

  function parseSequence(): PatternTree {
    const parts: PatternTree[] = [];
    while (at < characters.length && characters[at] !== '|' && characters[at] !== ')') {
      parts.push(parseQuantified());
    }
    return { kind: 'sequence', parts };
  }

  function parseQuantified(): PatternTree {
    const part = parseAtom();
    const [min, max] = parseQuantifier() ?? [1, 1];
    // Lazy or greedy makes no difference to whether there is a match.
    if (min !== 1 || max !== 1) skip('?');
    return min === 1 && max === 1 ? part : { kind: 'repeat', part, min, max };
  }

  function parseQuantifier(): readonly [number, number] | undefined {
    if (skip('*')) return [0, Infinity];
    if (skip('+')) return [1, Infinity];
    if (skip('?')) return [0, 1];
    const found = /^\{(\d+)(?:(,)(\d*))?\}/.exec(characters.slice(at, at + 40).join(''));
    if (!found) return undefined;
    const [all, min = '', comma, max = ''] = found;
    at += all.length;
    // `{1}` may be followed by the mark of a lazy quantifier as well.
    if (min === '1' && (comma === undefined || max === '1')) skip('?');
    return [Number(min), comma === undefined ? Number(min) : max === '' ? Infinity : Number(max)];
  }

  function parseAtom(): PatternTree {
    const character = take();
    switch (character) {
      case '^':
        return { kind: 'assertion', assertion: 'start' };
      case '$':
        return { kind: 'assertion', assertion: 'end' };
      case '.':
        return { kind: 'set', set: complementSet(LINE_ENDS) };
      case '(':
        return parseGroup();
      case '[':
        return { kind: 'set', set: parseClass() };
      case '\\':
        if (skip('b')) return { kind: 'assertion', assertion: 'wordBoundary' };
        if (skip('B')) return { kind: 'assertion', assertion: 'noWordBoundary' };
        if (/[1-9k]/.test(characters[at] ?? ''))
          throw new PatternRefusal('uses a back-reference, which cannot run in linear time');
        return { kind: 'set', set: parseEscape() };
      default:
        return { kind: 'set', set: single(getCode(character)) };
    }
  }

  function parseGroup(): PatternTree {
    if (skip('?')) {
      const kind = take();
      if (kind === '=' || kind === '!') {
        throw new PatternRefusal('uses look-ahead, which cannot run in linear time');
      }
      if (kind === '<' && (characters[at] === '=' || characters[at] === '!')) {
        throw new PatternRefusal('uses look-behind, which cannot run in linear time');
      }
      if (kind === '<') at = characters.indexOf('>', at) + 1;
      else if (kind !== ':')
        throw new PatternRefusal('changes flags within the pattern, which is not supported');
    }
    const inner = parseChoice();
    skip(')');
    return inner;
  }

  function parseClass(): CharSet {
    const negated = skip('^');
    const sets: CharSet[] = [];
    while (!skip(']')) {
      const low = parseClassMember();
      if (characters[at] === '-' && characters[at + 1] !== ']') {
        at += 1;
        const high = parseClassMember();
        sets.push(fromRanges([[getFirst(low), getFirst(high)]]));
      } else {
        sets.push(low);
      }
    }
    const joined = joinSets(sets);
    return negated ? complementSet(joined) : joined;
  }

  function parseClassMember(): CharSet {
    const character = take();
    if (character !== '\\') return single(getCode(character));
    if (skip('b')) return single(8);
    if (skip('-')) return single(0x2d);
    return parseEscape();
  }

  /** What follows a backslash and stands for characters. */
  function parseEscape(): CharSet {
    const character = take();
    const known = CLASS_ESCAPES[character];
    if (known) return known;
    const control = CONTROL_ESCAPES[character];
    if (control !== undefined) return single(control);
    if (character === 'p' || character === 'P') {
      const set = getProperty(takeBraced());
      return character === 'p' ? set : complementSet(set);
    }
    if (character === 'c') return single(getCode(take()) % 32);
    if (character === 'x') return single(takeHex(2));
    if (character === 'u') return single(parseUnicodeEscape());
    return single(getCode(character));
  }

  function parseUnicodeEscape(): number {
    if (characters[at] === '{') return Number.parseInt(takeBraced(), 16);
    const high = takeHex(4);
    const pair = /^\\u(d[c-f][\da-f]{2})/i.exec(characters.slice(at, at + 6).join(''));
    if (high < 0xd800 || high > 0xdbff || !pair) return high;
    at += 6;
    return (high - 0xd800) * 0x400 + (Number.parseInt(pair[1] ?? '', 16) - 0xdc00) + 0x10000;
  }

  function takeBraced(): string {
    const end = characters.indexOf('}', at);
    const text = characters.slice(at + 1, end).join('');
    at = end + 1;
    return text;
  }

  function takeHex(digits: number): number {
    const text = characters.slice(at, at + digits).join('');
    at += digits;
    return Number.parseInt(text, 16);
  }

  function take(): string {
    const character = characters[at] ?? '';
    at += 1;
    return character;
  }

  function skip(character: string): boolean {
    if (characters[at] !== character) return false;
    at += 1;
    return true;
  }
}

function assertSyntax(pattern: string): void {
  try {
    // Only parsed: it never meets a text.
    new RegExp(pattern, 'u').lastIndex = 0;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split(': ').at(-1) : undefined;
    throw new PatternRefusal(`is not one of ECMA-262 with the flag u (${reason ?? 'syntax error'})`);
  }
}

function getCode(character: string): number {
  return character.codePointAt(0) ?? 0;
}

function single(code: number): CharSet {
  const range: Range = [code, code];
  return fromRanges([range]);
}

function getFirst(set: CharSet): number {
  return set.bounds[0] ?? 0;
}

export interface Pattern {
  /** Whether the pattern matches somewhere in the text. */
  test(text: string, meter: Meter): boolean;
}

/** A pattern repeats what it counts: `(a{100}){100}` has 10,000 states. */
const STATES_MAX = 10_000;
/** What one unit of a meter pays for. */
const VISITS_PER_UNIT = 8;

interface SetState {
  readonly kind: 'set';
  readonly set: CharSet;
  /** The first 128 code points, for which looking up is worth a table. */
  readonly ascii: Uint8Array;
}
type State =
  | SetState
  | { readonly kind: 'assertion'; readonly assertion: Assertion }
  | { readonly kind: 'split'; readonly first: number; second: number }
  | { readonly kind: 'jump'; to: number }
  | { readonly kind: 'match' };

/** @returns a function that compiles patterns, and looks up each Unicode property once. */
export function createPatternCompiler(): (pattern: string) => Pattern {
  const properties = new Map<string, CharSet>();

  function getProperty(name: string): CharSet {
    const set = properties.get(name) ?? getPropertySet(name);
    properties.set(name, set);
    return set;
  }

  /** @throws PatternRefusal with the reason. */
  return (pattern) => createMatcher(compileStates(parsePattern(pattern, getProperty)));
}

function compileStates(tree: PatternTree): readonly State[] {
  const states: State[] = [];
  emit(tree);
  states.push({ kind: 'match' });
  return states;

  function push<S extends State>(state: S): S {
    if (states.length >= STATES_MAX) {
      throw new PatternRefusal(`repeats too much: it has more than ${STATES_MAX} states`);
    }
    states.push(state);
    return state;
  }

  function emit(node: PatternTree): void {
    switch (node.kind) {
      case 'set':
        push({ kind: 'set', set: node.set, ascii: asciiTable(node.set) });
        break;
      case 'assertion':
        push({ kind: 'assertion', assertion: node.assertion });
        break;
      case 'sequence':
        for (const part of node.parts) emit(part);
        break;
      case 'choice':
        emitChoice(node.branches);
        break;
      case 'repeat':
        emitRepeat(node.part, node.min, node.max);
        break;
    }
  }

  function emitChoice(branches: readonly PatternTree[]): void {
    const [branch, ...others] = branches;
    if (!branch) return;
    if (others.length === 0) {
      emit(branch);
      return;
    }
    const split = push({ kind: 'split', first: states.length + 1, second: 0 });
    emit(branch);
    const jump = push({ kind: 'jump', to: 0 });
    split.second = states.length;
    emitChoice(others);
    jump.to = states.length;
  }

  function emitRepeat(part: PatternTree, min: number, max: number): void {
    for (let times = 0; times < min; times += 1) {
      if (!emitsStates(part)) break;
    }
    if (max === Infinity) {
      const loop = states.length;
      const split = push({ kind: 'split', first: loop + 1, second: 0 });
      emit(part);
      push({ kind: 'jump', to: loop });
      split.second = states.length;
      return;
    }
    const splits: Array<{ second: number }> = [];
    for (let times = min; times < max; times += 1) {
      splits.push(push({ kind: 'split', first: states.length + 1, second: 0 }));
      if (!emitsStates(part)) break;
    }
    for (const split of splits) split.second = states.length;
  }

  /** A part without states would be repeated for ever before it reached the bound. */
  function emitsStates(part: PatternTree): boolean {
    const before = states.length;
    emit(part);
    return states.length > before;
  }
}

function asciiTable(set: CharSet): Uint8Array {
  return Uint8Array.from({ length: 128 }, (_, code) => (hasCodePoint(set, code) ? 1 : 0));
}

function createMatcher(states: readonly State[]): Pattern {
  const onlyAtStart = startsAtStart(states, 0);
  // Working memory, kept between texts: matching is synchronous.
  const visitedAt = new Int32Array(states.length).fill(-1);
  let current: number[] = [];
  let next: number[] = [];
  const stack: number[] = [];
  let visits = 0;

  return {
    test(text, meter) {
      visitedAt.fill(-1);
      current = [];
      next = [];
      let position = 0;
      let before = -1;
      for (;;) {
        const code = text.codePointAt(position) ?? -1;
        visits = 1;
        // A match may begin at every position.
        if (position === 0 || !onlyAtStart) {
          if (enter(0, current, position, before, code)) return true;
        }
        if (code === -1 || (current.length === 0 && onlyAtStart)) {
          meter.spend(visits / VISITS_PER_UNIT);
          return false;
        }
        const after = position + (code > 0xffff ? 2 : 1);
        const following = text.codePointAt(after) ?? -1;
        next.length = 0;
        for (const at of current) {
          const state = states[at];
          if (state?.kind !== 'set' || !accepts(state, code)) continue;
          if (enter(at + 1, next, after, code, following)) return true;
        }
        meter.spend((visits + current.length) / VISITS_PER_UNIT);
        [current, next] = [next, current];
        before = code;
        position = after;
      }
    },
  };

  /** Adds all states that can be reached without reading. @returns whether the end of the pattern is one. */
  function enter(from: number, list: number[], position: number, before: number, code: number): boolean {
    stack.push(from);
    for (;;) {
      const at = stack.pop();
      if (at === undefined) return false;
      if (visitedAt[at] === position) continue;
      visitedAt[at] = position;
      visits += 1;
      const state = states[at];
      switch (state?.kind) {
        case 'set':
          list.push(at);
          break;
        case 'split':
          stack.push(state.second, state.first);
          break;
        case 'jump':
          stack.push(state.to);
          break;
        case 'assertion':
          if (isMet(state.assertion, position, before, code)) stack.push(at + 1);
          break;
        case 'match':
        case undefined:
          stack.length = 0;
          return true;
      }
    }
  }
}

function accepts({ set, ascii }: SetState, code: number): boolean {
  return code < 128 ? ascii[code] === 1 : hasCodePoint(set, code);
}

function isMet(assertion: Assertion, position: number, before: number, code: number): boolean {
  switch (assertion) {
    case 'start':
      return position === 0;
    case 'end':
      return code === -1;
    case 'wordBoundary':
      return isWord(before) !== isWord(code);
    case 'noWordBoundary':
      return isWord(before) === isWord(code);
  }
}

function isWord(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    code === 0x5f ||
    (code >= 0x61 && code <= 0x7a)
  );
}

/** Whether every way into the pattern passes `^`. */
function startsAtStart(states: readonly State[], from: number): boolean {
  const seen = new Set<number>();
  const open = [from];
  for (;;) {
    const at = open.pop();
    if (at === undefined) return true;
    if (seen.has(at)) continue;
    seen.add(at);
    const state = states[at];
    if (state?.kind === 'split') open.push(state.first, state.second);
    else if (state?.kind === 'jump') open.push(state.to);
    else if (state?.kind !== 'assertion') return false;
    else if (state.assertion !== 'start') open.push(at + 1);
  }
}
