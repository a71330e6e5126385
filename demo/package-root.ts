/** Where the project's own files are, from a source file as well as from its compiled form below `.build`. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The directory of the closest `package.json` at or above `directory`. */
export function packageRoot(directory: string): string {
  if (existsSync(join(directory, 'package.json'))) return directory;
  const parent = dirname(directory);
  if (parent === directory) throw new Error('no package.json above this file');
  return packageRoot(parent);
}
