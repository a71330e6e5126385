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
