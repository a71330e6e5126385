/** What several rounds of one measurement come to: the middle, and how far the rounds lie apart. */
import { median } from '../timing.ts';

export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** @throws Error when there is no value to speak of. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new Error('nothing was measured');
  return { median: median(values), low: Math.min(...values), high: Math.max(...values) };
}

/**
 * How many times the reference each round took: rounds are compared with themselves, because what else the
 * machine did differs from round to round.
 */
export function ratioOf(values: readonly number[], reference: readonly number[]): Spread {
  const ratios = values.flatMap((value, round) => {
    const base = reference[round];
    return base === undefined || base === 0 ? [] : [value / base];
  });
  return spreadOf(ratios);
}

/** With as many digits as mean something: `312 (298–341)`, `3.1 (2.9–3.4)`. */
export function written({ median: middle, low, high }: Spread): string {
  const digits = [20, 2].filter((bound) => middle < bound).length;
  const text = (value: number) => value.toFixed(digits);
  return text(low) === text(high) ? text(middle) : `${text(middle)} (${text(low)}–${text(high)})`;
}
