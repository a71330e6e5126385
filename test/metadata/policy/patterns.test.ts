/** Patterns of a schema mean what ECMA-262 says, and take time that grows with the text and no faster. */
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { createMeter, type Meter } from '../../../src/metadata/schema/evaluation.ts';
import { createPatternCompiler } from '../../../src/metadata/schema/pattern.ts';

const compile = createPatternCompiler();
const FREE: Meter = { spend: () => undefined };
const matches = (pattern: string, text: string) => compile(pattern).test(text, FREE);

describe('a pattern', () => {
  test.each<[pattern: string, yes: readonly string[], no: readonly string[]]>([
    ['^\\u00C0$', ['\u00c0'], ['A']],
    ['^\\u{1F600}$', ['\u{1f600}'], ['\u{1f601}']],
    ['^\\uD83D\\uDE00$', ['\u{1f600}'], ['\ud83d']],
    ['^.$', ['\u{1f600}', 'a', '\u0085'], ['\n', '\r', '\u2028', '\u2029', 'ab']],
    ['^\\p{Script=Greek}+$', ['\u03b1\u03b2'], ['ab']],
    ['^\\P{L}$', ['1'], ['a', '\u00e9']],
    ['^[\\p{Lu}\\d]+$', ['\u00c01'], ['a']],
    ['^[^]$', ['\n', 'a', '\u{1f600}'], ['', 'ab']],
    ['^[]$', [], ['', 'a']],
    ['^\\cJ$', ['\n'], ['J']],
    ['^\\S+$', ['abc', '\u200b'], ['a b', 'a\u00a0b', '\ufeff', '\u2028', '\u3000']],
    ['^\\s+$', [' \t\u00a0\ufeff\u1680\u2003\u202f\u205f\u3000\u2029'], ['\u200b', '\u180e', '']],
    ['^[\\s\\d]+$', ['1\u00a02'], ['a']],
    ['^[^\\s]+$', ['ab'], ['a\ufeffb']],
    ['^[\\S]$', ['a'], ['\u00a0']],
    ['^\\d+$', ['0123456789'], ['\u0661']],
    ['^\\w+$', ['aZ_9'], ['\u00e9']],
    ['^a\\/b$', ['a/b'], ['a\\/b']],
    ['^(?<year>\\d{4})$', ['2025'], ['25']],
    ['a$', ['a', 'ba'], ['a\n']],
    ['^a', ['ab'], ['\na']],
    ['\\bcat\\b', ['a cat.', 'cat'], ['cats', '_cat']],
    ['^[\\b\\-\\]]+$', ['\b-]'], ['b']],
    ['^\\x41\\0$', ['A\u0000'], ['A']],
    ['^[a-c-]+$', ['a-c'], ['d']],
    ['^(a|)b*?c{2}?d{1,}e{0,2}$', ['accd', 'bbccdee', 'ccddd'], ['acd', 'accdeee']],
    ['^(?:){1000000000}a$', ['a'], ['b']],
    ['', ['', 'anything'], []],
  ])('%j matches by the rules of ECMA-262', (pattern, yes, no) => {
    const oracle = new RegExp(pattern, 'u');
    for (const text of yes)
      expect([text, matches(pattern, text), oracle.test(text)]).toEqual([text, true, true]);
    for (const text of no)
      expect([text, matches(pattern, text), oracle.test(text)]).toEqual([text, false, false]);
  });

  test.each([
    ['(?=a)', 'uses look-ahead, which cannot run in linear time'],
    ['(?!a)', 'uses look-ahead, which cannot run in linear time'],
    ['(?<=a)b', 'uses look-behind, which cannot run in linear time'],
    ['(?<!a)b', 'uses look-behind, which cannot run in linear time'],
    ['(a)\\1', 'uses a back-reference, which cannot run in linear time'],
    ['(?<n>a)\\k<n>', 'uses a back-reference, which cannot run in linear time'],
    ['(', 'is not one of ECMA-262 with the flag u'],
    ['\\_', 'is not one of ECMA-262 with the flag u'],
    ['\\p{Script=Klingon}', 'is not one of ECMA-262 with the flag u'],
    ['(a{200}){200}', 'repeats too much: it has more than 10000 states'],
  ])('%j is refused for the true reason', (pattern, reason) => {
    expect(() => compile(pattern)).toThrow(reason);
  });
});

const ATOMS = [
  'a',
  'b',
  '-',
  '.',
  '\\d',
  '\\w',
  '\\s',
  '\\S',
  '\\W',
  '[ab]',
  '[^a]',
  '[a-c_]',
  '[\\d\\s]',
  '[^\\S]',
  '[]',
  '[^]',
  '\\u00e9',
  '\\u{1F600}',
  '\\p{L}',
  '\\P{Lu}',
  '[\\p{Lu}-]',
  '\\x20',
  '\\cJ',
  '\\t',
  '\\.',
  '\\$',
  'é',
  '😀',
  '\\b',
  '\\B',
  '^',
  '$',
];
const atom = fc.constantFrom(...ATOMS);
const quantifier = fc.constantFrom(
  '',
  '',
  '',
  '*',
  '+',
  '?',
  '{2}',
  '{1,}',
  '{0,2}',
  '*?',
  '+?',
  '??',
  '{2}?',
  '{1,3}?',
);
const isAssertion = (text: string) => ['^', '$', '\\b', '\\B'].includes(text);

const { pattern: anyPattern } = fc.letrec<{ pattern: string; sequence: string; part: string }>((tie) => ({
  part: fc
    .tuple(
      fc.oneof(
        { maxDepth: 2 },
        { weight: 8, arbitrary: atom },
        tie('pattern').map((inner) => `(?:${inner})`),
        tie('pattern').map((inner) => `(${inner})`),
      ),
      quantifier,
    )
    .map(([text, times]) => (isAssertion(text) ? text : text + times)),
  sequence: fc.array(tie('part'), { maxLength: 4 }).map((parts) => parts.join('')),
  pattern: fc.array(tie('sequence'), { minLength: 1, maxLength: 3 }).map((branches) => branches.join('|')),
}));
const anyText = fc
  .array(
    fc.constantFrom(
      'a',
      'b',
      'c',
      'A',
      '1',
      '_',
      '-',
      '.',
      '$',
      ' ',
      '\n',
      '\t',
      'é',
      '😀',
      '\u00a0',
      '\ufeff',
      '\u2028',
      'J',
    ),
    { maxLength: 8 },
  )
  .map((characters) => characters.join(''));

test('any pattern of the supported grammar matches what the engine of JavaScript matches', () => {
  fc.assert(
    fc.property(anyPattern, anyText, (pattern, text) => {
      // V8 looks for \B between the halves of a surrogate pair, too; ECMA-262 (AdvanceStringIndex) does not.
      fc.pre(!(pattern.includes('\\B') && /[\u{10000}-\u{10ffff}]/u.test(text)));
      expect([pattern, text, matches(pattern, text)]).toEqual([
        pattern,
        text,
        new RegExp(pattern, 'u').test(text),
      ]);
    }),
    { numRuns: 3000 },
  );
});

test.each([
  'L',
  'Lu',
  'Script=Greek',
  'Script_Extensions=Deva',
  'Emoji',
  'ASCII',
  'Any',
  'White_Space',
  'gc=Nd',
  'Cs',
  'Cn',
])('the characters of \\p{%s} are those that JavaScript has', (name) => {
  const [pattern, oracle] = [compile(`^\\p{${name}}$`), new RegExp(`^\\p{${name}}$`, 'u')];
  const differing: number[] = [];
  for (let code = 0; code <= 0x10ffff; code += 13) {
    const character = String.fromCodePoint(code);
    if (pattern.test(character, FREE) !== oracle.test(character)) differing.push(code);
  }
  expect(differing).toEqual([]);
});

/** Units spent on a text, however many. */
function spentOn(pattern: string, text: string): number {
  let spent = 0;
  compile(pattern).test(text, { spend: (units) => void (spent += units) });
  return spent;
}

describe('the work that a text takes', () => {
  test.each([
    '^(a+)+$',
    '^(a|aa)+$',
    '(a|b|ab)*c',
    '(.*a){10}b',
    '(x+x+)+y',
    'a[ab]{50}b',
    '(a?){30}a{30}$',
    '\\b(\\w+\\s?)+$',
  ])('of %s grows no faster than the text', (pattern) => {
    const text = 'ab'.repeat(1000);
    expect(spentOn(pattern, `${text}${text}!`)).toBeLessThan(2.1 * spentOn(pattern, `${text}!`));
  });

  test('is given up where the meter ends', () => {
    expect(() => compile('[ab]{1,1000}$').test(`${'ab'.repeat(4000)}!`, createMeter(100_000))).toThrow(
      'too much work',
    );
  });
});
