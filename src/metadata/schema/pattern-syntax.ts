/**
 * Regular expressions as JSON Schema has them: the syntax of ECMA-262 with the flag `u`. Only what can run in linear
 * time is accepted, which leaves out look-around and back-references; the reason for each refusal is a true one.
 */
import { type CharSet, complementSet, fromRanges, joinSets, type Range } from './char-set.ts';

/** A pattern as a tree. Groups do not capture, because a schema only asks whether there is a match. */
export type PatternTree =
  | { readonly kind: 'set'; readonly set: CharSet }
  | { readonly kind: 'assertion'; readonly assertion: Assertion }
  | { readonly kind: 'sequence'; readonly parts: readonly PatternTree[] }
  | { readonly kind: 'choice'; readonly branches: readonly PatternTree[] }
  | { readonly kind: 'repeat'; readonly part: PatternTree; readonly min: number; readonly max: number };

export type Assertion = 'start' | 'end' | 'wordBoundary' | 'noWordBoundary';

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
export function parsePattern(pattern: string, getProperty: (name: string) => CharSet): PatternTree {
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
        return { kind: 'set', set: single(codeOf(character)) };
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
        sets.push(fromRanges([[firstOf(low), firstOf(high)]]));
      } else {
        sets.push(low);
      }
    }
    const joined = joinSets(sets);
    return negated ? complementSet(joined) : joined;
  }

  function parseClassMember(): CharSet {
    const character = take();
    if (character !== '\\') return single(codeOf(character));
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
    if (character === 'c') return single(codeOf(take()) % 32);
    if (character === 'x') return single(takeHex(2));
    if (character === 'u') return single(parseUnicodeEscape());
    return single(codeOf(character));
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

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0;
}

function single(code: number): CharSet {
  const range: Range = [code, code];
  return fromRanges([range]);
}

function firstOf(set: CharSet): number {
  return set.bounds[0] ?? 0;
}
