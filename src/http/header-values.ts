/** Lists and parameters in header values (RFC 9110 section 5.6), read as every recipient must read them. */

const PARTS = { ',': /(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/gs, ';': /(?:[^;"]|"(?:[^"\\]|\\.)*"?)+/gs } as const;

/**
 * The parts of a value between separators outside of quoted strings, without the white space around them. Empty parts
 * are left out (RFC 9110 section 5.6.1.2).
 */
export function splitValue(value: string, separator: keyof typeof PARTS): readonly string[] {
  return (value.match(PARTS[separator]) ?? []).map((part) => part.trim()).filter((part) => part !== '');
}

export interface Parameter {
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
