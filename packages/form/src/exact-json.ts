/** What JavaScript would lose in silence of a text with numbers or JSON: digits, and members with the same name. */
import { isJsonObject, type Json } from './json.ts';

/** Whether the number that `text` is read as has exactly the digits of `text`, apart from leading and trailing zeros. */
export function isExactNumber(text: string): boolean {
  return toDecimal(text) === toDecimal(String(Number(text)));
}

/** Whether `value`, which was read from the JSON `text`, has all digits of all its numbers. */
export function hasExactNumbers(text: string): boolean {
  return (withoutStrings(text).match(/-?\d[\d.eE+-]*/g) ?? []).every(isExactNumber);
}

/** Whether an object in the JSON `text`, which was read as `value`, names a member twice. */
export function hasDuplicateMembers(text: string, value: Json): boolean {
  return (withoutStrings(text).match(/:/g) ?? []).length > countMembers(value);
}

const withoutStrings = (text: string): string => text.replaceAll(/"(?:\\.|[^"\\])*"/g, '""');

function countMembers(value: Json): number {
  if (Array.isArray(value)) return value.reduce((sum: number, item: Json) => sum + countMembers(item), 0);
  if (!isJsonObject(value)) return 0;
  return Object.values(value).reduce((sum: number, member) => sum + 1 + countMembers(member), 0);
}

/** One way to write a decimal number: its significant digits and a power of ten. */
function toDecimal(text: string): string {
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const digits = `${whole}${fraction}`.replace(/^([-+]?)0+/, '$1');
  const significant = digits.replace(/0+$/, '');
  if (!/\d/.test(significant)) return significant.replace(/^[-+]$/, '');
  return `${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}
