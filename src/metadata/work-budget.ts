/**
 * The work that one request may cause. Everything whose cost a caller can multiply spends from a budget, so that the
 * time a request takes is bounded by its budget and not by the caller's imagination. Work is counted, not timed: the
 * same request is accepted or refused on every machine.
 */
import { tooLarge } from './document.ts';

export interface WorkBudget {
  /**
   * Counts work before it is done. One unit is a member or an item that is visited, copied or compared.
   * @throws AppError `metadata_too_large` with the fault `patch_too_costly` once the budget is spent.
   */
  spend(units: number): void;
  /** The units counted so far. */
  spent(): number;
}

/**
 * For one JSON Patch. A unit takes about 50 nanoseconds, so that a patch that spends everything takes about 10
 * milliseconds. A thousand ordinary operations on a document of 8 KB spend less than a twentieth of it.
 */
export const PATCH_WORK_MAX = 200_000;

/** Bytes of text that cost as much as one member: text is compared and measured by native code. */
const BYTES_PER_UNIT = 64;
/** List items that cost as much to shift as one member to visit. */
const SHIFTS_PER_UNIT = 32;

export function createWorkBudget(maxUnits: number = PATCH_WORK_MAX): WorkBudget {
  let spent = 0;
  return {
    spend(units) {
      spent += units;
      if (spent > maxUnits) {
        throw tooLarge('', 'patch_too_costly', 'The operations of the patch together cost too much work.');
      }
    },
    spent: () => spent,
  };
}

/** The units for reading so many bytes of text. */
export function textUnits(bytes: number): number {
  return Math.ceil(bytes / BYTES_PER_UNIT);
}

/** The units for moving so many items of a list by one place. */
export function shiftUnits(items: number): number {
  return Math.ceil(items / SHIFTS_PER_UNIT);
}
