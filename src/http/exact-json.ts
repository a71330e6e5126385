/**
 * What a JSON text says and `JSON.parse` does not keep: digits of a large integer, a tiny number that becomes 0, a number
 * beyond all others, a member whose name stands twice in its object (RFC 8259 sections 4 and 6 warn of both). Stored as
 * parsed, the caller's data would change without a word.
 */
import { createScanner } from 'jsonc-parser';
import type { DocumentFault } from '../lib/app-error.ts';
import { pointerToken } from '../lib/json.ts';

/** A client must not be flooded with one line per number of a hostile body. */
const MAX_FAULTS = 50;

/** An object or a list that the scan is in. */
interface Level {
  /** The names seen so far; undefined in a list. */
  readonly names: Set<string> | undefined;
  /** The member or item that comes next or is being read. */
  step: string | number;
  /** Whether the next text is a name. */
  awaitsName: boolean;
}

/**
 * The faults of a text that `JSON.parse` accepts, by their pointers within it; the first 50. One pass over the text
 * that keeps its own stack, so that neither length nor nesting can harm it.
 */
export function findInexactJson(text: string): DocumentFault[] {
  const scanner = createScanner(text, true);
  const levels: Level[] = [];
  const faults: DocumentFault[] = [];
  // The kinds of tokens have no names at run time; in valid JSON the first character tells them apart.
  for (scanner.scan(); scanner.getTokenOffset() < text.length; scanner.scan()) {
    const first = text.charAt(scanner.getTokenOffset());
    const level = levels.at(-1);
    const fault = faultAt(first, level);
    if (fault) faults.push({ pointer: pointerTo(levels), ...fault });
    if (faults.length >= MAX_FAULTS) break;
    advance(first, level);
  }
  return faults;

  function faultAt(first: string, level: Level | undefined): Omit<DocumentFault, 'pointer'> | undefined {
    if (first === '-' || (first >= '0' && first <= '9')) return numberFault(scanner.getTokenValue());
    if (first !== '"' || !level?.names || !level.awaitsName) return undefined;
    level.step = scanner.getTokenValue();
    level.awaitsName = false;
    if (!level.names.has(level.step)) {
      level.names.add(level.step);
      return undefined;
    }
    return { code: 'name_duplicate', detail: 'The object has another member of this name.' };
  }

  function advance(first: string, level: Level | undefined): void {
    switch (first) {
      case '{':
        levels.push({ names: new Set(), step: '', awaitsName: true });
        return;
      case '[':
        levels.push({ names: undefined, step: 0, awaitsName: false });
        return;
      case '}':
      case ']':
        levels.pop();
        return;
      case ',':
        if (level?.names) level.awaitsName = true;
        else if (typeof level?.step === 'number') level.step += 1;
        return;
      default:
        return;
    }
  }
}

function pointerTo(levels: readonly Level[]): string {
  return levels
    .map(({ step }) => `/${pointerToken(step)}`)
    .join('')
    .toWellFormed();
}

function numberFault(text: string): Omit<DocumentFault, 'pointer'> | undefined {
  const value = Number(text);
  if (!Number.isFinite(value)) {
    return { code: 'number_too_large', detail: 'The number is beyond what can be stored.' };
  }
  // Nearly every number there is: few digits, which a double keeps, or a fraction, which it rounds.
  if (value !== 0 && (text.length <= 15 || !Number.isInteger(value))) return undefined;
  const given = toDecimal(text);
  const kept = toDecimal(String(value));
  const isKept = given.digits === kept.digits && given.exponent === kept.exponent;
  // Fractions are rounded everywhere; integers are counted on, and so is that something is not nothing.
  if (isKept || (given.exponent < 0 && value !== 0)) return undefined;
  return { code: 'number_not_exact', detail: 'The number cannot be stored exactly. Send it as text.' };
}

/** `digits` times ten to the power of `exponent`, without zeros at either end of the digits; zero has none. */
interface Decimal {
  readonly digits: string;
  readonly exponent: number;
}

function toDecimal(text: string): Decimal {
  const [mantissa = '', power = '0'] = text.replace(/^-/, '').toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const significant = `${whole}${fraction}`.replace(/^0+/, '');
  let end = significant.length;
  while (significant[end - 1] === '0') end -= 1;
  if (end === 0) return { digits: '', exponent: 0 };
  const exponent = Number(power) - fraction.length + (significant.length - end);
  return { digits: significant.slice(0, end), exponent };
}
