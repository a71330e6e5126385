/** JSON text that must hold an object. */
export function parseObject(text: string): Record<string, unknown> {
  const value: Record<string, unknown> = JSON.parse(text);
  return value;
}
