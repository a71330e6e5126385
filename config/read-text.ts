/** Files that the configuration names. */

/** Reads a file as text; throws when it cannot. */
export type ReadFile = (path: string) => string;

/** The text, or undefined and a fault that names the variable, not the path. */
export function readText(
  name: string,
  path: string,
  readFile: ReadFile,
  faults: string[],
): string | undefined {
  try {
    return readFile(path);
  } catch {
    faults.push(`${name}: the file cannot be read`);
    return undefined;
  }
}
