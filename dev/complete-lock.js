/**
 * Puts back the lock entries of platform packages that a partial registry mirror could not serve when the
 * lock was written. `npm ci` wants every optional dependency listed, also those of other platforms.
 * Run it after a change of dependencies: `node dev/complete-lock.js`.
 */
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
lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(LOCK, `${JSON.stringify(lock, null, 2)}\n`);
