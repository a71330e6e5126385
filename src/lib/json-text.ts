/** JSON text from others: parsed without ever throwing what it contains. */
import type { ZodType } from 'zod';

/** The parsed value if the text is JSON and fits the schema, else undefined. */
export function parseJsonText<T>(text: string, schema: ZodType<T>): T | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const result = schema.safeParse(value);
  return result.success ? result.data : undefined;
}

/**
 * What does not show in a terminal or turns its text around: DEL, C1 controls, format characters such as marks of
 * direction, and line and paragraph separators (Unicode general categories Cc, Cf, Zl, Zp). JSON allows them in texts.
 */
const PLAIN = /^[\u0020-\u007e]*$/;
const UNPRINTABLE = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

/** The same JSON text with such characters as `\uXXXX`. For lines that people read, with what callers choose in them. */
export function escapeUnprintable(json: string): string {
  // Nearly every line, and much faster than to look for each of them.
  if (PLAIN.test(json)) return json;
  return json.replaceAll(UNPRINTABLE, (character) =>
    [...Array(character.length).keys()]
      .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
