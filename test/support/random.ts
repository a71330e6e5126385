/** Randomness that a seed decides, so that every run of a simulation is the same run. */

export interface Random {
  /** From 0 up to but not including 1. */
  next(): number;
  /** Waiting times between events that come at `perMs` on average (a Poisson process). */
  exponential(perMs: number): number;
  /** Log-normal with this median, and 95 of 100 values at or below `p95`. */
  logNormal(median: number, p95: number): number;
}

const NORMAL_P95 = 1.6449;

/** @param seed any whole number. The generator is mulberry32: small, fast and good enough for queues. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;

  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  return {
    next,
    exponential: (perMs) => -Math.log(1 - next()) / perMs,
    logNormal(median, p95) {
      const normal = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
      return median * Math.exp((Math.log(p95 / median) / NORMAL_P95) * normal);
    },
  };
}

/** Draws indices from 0 to `count - 1`, the one of rank r with a weight of 1 / r ** exponent (Zipf). */
export function createZipf(random: Random, count: number, exponent: number): () => number {
  const cumulated: number[] = [];
  let total = 0;
  for (let rank = 1; rank <= count; rank += 1) {
    total += rank ** -exponent;
    cumulated.push(total);
  }
  return () => {
    const wanted = random.next() * total;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulated[middle] ?? total) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
