/**
 * What is wrong with an edited value, in the form's own sentences. The rules are those of JSON Schema and not those of
 * HTML: lengths are counted in code points, and a pattern is looked for anywhere in the text.
 */
import type { NumberPlan, TextPlan } from './plan.ts';
import { formatMessage, type Messages } from './messages.ts';

/** The length of a text as JSON Schema counts it: an emoji is not two characters. */
const lengthOf = (text: string): number => Array.from(text).length;

/** The first rule that `text` breaks, or undefined. */
export function checkText(
  text: string,
  { minLength, maxLength, pattern }: Pick<TextPlan, 'minLength' | 'maxLength' | 'pattern'>,
  messages: Messages,
): string | undefined {
  const length = lengthOf(text);
  if (minLength !== undefined && length < minLength) {
    return formatMessage(messages.tooShort, { limit: minLength, length });
  }
  if (maxLength !== undefined && length > maxLength) {
    return formatMessage(messages.tooLong, { limit: maxLength, length });
  }
  const expression = pattern === undefined ? undefined : parsePattern(pattern);
  return expression === undefined || expression.test(text) ? undefined : messages.patternMismatch;
}

/** The first rule that `value` breaks, or undefined. */
export function checkNumber(value: number, plan: NumberPlan, messages: Messages): string | undefined {
  const { isWhole, min, max, above, below, multipleOf } = plan;
  if (isWhole && !Number.isInteger(value)) return messages.notWhole;
  const broken: ReadonlyArray<
    readonly [limit: number | undefined, isBroken: (limit: number) => boolean, text: string]
  > = [
    [min, (limit) => value < limit, messages.tooSmall],
    [max, (limit) => value > limit, messages.tooLarge],
    [above, (limit) => value <= limit, messages.notAbove],
    [below, (limit) => value >= limit, messages.notBelow],
    [multipleOf, (limit) => !isMultiple(value, limit), messages.notMultiple],
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
