/**
 * Writes the bill of materials of the service (CycloneDX) to `dist/sbom.cdx.json`, or to the given file: the packages
 * whose code the build takes into `dist`. The same sources and lock give the same bytes, on any machine and at any time.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleService } from './build.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const [target = join(root, 'dist', 'sbom.cdx.json')] = process.argv.slice(2);

function runNpm(...args) {
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 };
  const { status, stdout, stderr } = spawnSync('npm', [...args, '--package-lock-only'], options);
  if (status !== 0) throw new Error(`npm ${args[0]} failed:\n${stderr}`);
  return stdout;
}

const bill = JSON.parse(runNpm('sbom', '--sbom-format=cyclonedx', '--sbom-type=application'));
const { packages } = await bundleService();
const shipped = new Set(
  packages.map((folder) => {
    const { name, version } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    return `${name}@${version}`;
  }),
);
bill.components = bill.components.filter((component) => shipped.has(component['bom-ref']));
const listed = new Set(
  [bill.metadata.component, ...bill.components].map((component) => component['bom-ref']),
);
bill.dependencies = bill.dependencies
  .filter(({ ref }) => listed.has(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((each) => listed.has(each)) }));
// Removes what differs between runs, folders or versions of npm.
const { component } = bill.metadata;
component.name = component.purl.replace(/^pkg:npm\/(.*)@.*$/, '$1');
bill.metadata = { lifecycles: bill.metadata.lifecycles, component };
delete bill.serialNumber;
const digest = createHash('sha256').update(JSON.stringify(bill)).digest('hex');
// RFC 9562 section 5.8: a custom UUID, here a hash of the content.
const [, a, b, c, d, e] = /^(.{8})(.{4}).(.{3}).(.{3})(.{12})/.exec(digest) ?? [];
const { bomFormat, specVersion, $schema, ...rest } = bill;
const serialNumber = `urn:uuid:${a}-${b}-8${c}-8${d}-${e}`;

mkdirSync(dirname(target), { recursive: true });
const text = JSON.stringify({ $schema, bomFormat, specVersion, serialNumber, ...rest }, null, 2);
writeFileSync(target, `${text}\n`);
