/**
 * Writes the bill of materials of what ships (CycloneDX, production packages only) to `dist/sbom.cdx.json`,
 * or to the file that is named.
 * It follows from the lock alone: the same lock gives the same bytes, on any machine and at any time.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [target = join(root, 'dist', 'sbom.cdx.json')] = process.argv.slice(2);

const options = ['--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application'];
const { status, stdout, stderr } = spawnSync('npm', ['sbom', ...options], {
  cwd: root,
  encoding: 'utf8',
  maxBuffer: 64 * 1024 * 1024,
});
if (status !== 0) throw new Error(`npm sbom failed:\n${stderr}`);

const bill = JSON.parse(stdout);
// npm's own `--omit=dev` leaves out packages that do ship, where development needs them too.
const isDevelopment = ({ properties = [] }) =>
  properties.some(({ name, value }) => name === 'cdx:npm:package:development' && value === 'true');
bill.components = bill.components.filter((component) => !isDevelopment(component));
const listed = new Set(
  [bill.metadata.component, ...bill.components].map((component) => component['bom-ref']),
);
bill.dependencies = bill.dependencies
  .filter(({ ref }) => listed.has(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((each) => listed.has(each)) }));
// What differs from one run, folder or npm to the next, and says nothing about the packages.
const { component } = bill.metadata;
component.name = component.purl.replace(/^pkg:npm\/(.*)@.*$/, '$1');
bill.metadata = { lifecycles: bill.metadata.lifecycles, component };
delete bill.serialNumber;
const digest = createHash('sha256').update(JSON.stringify(bill)).digest('hex');
// RFC 9562 section 5.8: a UUID made of whatever one likes, here of the content.
const [, a, b, c, d, e] = /^(.{8})(.{4}).(.{3}).(.{3})(.{12})/.exec(digest) ?? [];
const { bomFormat, specVersion, $schema, ...rest } = bill;
const serialNumber = `urn:uuid:${a}-${b}-8${c}-8${d}-${e}`;

mkdirSync(dirname(target), { recursive: true });
const text = JSON.stringify({ $schema, bomFormat, specVersion, serialNumber, ...rest }, null, 2);
writeFileSync(target, `${text}\n`);
