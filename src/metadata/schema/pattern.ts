/**
 * Regular expressions whose time grows with the text and never explodes: every position of the text visits every
 * state of the pattern at most once (Thompson 1968), and each visit is counted, so that a request can be given up.
 */
import { type CharSet, getPropertySet, hasCodePoint } from './char-set.ts';
import type { Meter } from './meter.ts';
import { type Assertion, parsePattern, PatternRefusal, type PatternTree } from './pattern-syntax.ts';

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
