/** A bound on the work that one judgement may cost, so that no document keeps the service busy. */

export interface Meter {
  /** @throws WorkExceeded once more has been spent than the meter allows. */
  spend(units: number): void;
}

/** A judgement was given up, because it would have cost too much. */
export class WorkExceeded extends Error {
  override name = 'WorkExceeded';
}

export function createMeter(units: number): Meter {
  let left = units;
  return {
    spend(spent) {
      left -= spent;
      if (left < 0) throw new WorkExceeded('too much work');
    },
  };
}
