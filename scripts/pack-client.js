/**
 * Packs the client alone, for apps to install: the same import path as in the whole package, and no dependencies.
 * Prints the path of the tarball, which is written to the folder given, or to the working one.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const destination = resolve(process.argv[2] ?? '.');
const folder = mkdtempSync(join(tmpdir(), 'client-package-'));
try {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const project = join(root, 'packages', 'client');
  execFileSync(process.execPath, [compiler, '-p', project, '--outDir', join(folder, 'dist')], {
    stdio: 'inherit',
  });

  const { name, version, license, type, exports } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  const description = 'Typed client of metadata-bff for browsers and Node';
  const manifest = {
    name,
    version,
    description,
    license,
    type,
    sideEffects: false,
    exports,
    files: ['dist'],
  };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest, null, 2));
  copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  const packed = execFileSync('npm', ['pack', '--json', '--pack-destination', destination], {
    cwd: folder,
    encoding: 'utf8',
  });
  const [{ filename }] = JSON.parse(packed);
  process.stdout.write(`${join(destination, filename)}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
