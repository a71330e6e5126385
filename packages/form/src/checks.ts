/**
 * What is wrong with an edited value, in the form's own sentences. The rules are those of JSON Schema and not those of
 * HTML: lengths are counted in code points, and a pattern is looked for anywhere in the text.
 */
import type { NumberPlan, TextPlan } from './plan.ts';
import { formatMessage, type Words } from './words.ts';

/** The length of a text as JSON Schema counts it: an emoji is not two characters. */
const lengthOf = (text: string): number => Array.from(text).length;

/** The first rule that `text` breaks, or undefined. */
export function checkText(
  text: string,
  { minLength, maxLength, pattern }: Pick<TextPlan, 'minLength' | 'maxLength' | 'pattern'>,
  words: Words,
): string | undefined {
  const length = lengthOf(text);
  if (minLength !== undefined && length < minLength) {
    return formatMessage(words.tooShort, { limit: minLength, length });
  }
  if (maxLength !== undefined && length > maxLength) {
    return formatMessage(words.tooLong, { limit: maxLength, length });
  }
  const expression = pattern === undefined ? undefined : parsePattern(pattern);
  return expression === undefined || expression.test(text) ? undefined : words.patternMismatch;
}

/** The first rule that `value` breaks, or undefined. */
export function checkNumber(value: number, plan: NumberPlan, words: Words): string | undefined {
  const { isWhole, min, max, above, below, multipleOf } = plan;
  if (isWhole && !Number.isInteger(value)) return words.notWhole;
  const broken: ReadonlyArray<
    readonly [limit: number | undefined, isBroken: (limit: number) => boolean, text: string]
  > = [
    [min, (limit) => value < limit, words.tooSmall],
    [max, (limit) => value > limit, words.tooLarge],
    [above, (limit) => value <= limit, words.notAbove],
    [below, (limit) => value >= limit, words.notBelow],
    [multipleOf, (limit) => !isMultiple(value, limit), words.notMultiple],
  ];
  for (const [limit, isBroken, text] of broken) {
    if (limit !== undefined && isBroken(limit)) return formatMessage(text, { limit });
  }
  return undefined;
}

/** Undefined for a pattern that this browser cannot read: the service judges it. */
function parsePattern(pattern: string): RegExp | undefined {
  try {
    return new RegExp(pattern, 'u');
  } catch {
    return undefined;
  }
}

/** With the tolerance of the service, because 0.3 / 0.1 is not 3. */
function isMultiple(value: number, factor: number): boolean {
  const quotient = value / factor;
  return Math.abs(quotient - Math.round(quotient)) <= 1e-9;
}
