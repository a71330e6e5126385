/** Lists and parameters in header values (RFC 9110 section 5.6), read as every recipient must read them. */

const PARTS = { ',': /(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/gs, ';': /(?:[^;"]|"(?:[^"\\]|\\.)*"?)+/gs } as const;

/**
 * The parts of a value between separators outside of quoted strings, without the white space around them. Empty parts
 * are left out (RFC 9110 section 5.6.1.2).
 */
export function splitValue(value: string, separator: keyof typeof PARTS): readonly string[] {
  return (value.match(PARTS[separator]) ?? []).map((part) => part.trim()).filter((part) => part !== '');
}

interface Parameter {
  /** In lower case. */
  readonly name: string;
  /** Without quotes; empty where there is none. */
  readonly value: string;
}

/** Reads `name`, `name=value` or `name="value"`, with the white space around `=` that some senders add. */
export function parseParameter(text: string): Parameter {
  const at = text.indexOf('=');
  if (at < 0) return { name: text.trim().toLowerCase(), value: '' };
  const value = text.slice(at + 1).trim();
  const [, quoted] = /^"(.*)"$/s.exec(value) ?? [];
  return {
    name: text.slice(0, at).trim().toLowerCase(),
    value: quoted === undefined ? value : quoted.replaceAll(/\\(.)/gs, '$1'),
  };
}

// Whether a client takes a media type, by its `Accept` header (RFC 9110 section 12.5.1).

const TOKEN = "[\\w!#$%&'*+.^`|~-]+";
const MEDIA_RANGE = new RegExp(`^(${TOKEN})/(${TOKEN})$`);
const WEIGHT = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;

interface MediaRange {
  readonly type: string;
  readonly subtype: string;
  readonly weight: number;
}

/**
 * Compares types and subtypes; of the parameters, only `q` counts, because no answer here comes in variants. The most
 * specific range that fits decides, and a weight of 0 refuses. A header that cannot be read is taken as absent.
 * @param mediaType in lower case, without parameters.
 */
export function accepts(header: string | undefined, mediaType: string): boolean {
  // What nearly everybody sends needs no negotiation.
  if (header === undefined || header === '*/*' || header === mediaType) return true;
  const ranges = splitValue(header, ',').map(parseRange);
  const readable = ranges.filter((range) => range !== undefined);
  if (readable.length === 0 || readable.length < ranges.length) return true;
  const fitting = readable.filter((range) => specificity(range, mediaType) > 0);
  const most = Math.max(...fitting.map((range) => specificity(range, mediaType)));
  return fitting.some((range) => specificity(range, mediaType) === most && range.weight > 0);
}

function parseRange(text: string): MediaRange | undefined {
  const [range = '', ...parameters] = splitValue(text, ';');
  const [, type, subtype] = MEDIA_RANGE.exec(range.toLowerCase()) ?? [];
  if (type === undefined || subtype === undefined || (type === '*' && subtype !== '*')) return undefined;
  const weight = parameters.map(parseParameter).find(({ name }) => name === 'q')?.value ?? '1';
  return WEIGHT.test(weight) ? { type, subtype, weight: Number(weight) } : undefined;
}

/** 3 for the type itself, 2 for its family, 1 for any, 0 where it does not fit. */
function specificity({ type, subtype }: MediaRange, mediaType: string): number {
  if (`${type}/${subtype}` === mediaType) return 3;
  if (type === '*') return 1;
  return subtype === '*' && mediaType.startsWith(`${type}/`) ? 2 : 0;
}
