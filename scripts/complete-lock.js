/**
 * Puts back the lock entries of platform packages that a partial registry mirror could not serve when the
 * lock was written, with their hashes. `npm ci` wants every optional dependency listed, also those of other platforms.
 * Run it after a change of dependencies: `node scripts/complete-lock.js`. It fails while a hash is missing.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const LOCK = 'package-lock.json';
const SYSTEMS = new Set(['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32']);
const LIBC = { musl: ['musl'], musleabihf: ['musl'], gnu: ['glibc'], gnueabihf: ['glibc'] };

const lock = JSON.parse(readFileSync(LOCK, 'utf8'));
for (const [parent, { optionalDependencies = {}, dev, license }] of Object.entries({ ...lock.packages })) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const path = `node_modules/${name}`;
    if (lock.packages[path] || lock.packages[`${parent}/${path}`]) continue;
    // Such names end in system, processor and C library: `cli-linux-x64-musl`.
    const words = name.split('/').at(-1)?.split('-') ?? [];
    const at = words.findIndex((word) => SYSTEMS.has(word));
    if (at < 0) continue;
    const libc = words[at] === 'linux' ? LIBC[words[at + 2]] : undefined;
    lock.packages[path] = {
      version,
      cpu: [words[at + 1]],
      ...(dev ? { dev } : {}),
      ...(libc ? { libc } : {}),
      license,
      optional: true,
      os: [words[at]],
    };
  }
}

const missing = [];
for (const [path, { integrity, link, version, ...entry }] of Object.entries(lock.packages)) {
  // The root and the workspaces come from no registry.
  if (!path.includes('node_modules/') || integrity || link) continue;
  const name = path.replace(/^.*node_modules\//, '');
  const hash = hashOf(`${name}@${version}`);
  if (hash === undefined) missing.push(`${name}@${version}`);
  // In the order in which npm writes them.
  else lock.packages[path] = { version, integrity: hash, ...entry };
}

/** What the registry says of a package that is published; undefined where it does not know it. */
function hashOf(spec) {
  try {
    const text = execFileSync('npm', ['view', spec, 'dist.integrity'], { encoding: 'utf8', stdio: 'pipe' });
    return /^sha512-[\w+/]+=*$/m.exec(text)?.[0];
  } catch {
    return undefined;
  }
}

lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(LOCK, `${JSON.stringify(lock, null, 2)}\n`);
if (missing.length > 0) {
  process.stderr.write(`The registry tells no hash of ${missing.join(', ')}.\n`);
  process.exitCode = 1;
}
