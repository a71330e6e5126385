/**
 * Before the suites: packs the packages, and installs them as an app does, with what stands beside them in the
 * `package.json` of a folder `consumer`, in an empty folder outside of the repository. `PACKAGES_APP` names the folder.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');
const WORKSPACES = ['client', 'form', 'local-tenant'].flatMap((name) => ['-w', `packages/${name}`]);

/** @param {string} cwd @param {readonly string[]} args */
function npm(cwd, ...args) {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

/**
 * Installs the packages beside what the manifest and the lock in `consumer` name.
 * @param {string} consumer
 */
export function installApp(consumer) {
  const app = mkdtempSync(join(tmpdir(), 'packages-'));
  process.env['PACKAGES_APP'] = app;
  npm(ROOT, 'run', '--silent', 'build:packages');
  const packed = JSON.parse(npm(ROOT, 'pack', ...WORKSPACES, '--json', '--pack-destination', app));
  // npm 12 prints an object by name where older ones print a list.
  const tarballs = Object.values(packed).map(({ filename }) => `./${filename}`);
  if (tarballs.length !== 3) throw new Error(`npm packed ${tarballs.length} packages`);
  process.env['PACKAGES_TARBALLS'] = JSON.stringify(tarballs);
  for (const name of ['package.json', 'package-lock.json', '.npmrc']) {
    cpSync(join(consumer, name), join(app, name));
  }
  try {
    npm(app, 'ci', '--prefer-offline');
  } catch (cause) {
    throw new Error(
      'These suites need a package registry: npm could not install the packages of ' + consumer,
      { cause },
    );
  }
  npm(app, 'install', '--no-save', '--prefer-offline', ...tarballs);
}

export default function setUp() {
  installApp(join(import.meta.dirname, 'consumer'));
}
